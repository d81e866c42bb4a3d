"""ATen's products, reductions, moves of numbers and normalizations, by Costate's functions.

A rule is called with the Translation, the node and its operands, and gives the Value of each output.
"""

import math

import numpy as np
import torch

import costate
from costate.torch._recorder import CannotCapture
from costate.torch._values import BATCHED, FOLDED, INNER, SHARED, Mixing, Value, elementwise, reshaped

def _matrix_product(x, w):
    """[m,k]·[k,n], [k]·[k,n] or [m,k]·[k] of Values without a batch axis among them."""
    if w.transposed is not None and len(x.shape) == 1:
        return costate.matmul(w.transposed, x.array)
    return costate.matmul(x.array, w.array)


def _product(t, node, x, w):
    if w.is_batched or (x.is_batched and x.rank != 2):
        if x.is_batched == w.is_batched == BATCHED and x.rank == w.rank == 3:
            return Value(costate.matmul(x.array, w.array), BATCHED)
        raise Mixing("a matrix product adds up over samples")
    return Value(_matrix_product(x, w), x.is_batched)


def _batched_product(t, node, x, w):
    if x.is_batched == INNER and not w.is_batched:
        return Value(costate.matmul(x.array, w.array[0]), INNER)
    if x.is_batched != w.is_batched or x.is_batched == INNER:
        raise Mixing("a product of stacks of matrices joins samples")
    if x.is_batched == BATCHED:
        return Value(costate.matmul(x.array, w.array), BATCHED)
    rows = [costate.matmul(x.array[i], w.array[i]) for i in range(x.shape[0])]
    return Value(costate.stack(rows), x.is_batched)


def _dot(t, node, x, w):
    if x.is_batched or w.is_batched:
        raise Mixing("a product adds up over samples")
    return Value(costate.matmul(x.array, w.array), False)


def _add_product(product):
    def rule(t, node, bias, x, w, beta=1, alpha=1):
        found = product(t, node, x, w)
        if alpha != 1:
            found = Value(alpha * found.array, found.is_batched)
        if beta != 1:
            bias = Value(beta * bias.array, bias.is_batched)
        return elementwise(lambda a, b: a + b)(t, node, found, bias)
    return rule


def _axes(value, dims):
    """PyTorch's axes as those of the Array; None for all of them."""
    if dims is None or dims == []:
        if value.is_batched:
            raise Mixing("a sum goes over samples")
        return None
    dims = [d % max(value.rank, 1) for d in (dims if isinstance(dims, (list, tuple)) else [dims])]
    if value.is_batched and any(d < max(value.hidden, 1) for d in dims):
        raise Mixing("a sum goes over samples")
    return [d - value.hidden for d in dims]


def _reduction(function):
    def rule(t, node, x, dims=None, keepdim=False, dtype=None):
        axes = _axes(x, dims)
        found = function(x.array, axis=axes) if x.shape else x.array
        return _reshaped(t, node, Value(found, x.is_batched))
    return rule


def _norm(t, node, x, order=2, dims=None, keepdim=False, dtype=None):
    if order != 2:
        raise CannotCapture(f"it takes a norm of order {order}")
    return _reshaped(t, node, Value(costate.norm(x.array, axis=_axes(x, dims)), x.is_batched))


def _reshaped(t, node, x, *_, **__):
    """The same numbers in the shape of the node's output."""
    shape, is_batched = t.sample_shape(node.outputs[0])
    if x.is_batched and not is_batched:
        raise Mixing("a reshape joins samples")
    if is_batched and not x.is_batched:
        return _expanded(t, node, x)
    if math.prod(shape) != math.prod(x.shape):
        raise Mixing("a reshape joins samples")
    return Value(x.array if tuple(shape) == x.shape else costate.reshape(x.array, shape), is_batched)


def _expanded(t, node, x, *_, **__):
    shape, is_batched = t.sample_shape(node.outputs[0])
    array = x.array
    if is_batched in (BATCHED, INNER) and not x.is_batched and x.rank > len(shape):
        array = reshaped(array, x.shape[x.rank - len(shape):])
    return Value(costate.broadcast_to(array, shape), is_batched)


def _repeat(t, node, x, repeats):
    positions, = _positions(t, node, x, lambda grid: grid.repeat(list(repeats)))
    return _gathered(x, positions, t.sample_shape(node.outputs[0])[1])


def _positions(t, node, x, function):
    """Where a function that only moves numbers takes those of each output from, seen on two samples; Mixing if from other samples."""
    size = math.prod(x.shape)
    shape = {SHARED: x.shape, BATCHED: (2, *x.shape), INNER: (1, 2, *x.shape), FOLDED: (2 * (x.shape or (1,))[0], *x.shape[1:])}[x.is_batched]
    moved = function(torch.arange(math.prod(shape)).reshape(shape))
    found = []
    for output, part in zip(node.outputs, moved if isinstance(moved, (list, tuple)) else [moved]):
        kind = t.sample_shape(output)[1]
        if not x.is_batched:
            found.append(part)
            continue
        try:
            first, second = part.reshape(2, part.shape[0] // 2, *part.shape[1:]) if kind == FOLDED else part[0] if kind == INNER else part
        except (ValueError, RuntimeError, IndexError):
            raise Mixing("numbers move from one sample to another") from None
        if not kind or not bool((second == first + size).all()) or bool((first >= size).any()):
            raise Mixing("numbers move from one sample to another")
        found.append(first)
    return found


def _gathered(x, positions, is_batched):
    flat, shape = positions.reshape(-1).tolist(), tuple(positions.shape)
    if isinstance(x.array, np.ndarray):
        return Value(x.array.reshape(-1)[flat].reshape(shape), is_batched)
    if flat and flat == list(range(flat[0], flat[0] + len(flat))):
        whole = costate.reshape(x.array, (math.prod(x.shape),))
        part = whole if len(flat) == math.prod(x.shape) else whole[flat[0]:flat[0] + len(flat)]
        return Value(costate.reshape(part, shape), is_batched)
    return Value(costate.gather(x.array, flat, shape), is_batched)


def _moved(t, node, x, *args, **kwargs):
    constants = [t.constant(a) if isinstance(a, Value) else [t.constant(b) if isinstance(b, Value) else b for b in a]
                 if isinstance(a, (list, tuple)) else a for a in args]
    positions = _positions(t, node, x, lambda grid: node.func(grid, *constants, **kwargs))
    if x.is_batched == SHARED and len(x.shape) == 2 and len(positions) == 1 and math.prod(x.shape) > 1:
        turned = torch.arange(math.prod(x.shape)).reshape(x.shape).t()
        if positions[0].shape == turned.shape and bool((positions[0] == turned).all()):
            return [_turned(x)]
    return [_gathered(x, part, t.sample_shape(output)[1]) for part, output in zip(positions, node.outputs)]


def _turned(x):
    """A matrix that all samples share, transposed; one that was transposed before is the matrix itself again."""
    if x.transposed is not None:
        return Value(x.transposed, x.is_batched)
    return Value(x.array.T if isinstance(x.array, np.ndarray) else costate.transpose(x.array), x.is_batched, x.array)


def _concat(t, node, parts, dim=0):
    is_batched = max(p.is_batched for p in parts)
    axis = dim % max(p.rank for p in parts)
    parts = [p for p in parts if p.rank > 1 or math.prod(p.shape)]
    if is_batched and (axis < max(parts[0].hidden, 1) or not all(p.is_batched == is_batched for p in parts)):
        raise Mixing("a concatenation joins samples")
    return Value(costate.concat([p.array for p in parts], axis=axis - parts[0].hidden), is_batched)


def _stack(t, node, parts, dim=0):
    is_batched = max(p.is_batched for p in parts)
    axis = dim % (parts[0].rank + 1)
    if (is_batched and axis < max(parts[0].hidden, 1)) or not all(p.is_batched == is_batched for p in parts):
        raise Mixing("a stack joins samples")
    axis -= parts[0].hidden
    shape = parts[0].shape[:axis] + (1,) + parts[0].shape[axis:]
    return Value(costate.concat([costate.reshape(p.array, shape) for p in parts], axis=axis), is_batched)


def _layer_norm(t, node, x, normalized, weight, bias, eps):
    axes = list(range(len(x.shape) - len(normalized), len(x.shape)))
    if axes and axes[0] < (x.is_batched == FOLDED):
        raise Mixing("a normalization goes over samples")
    found = Value(costate.layer_norm(x.array, axis=axes, eps=eps), x.is_batched)
    return [_affine(t, node, found, weight, bias), None, None]


def _affine(t, node, x, weight, bias):
    for factor, join in ((weight, lambda a, b: a * b), (bias, lambda a, b: a + b)):
        if factor is not None:
            x = elementwise(join)(t, node, x, factor)
    return x


def _group_norm(t, node, x, weight, bias, n, channels, size, groups, eps):
    if x.is_batched != BATCHED:
        raise CannotCapture("it normalizes groups of channels of a state without a batch axis")
    found = costate.group_norm(x.array, groups, eps=eps)
    for factor, join in ((weight, lambda a, b: a * b), (bias, lambda a, b: a + b)):
        if factor is not None:
            found = join(found, costate.reshape(factor.array, (channels,) + (1,) * (len(x.shape) - 1)))
    return [Value(found, BATCHED), None, None]


def _convolution(t, node, x, weight, bias, stride, padding, dilation, is_transposed, _, groups):
    if is_transposed or len(stride) != 2 or x.is_batched != BATCHED:
        raise CannotCapture("it has a convolution other than of images of samples")
    found = costate.conv2d(x.array, weight.array, stride=tuple(stride), padding=tuple(padding), dilation=tuple(dilation), groups=groups)
    if bias is not None:
        found = found + costate.reshape(bias.array, (bias.shape[0], 1, 1))
    return Value(found, BATCHED)


def _softmax_by(function):
    def rule(t, node, x, dim, *_):
        axes = _axes(x, [dim])
        return Value(function(x.array, axis=axes[0]), x.is_batched)
    return rule


def _converted(t, node, x, dtype=None, **_):
    before, after = t.capture.dtype(node.args[0].index), t.capture.dtype(node.outputs[0])
    if before.is_floating_point and not after.is_floating_point:
        raise CannotCapture(f"it converts to {after}")
    if after.is_floating_point and before.is_floating_point and after.itemsize < before.itemsize:
        raise CannotCapture(f"it computes in {after}")
    return x


# By the name of the operation, whatever its overload.
RULES = {
    "_to_copy": _converted, "mm": _product, "matmul": _product, "mv": _product, "bmm": _batched_product, "dot": _dot, "addmm": _add_product(_product),
    "addmv": _add_product(_product), "baddbmm": _add_product(_batched_product),
    "sum": _reduction(costate.sum), "mean": _reduction(costate.mean), "amax": _reduction(costate.max), "amin": _reduction(costate.min),
    "linalg_vector_norm": _norm,
    **{name: _reshaped for name in ("view", "reshape", "_unsafe_view", "_reshape_alias", "flatten", "unflatten", "squeeze", "unsqueeze")},
    "expand": _expanded, "repeat": _repeat, "cat": _concat, "stack": _stack,
    **{name: _moved for name in ("t", "transpose", "permute", "slice", "select", "narrow", "index", "index_select", "flip", "roll", "split",
                                 "split_with_sizes", "chunk", "unbind", "diagonal", "unfold", "numpy_T", "movedim", "swapaxes")},
    "native_layer_norm": _layer_norm, "native_group_norm": _group_norm, "convolution": _convolution,
    "_softmax": _softmax_by(costate.softmax), "_log_softmax": _softmax_by(costate.log_softmax),
}
