"""ATen's products, reductions, moves of numbers and normalizations, by Costate's functions.

A rule is called with the Translation, the node and its operands, and gives the Value of each output.
"""

import math

import numpy as np
import torch

import costate
from costate.torch._recorder import CannotCapture
from costate.torch._values import BATCHED, FOLDED, SHARED, Mixing, Value, array_axis, batch_axis, beside, elementwise, reshaped


_FEW = 8  # numbers of a matrix, of many, that are multiplied one by one


def _matrix_product(x, w):
    """[m,k]·[k,n], [k]·[k,n] or [m,k]·[k] of Values without a batch axis among them."""
    if w.transposed is not None and len(x.shape) == 1:
        return costate.matmul(w.transposed, x.array)
    return costate.matmul(x.array, w.array)


def _product(t, node, x, w):
    if w.kind or (x.kind and (x.rank != 2 or x.kind not in (BATCHED, FOLDED))):
        if x.kind == w.kind == BATCHED and x.rank == w.rank == 3:
            return Value(costate.matmul(x.array, w.array), BATCHED)
        raise Mixing("a matrix product adds up over samples")
    return Value(_matrix_product(x, w), x.kind)


def _product_of_each(x, w):
    """[p,k] and [p,k,n] to [p,n]: p products of a row and a matrix."""
    p, k, n = w.shape
    if p == 1:
        return costate.matmul(x, w[0])
    if k == 1:
        return x * reshaped(w, (p, n))
    if k * n <= _FEW:
        return costate.sum(costate.reshape(x, (p, k, 1)) * w, axis=1)
    return costate.stack([costate.matmul(x[i], w[i]) for i in range(p)])


def _batched_product(t, node, x, w):
    if x.kind == BATCHED + 1 and not w.kind:
        return Value(_product_of_each(x.array, w.array), x.kind)
    if x.kind != w.kind or x.kind not in (SHARED, BATCHED):
        raise Mixing("a product of stacks of matrices joins samples")
    if x.kind == BATCHED:
        return Value(costate.matmul(x.array, w.array), BATCHED)
    (p, m, k), n = x.shape, w.shape[2]
    if p > 1 and k * n <= _FEW:
        columns = [reshaped(x.array[:, :, i], (p, m, 1)) * reshaped(w.array[:, i], (p, 1, n)) for i in range(k)]
        return Value(sum(columns[1:], columns[0]), SHARED)
    return Value(costate.stack([costate.matmul(x.array[i], w.array[i]) for i in range(p)]), SHARED)


def _dot(t, node, x, w):
    if x.kind or w.kind:
        raise Mixing("a product adds up over samples")
    return Value(costate.matmul(x.array, w.array), SHARED)


def _add_product(product):
    def rule(t, node, bias, x, w, beta=1, alpha=1):
        found = product(t, node, x, w)
        if alpha != 1:
            found = Value(alpha * found.array, found.kind)
        if beta != 1:
            bias = Value(beta * bias.array, bias.kind)
        return elementwise(lambda a, b: a + b)(t, node, found, bias)
    return rule


def _axes(value, dims):
    """PyTorch's axes as those of the Array; None for all of them."""
    if dims is None or dims == []:
        if value.kind:
            raise Mixing("a sum goes over samples")
        return None
    dims = [d % max(value.rank, 1) for d in (dims if isinstance(dims, (list, tuple)) else [dims])]
    return [array_axis(d, value.kind, "a sum goes over samples") for d in dims]


def _reduction(function):
    def rule(t, node, x, dims=None, keepdim=False, dtype=None):
        axes = _axes(x, dims)
        return _of_output(t, node, function(x.array, axis=axes) if x.shape else x.array)
    return rule


def _norm(t, node, x, order=2, dims=None, keepdim=False, dtype=None):
    if order != 2:
        raise CannotCapture(f"it takes a norm of order {order}")
    return _of_output(t, node, costate.norm(x.array, axis=_axes(x, dims)))


def _of_output(t, node, array):
    """An array of a sample in the shape of the node's output."""
    shape, kind = t.sample_shape(node.outputs[0])
    if math.prod(shape) != math.prod(array.shape):
        raise Mixing("a reshape joins samples")
    return Value(array if tuple(shape) == tuple(array.shape) else reshaped(array, shape), kind)


def _reshaped(t, node, x, *_, **__):
    """The same numbers in the shape of the node's output."""
    shape, kind = t.sample_shape(node.outputs[0])
    if x.kind and not kind:
        raise Mixing("a reshape joins samples")
    if kind and not x.kind:
        return _expanded(t, node, x)
    if kind and math.prod(x.shape[:batch_axis(x.kind)]) != math.prod(shape[:batch_axis(kind)]):  # the numbers before the batch
        raise Mixing("a reshape joins samples")
    return _of_output(t, node, x.array)


def _expanded(t, node, x, *_, **__):
    shape, kind = t.sample_shape(node.outputs[0])
    return Value(costate.broadcast_to(beside(x, len(shape) + (kind not in (SHARED, FOLDED)), kind), shape), kind)


def _repeat(t, node, x, repeats):
    positions, = _positions(t, node, x, lambda grid: grid.repeat(list(repeats)))
    kind, whole = t.sample_shape(node.outputs[0])[1], torch.arange(math.prod(x.shape))
    if positions.ndim and bool((positions.reshape(len(positions), -1) == whole).all()):  # the same along the first axis
        return Value(costate.broadcast_to(reshaped(x.array, (1, *positions.shape[1:])), tuple(positions.shape)), kind)
    return _gathered(x, positions, kind)


def _positions(t, node, x, function):
    """Where a function that only moves numbers takes those of each output from, seen on two samples; Mixing if from other samples."""
    size = math.prod(x.shape)
    one = torch.arange(size).reshape(x.shape)
    moved = function(_of_two_samples(one, one + size, x.kind) if x.kind else one)
    found = []
    for output, part in zip(node.outputs, moved if isinstance(moved, (list, tuple)) else [moved]):
        if not x.kind:
            found.append(part)
            continue
        kind = t.sample_shape(output)[1]
        try:
            first, second = _two_samples_of(part, kind) if kind else ()
        except (ValueError, RuntimeError, IndexError):
            raise Mixing("numbers move from one sample to another") from None
        if first.shape != second.shape or not bool((second == first + size).all()) or bool((first >= size).any()):
            raise Mixing("numbers move from one sample to another")
        found.append(first)
    return found


def _of_two_samples(first, second, kind):
    return torch.cat([first, second]) if kind == FOLDED else torch.stack([first, second], dim=batch_axis(kind))


def _two_samples_of(part, kind):
    return part.reshape(2, part.shape[0] // 2, *part.shape[1:]) if kind == FOLDED else part.unbind(batch_axis(kind))


def _gathered(x, positions, kind):
    flat, shape = positions.reshape(-1).tolist(), tuple(positions.shape)
    if isinstance(x.array, np.ndarray):
        return Value(x.array.reshape(-1)[flat].reshape(shape), kind)
    if flat and flat == list(range(flat[0], flat[0] + len(flat))):
        whole = costate.reshape(x.array, (math.prod(x.shape),))
        part = whole if len(flat) == math.prod(x.shape) else whole[flat[0]:flat[0] + len(flat)]
        return Value(costate.reshape(part, shape), kind)
    return Value(costate.gather(x.array, flat, shape), kind)


def _moved(t, node, x, *args, **kwargs):
    constants = [t.constant(a) if isinstance(a, Value) else [t.constant(b) if isinstance(b, Value) else b for b in a]
                 if isinstance(a, (list, tuple)) else a for a in args]
    positions = _positions(t, node, x, lambda grid: node.func(grid, *constants, **kwargs))
    if x.kind == SHARED and len(x.shape) == 2 and len(positions) == 1 and math.prod(x.shape) > 1:
        turned = torch.arange(math.prod(x.shape)).reshape(x.shape).t()
        if positions[0].shape == turned.shape and bool((positions[0] == turned).all()):
            return [_turned(x)]
    return [_gathered(x, part, t.sample_shape(output)[1]) for part, output in zip(positions, node.outputs)]


def _turned(x):
    """A matrix that all samples share, transposed; one that was transposed before is the matrix itself again."""
    if x.transposed is not None:
        return Value(x.transposed, x.kind)
    return Value(x.array.T if isinstance(x.array, np.ndarray) else costate.transpose(x.array), x.kind, x.array)


def _concat(t, node, parts, dim=0):
    kind = max(p.kind for p in parts)
    axis = dim % max(p.rank for p in parts)
    parts = [p for p in parts if p.rank > 1 or math.prod(p.shape)]
    if not all(p.kind == kind for p in parts):
        raise Mixing("a concatenation joins samples")
    return Value(costate.concat([p.array for p in parts], axis=array_axis(axis, kind, "a concatenation joins samples")), kind)


def _stack(t, node, parts, dim=0):
    kind, made = max(p.kind for p in parts), t.sample_shape(node.outputs[0])[1]
    if not all(p.kind == kind for p in parts):
        raise Mixing("a stack joins samples")
    axis = array_axis(dim % (parts[0].rank + 1), made, "a stack joins samples")
    shape = parts[0].shape[:axis] + (1,) + parts[0].shape[axis:]
    return Value(costate.concat([costate.reshape(p.array, shape) for p in parts], axis=axis), made)


def _layer_norm(t, node, x, normalized, weight, bias, eps):
    axes = list(range(len(x.shape) - len(normalized), len(x.shape)))
    if x.kind and x.rank - len(normalized) <= batch_axis(x.kind):
        raise Mixing("a normalization goes over samples")
    found = Value(costate.layer_norm(x.array, axis=axes, eps=eps), x.kind)
    return [_affine(t, node, found, weight, bias), None, None]


def _affine(t, node, x, weight, bias):
    for factor, join in ((weight, lambda a, b: a * b), (bias, lambda a, b: a + b)):
        if factor is not None:
            x = elementwise(join)(t, node, x, factor)
    return x


def _group_norm(t, node, x, weight, bias, n, channels, size, groups, eps):
    if x.kind != BATCHED:
        raise CannotCapture("it normalizes groups of channels of a state without a batch axis")
    found = costate.group_norm(x.array, groups, eps=eps)
    for factor, join in ((weight, lambda a, b: a * b), (bias, lambda a, b: a + b)):
        if factor is not None:
            found = join(found, costate.reshape(factor.array, (channels,) + (1,) * (len(x.shape) - 1)))
    return [Value(found, BATCHED), None, None]


def _batch_norm(t, node, x, weight, bias, mean, variance, is_training, momentum, eps):
    """By the running mean and variance: a scale and a shift of each channel."""
    if is_training or mean is None:
        raise Mixing("a normalization goes over samples")
    axis, channels = array_axis(1, x.kind, "channels are the batch"), mean.shape[0]
    of_channels = lambda numbers: reshaped(numbers, (channels,) + (1,) * (len(x.shape) - axis - 1))
    scale = 1 / costate.sqrt(variance.array + eps)
    if weight is not None:
        scale = scale * weight.array
    found = (x.array - of_channels(mean.array)) * of_channels(scale)
    return [Value(found if bias is None else found + of_channels(bias.array), x.kind), None, None]


def _convolution(t, node, x, weight, bias, stride, padding, dilation, is_transposed, _, groups):
    if is_transposed or len(stride) not in (1, 2) or x.kind != BATCHED:
        raise CannotCapture("it has a convolution other than of images or series of samples")
    if len(stride) == 1:
        found = costate.conv1d(x.array, weight.array, stride=stride[0], padding=padding[0], dilation=dilation[0], groups=groups)
    else:
        found = costate.conv2d(x.array, weight.array, stride=tuple(stride), padding=tuple(padding), dilation=tuple(dilation), groups=groups)
    if bias is not None:
        found = found + costate.reshape(bias.array, (bias.shape[0],) + (1,) * len(stride))
    return Value(found, BATCHED)


def _pooled(function, x, kernel, stride, padding, others):
    """`others` are what the core's windows do not have, with the values by which they are as its own."""
    if x.kind != BATCHED or any(value != usual for value, usual in others):
        raise CannotCapture("it pools other than by whole windows of images of samples, without dilation")
    pair = lambda numbers: tuple(numbers) * (2 // len(numbers))
    return Value(function(x.array, pair(kernel), pair(stride) if stride else None, pair(padding)), BATCHED)


def _max_pool(t, node, x, kernel, stride=(), padding=(0, 0), dilation=(1, 1), ceil_mode=False):
    return [_pooled(costate.max_pool2d, x, kernel, stride, padding, [(list(dilation), [1] * len(dilation)), (ceil_mode, False)]), None]


def _avg_pool(t, node, x, kernel, stride=(), padding=(0, 0), ceil_mode=False, count_include_pad=True, divisor_override=None):
    counts_padding = count_include_pad or not any(padding)
    return _pooled(costate.avg_pool2d, x, kernel, stride, padding, [(ceil_mode, False), (counts_padding, True), (divisor_override, None)])


def _padded(t, node, x, widths, value=0):
    """Numbers `value` around x, or fewer of its own; the widths are of the last axis, then of the one before it, …"""
    around, kept = [(0, 0)] * len(x.shape), [slice(None)] * len(x.shape)
    for i, pair in enumerate(zip(widths[::2], widths[1::2])):
        if any(pair):
            axis = array_axis(x.rank - 1 - i, x.kind, "padding adds samples")
            around[axis] = tuple(max(width, 0) for width in pair)
            kept[axis] = slice(max(-pair[0], 0), x.shape[axis] - max(-pair[1], 0))
    part = x.array[tuple(kept)]
    found = costate.pad(part, around) if np.any(around) else part
    return Value(found + np.pad(np.zeros(tuple(part.shape)), around, constant_values=value) if value else found, x.kind)


def _log_sum_exp(t, node, x, dims, keepdim=False):
    axes = _axes(x, dims)
    largest = costate.max(x.array, axis=axes)
    largest = costate.stop_gradient(costate.where(costate.abs(largest) < np.inf, largest, 0.0))
    beside_it = costate.reshape(largest, tuple(1 if axis in axes else size for axis, size in enumerate(x.shape)))
    return _of_output(t, node, costate.log(costate.sum(costate.exp(x.array - beside_it), axis=axes)) + largest)


def _softmax_by(function):
    def rule(t, node, x, dim, *_):
        axes = _axes(x, [dim])
        return Value(function(x.array, axis=axes[0]), x.kind)
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
    "native_layer_norm": _layer_norm, "native_group_norm": _group_norm, "native_batch_norm": _batch_norm, "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool, "avg_pool2d": _avg_pool, "constant_pad_nd": _padded, "logsumexp": _log_sum_exp,
    "_softmax": _softmax_by(costate.softmax), "_log_softmax": _softmax_by(costate.log_softmax),
}
