"""Layers that widen the state, or read the depth and the data."""

import contextlib
import threading

import torch

_now = threading.local()


@contextlib.contextmanager
def depth(t):
    """The depth t that DepthCat reads, while a field is evaluated."""
    before = getattr(_now, "t", None)
    _now.t = t
    try:
        yield
    finally:
        _now.t = before


def current_depth():
    """The depth of the field that is being evaluated; None outside of a solve."""
    return getattr(_now, "t", None)


class Augmenter(torch.nn.Module):
    """Widens x along an axis: by zeros, or by what augment_func makes of x; before x, or behind it with order='last'."""

    def __init__(self, augment_idx=1, augment_dims=5, augment_func=None, order="first"):
        super().__init__()
        if order not in ("first", "last"):
            raise ValueError(f"[Augmenter] order must be 'first' or 'last', where the new numbers stand; got {order!r}.")
        self.augment_idx, self.augment_dims, self.augment_func, self.order = augment_idx, augment_dims, augment_func, order

    def forward(self, x):
        if self.augment_func is not None:
            more = self.augment_func(x)
        else:
            shape = list(x.shape)
            shape[self.augment_idx] = self.augment_dims
            more = x.new_zeros(shape)
        return torch.cat([more, x] if self.order == "first" else [x, more], dim=self.augment_idx)


class DepthCat(torch.nn.Module):
    """x with the depth t beside it, along an axis. RuntimeError outside of a solve."""

    def __init__(self, idx_cat=1):
        super().__init__()
        self.idx_cat = idx_cat

    def forward(self, x):
        t = current_depth()
        if t is None:
            raise RuntimeError("[DepthCat] the depth is known inside of a solve only; call the layer as a part of a NeuralODE's field.")
        return torch.cat([x, torch.ones_like(x.narrow(self.idx_cat, 0, 1)) * t], dim=self.idx_cat)


class DataControl(torch.nn.Module):
    """x with the input of the NeuralODE beside it, which the layer has only while that is solved."""

    def __init__(self):
        super().__init__()
        self._control = None

    def forward(self, x):
        if self._control is None:
            raise RuntimeError("[DataControl] the input is known inside of a NeuralODE only.")
        return torch.cat([x, self._control], dim=1)
