"""What a solve on tensors is given, checked: the field on one tensor, the times, tolerances and callbacks."""

import cmath
import enum
import functools
import operator
import warnings

import numpy as np
import torch

from costate._names import type_of
from costate.torch._runge_kutta import real_dtype


class Side(enum.Enum):
    """Where a field is evaluated that jumps at a time: at the time, just before or just after it, as time runs."""

    AT = 0
    BEFORE = -1
    AFTER = 1


_HALF = (torch.float16, torch.bfloat16)
CALLBACKS = ("callback_step", "callback_accept_step", "callback_reject_step")


class Structure:
    """A state of one tensor, or of a tuple of them that is solved as one flat tensor."""

    def __init__(self, y0):
        self.shapes = None if isinstance(y0, torch.Tensor) else tuple(part.shape for part in y0)
        self.shape = y0.shape if self.shapes is None else None
        self.dtype = functools.reduce(torch.promote_types, (part.dtype for part in ((y0,) if self.shapes is None else y0)))

    @property
    def is_tuple(self):
        return self.shapes is not None

    def flatten(self, y):
        return y if self.shapes is None else torch.cat([part.reshape(-1) for part in y])

    def widened(self, flat):
        """A state of half precision in float32, in which small steps move it."""
        return flat.float() if self.dtype in _HALF else flat

    def narrowed(self, flat):
        """What widened() was given, of what it gave."""
        return flat.to(self.dtype) if self.dtype in _HALF else flat

    def split(self, flat, leading=()):
        """The parts of a flat state, or of a stack of them, as the user knows them: each [*leading, *shape]."""
        return self.parts(self.narrowed(flat), leading)

    def parts(self, flat, leading=()):
        """The same in the dtype of the flat tensor."""
        if self.shapes is None:
            return flat
        parts, first = [], 0
        for shape in self.shapes:
            parts.append(flat[..., first:first + shape.numel()].view((*leading, *shape)))
            first += shape.numel()
        return tuple(parts)


class Field:
    """f(t, y) on the flat state; t is a number or a 0-d tensor. Counts evaluations."""

    def __init__(self, func, structure, y0, direction):
        self.func, self.structure, self.direction = func, structure, direction
        self.time_dtype, self.device = real_dtype(y0.dtype), y0.device
        self.evaluations = 0
        self.has_warned = False

    def time(self, t, side=Side.AT):
        """t as the field is given it: 0-d, of the state's real dtype."""
        if isinstance(t, torch.Tensor):
            found = t.to(device=self.device, dtype=self.time_dtype)
        else:
            found = torch.tensor(t, dtype=self.time_dtype, device=self.device)
        if side is Side.AT:
            return found
        with torch.no_grad():
            step = torch.nextafter(found, found + side.value * self.direction) - found
        return found + step

    def __call__(self, t, y, side=Side.AT):
        self.evaluations += 1
        time = self.time(t, side)
        if y.dtype is not self.structure.dtype:
            return self.structure.widened(self._slope(time, self.structure.narrowed(y)))
        return self._slope(time, y)

    def _slope(self, time, y):
        if not self.structure.is_tuple:
            slope = self.func(time, y)
            if self.evaluations == 1 and isinstance(slope, torch.Tensor):
                check_unmapped(slope)
            if type(slope) is torch.Tensor and slope.shape == y.shape and slope.dtype is y.dtype:
                return slope
            return self._checked(slope, y.shape, y)
        slopes = self.func(time, self.structure.split(y))
        if not isinstance(slopes, (tuple, list)):
            raise TypeError(f"[odeint] func must return a tuple of {len(self.structure.shapes)} tensors, as y0 is one; "
                            f"got {type_of(slopes)}.")
        if len(slopes) != len(self.structure.shapes):
            raise RuntimeError(f"[odeint] func must return one tensor for each of the {len(self.structure.shapes)} of y0; "
                               f"got {len(slopes)}.")
        if self.evaluations == 1:
            for slope in slopes:
                if isinstance(slope, torch.Tensor):
                    check_unmapped(slope)
        return torch.cat([self._checked(k, s, y).reshape(-1) for k, s in zip(slopes, self.structure.shapes)])

    def _checked(self, slope, shape, y):
        if not isinstance(slope, torch.Tensor):
            hint = " Wrap it by torch.as_tensor." if isinstance(slope, (np.ndarray, float, int)) else " Is a return missing?"
            raise TypeError(f"[odeint] func must return a torch.Tensor; got {type_of(slope)}.{hint}")
        if slope.shape != shape:
            raise RuntimeError(f"[odeint] func must return a tensor of its state's shape {tuple(shape)}; got {tuple(slope.shape)}.")
        if slope.device != y.device:
            raise RuntimeError(f"[odeint] func must return a tensor on its state's device {y.device}; got {slope.device}.")
        if slope.dtype == y.dtype:
            return slope
        if slope.is_complex() and not y.is_complex():
            raise TypeError(f"[odeint] func must return real numbers, as y0 has; got {slope.dtype}. Make y0 complex.")
        if not self.has_warned and not torch.is_autocast_enabled(y.device.type):
            self.has_warned = True
            warnings.warn(f"[odeint] func returns {slope.dtype} for a state of {y.dtype}; its values are converted.")
        return slope.to(y.dtype)


def rms_norm(tensor):
    """The root mean square of all numbers; in f32 at least, since squares in f16 overflow."""
    values = tensor.abs()
    if values.dtype in _HALF:
        values = values.float()
    return values.square().mean().sqrt() if values.numel() else values.sum()


def mixed_norm(tensors):
    """The largest of the root mean squares of several tensors."""
    return max((rms_norm(tensor) for tensor in tensors), default=0.0)


class Times:
    """Output times as numbers, and as tensors where gradients flow to them. AssertionError or TypeError, as torchdiffeq's, for bad ones."""

    def __init__(self, t):
        assert isinstance(t, torch.Tensor), f"t must be a torch.Tensor; got {type_of(t)}."
        if not t.is_floating_point():
            raise TypeError(f"`t` must be a floating point Tensor but is a {t.type()}")
        assert t.ndim == 1, f"t must be one dimensional; got shape {tuple(t.shape)}."
        self.given, self.numbers = t, t.detach().tolist()
        if not self.numbers:
            raise IndexError("[odeint] t must have at least one time, that of y0; got none.")
        self.direction = -1 if len(self.numbers) > 1 and self.numbers[1] < self.numbers[0] else 1
        follows = operator.lt if self.direction > 0 else operator.gt
        assert all(map(follows, self.numbers, self.numbers[1:])), "t must be strictly increasing or decreasing"
        self.flows = t.requires_grad and torch.is_grad_enabled()
        self.handles = list(t.double().unbind()) if self.flows else self.numbers

    def __len__(self):
        return len(self.numbers)


def _is_finite(values):
    """Whether all numbers are; their sum tells it at once, unless it overflows itself."""
    return cmath.isfinite(values.sum().item()) or bool(torch.isfinite(values).all())


def check_unmapped(tensor):
    """NotImplementedError for a tensor that stands for many: a solve decides by its numbers how it goes on."""
    if torch._C._functorch.is_batchedtensor(tensor):
        raise NotImplementedError("[odeint] torch.func.vmap cannot go through a solve; give y0 a batch axis, which func takes.")


def check_state(y0):
    """AssertionError or TypeError for a state that no solve can have."""
    assert isinstance(y0, (torch.Tensor, tuple)), f"y0 must be either a torch.Tensor or a tuple; got {type_of(y0)}."
    parts = (y0,) if isinstance(y0, torch.Tensor) else y0
    assert len(parts) > 0, "y0 must be either a torch.Tensor or a tuple of at least one; got ()."
    for part in parts:
        assert isinstance(part, torch.Tensor), f"y0 must be a tuple of torch.Tensors; got {type_of(part)} in it."
        check_unmapped(part)
        if not (part.is_floating_point() or part.is_complex()):
            raise TypeError(f"[odeint] y0 must hold floating point or complex numbers; got {part.dtype}. Convert it by y0.float().")
        if part.device != parts[0].device:
            raise RuntimeError(f"[odeint] all tensors of y0 must be on one device; got {parts[0].device} and {part.device}.")
        assert _is_finite(part.detach()), f"non-finite values in state `y`: y0 must be finite; got {part}."


def tolerance(name, value, structure, y0):
    """A tolerance as a number, or as a tensor that fits the flat state. ValueError for one that is negative or NaN, TypeError for None."""
    if value is None or isinstance(value, str):
        raise TypeError(f"[odeint] {name} must be a number, or a tensor or tuple of numbers; got {type_of(value)}.")
    found = _tolerance(name, value, structure, y0)
    if not (bool((found >= 0).all()) if isinstance(found, torch.Tensor) else found >= 0):
        raise ValueError(f"[odeint] {name} must be a number that is not negative; got {value}.")
    return found


def check_tolerances(rtol, atol):
    """ValueError where both are 0: no step could keep them."""
    allowed = rtol + atol
    if not (bool((allowed > 0).all()) if isinstance(allowed, torch.Tensor) else allowed > 0):
        raise ValueError("[odeint] rtol and atol must not both be 0, at any number of the state; a method on a grid, as rk4, takes no tolerances.")


def _tolerance(name, value, structure, y0):
    if isinstance(value, torch.Tensor):
        assert not value.requires_grad, f"{name} cannot require gradient"
        if value.ndim == 0:
            return float(value)
    if isinstance(value, (int, float)):
        return float(value)
    if structure.is_tuple:
        parts = tuple(value)
        assert len(parts) == len(structure.shapes), f"If using tupled {name} it must have the same length as the tuple y0"
        kind = {"dtype": real_dtype(y0.dtype), "device": y0.device}
        return torch.cat([torch.as_tensor(part, **kind).reshape(-1).expand(shape.numel()) for part, shape in zip(parts, structure.shapes)])
    return torch.as_tensor(value, dtype=real_dtype(y0.dtype), device=y0.device)
