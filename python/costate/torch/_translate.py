"""A record of ATen operations as operations of a Costate trace, for one sample.

Each value is an Array without its first axis where that is the batch (BATCHED). A view may have joined the batch with the axis after it
(FOLDED); an Array then has that part of the axis which is its sample's. What mixes samples is refused (Mixing): the whole batch is then
one sample of the graph.
"""

import math

import numpy as np
import torch

import costate
from costate.torch._recorder import CannotCapture, Ref


SHARED, BATCHED, FOLDED = 0, 1, 2  # what the first axis is


class Mixing(Exception):
    """The field does not act on each sample alone; says where."""


class Value:
    """An Array or a NumPy array of one sample; of a transposed matrix, the one before as well."""

    __slots__ = ("array", "is_batched", "transposed")

    def __init__(self, array, is_batched, transposed=None):
        self.array, self.is_batched, self.transposed = array, is_batched, transposed

    @property
    def shape(self):
        return tuple(self.array.shape)

    @property
    def rank(self):
        return len(self.shape) + (self.is_batched == BATCHED)


def _shape(array):
    return tuple(getattr(array, "shape", ()))


def _aligned(values):
    """The arrays of operands of an elementwise operation, by PyTorch's broadcasting, and whether the result is batched."""
    rank = max((v.rank for v in values if isinstance(v, Value)), default=0)
    kinds = {v.is_batched for v in values if isinstance(v, Value)} - {SHARED}
    if len(kinds) > 1:
        raise Mixing("samples of one operand meet features of another")
    is_batched = max(kinds, default=SHARED)
    arrays = []
    for v in values:
        if not isinstance(v, Value):
            arrays.append(v)
        elif v.is_batched and v.rank < rank:
            raise Mixing("samples of one operand meet features of another")
        elif is_batched and not v.is_batched and v.rank == rank:
            if v.shape[0] != 1:
                raise Mixing("an operand has another number for each sample, which is known outside of the field only")
            arrays.append(_reshape(v.array, v.shape[1:]) if is_batched == BATCHED else v.array)
        else:
            arrays.append(v.array)
    return arrays, is_batched


def _reshape(array, shape):
    return array.reshape(shape) if isinstance(array, np.ndarray) else costate.reshape(array, shape)


def _elementwise(function):
    def rule(t, node, *args, **kwargs):
        arrays, is_batched = _aligned(args)
        return Value(function(*arrays, **kwargs), is_batched)
    return rule


def _matrix_product(x, w):
    """[m,k]·[k,n], [k]·[k,n] or [m,k]·[k] of Values without a batch axis among them."""
    if w.transposed is not None and len(_shape(x.array)) == 1:
        return costate.matmul(w.transposed, x.array)
    return costate.matmul(x.array, w.array)


def _product(t, node, x, w):
    if w.is_batched or (x.is_batched and x.rank != 2):
        if x.is_batched == w.is_batched == BATCHED and x.rank == w.rank == 3:
            return Value(costate.matmul(x.array, w.array), BATCHED)
        raise Mixing("a matrix product adds up over samples")
    return Value(_matrix_product(x, w), x.is_batched)


def _batched_product(t, node, x, w):
    if x.is_batched != w.is_batched:
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
        return _elementwise(lambda a, b: a + b)(t, node, found, bias)
    return rule


def _axes(value, dims):
    """PyTorch's axes as those of the Array; None for all of them."""
    if dims is None or dims == []:
        if value.is_batched:
            raise Mixing("a sum goes over samples")
        return None
    dims = [d % max(value.rank, 1) for d in (dims if isinstance(dims, (list, tuple)) else [dims])]
    if value.is_batched and 0 in dims:
        raise Mixing("a sum goes over samples")
    return [d - (value.is_batched == BATCHED) for d in dims]


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
    if is_batched == BATCHED and not x.is_batched and x.rank == len(shape) + 1:
        array = _reshape(array, x.shape[1:])
    return Value(costate.broadcast_to(array, shape), is_batched)


def _repeat(t, node, x, repeats):
    if x.is_batched and (len(repeats) > x.rank or repeats[0] != 1):
        raise Mixing("a repeat makes more samples")
    positions = _positions(x, lambda grid: grid.repeat(list(repeats)))
    return _gathered(x, positions)


def _positions(x, function):
    """Where a function that only moves numbers takes them from, seen on two samples; Mixing if it moves them between samples."""
    size = math.prod(x.shape)
    if not x.is_batched:
        return function(torch.arange(size).reshape(x.shape))
    shape = (2, *x.shape) if x.is_batched == BATCHED else (2 * x.shape[0], *x.shape[1:])
    moved = function(torch.arange(2 * size).reshape(shape))
    first = []
    for part in moved if isinstance(moved, (list, tuple)) else [moved]:
        if part.ndim == 0 or part.shape[0] % 2 or (x.is_batched == BATCHED and part.shape[0] != 2):
            raise Mixing("numbers move from one sample to another")
        halves = part.reshape(2, part.shape[0] // 2, *part.shape[1:])
        if not bool((halves[1] == halves[0] + size).all()) or bool((halves[0] >= size).any()):
            raise Mixing("numbers move from one sample to another")
        first.append(halves[0, 0] if x.is_batched == BATCHED else halves[0])
    return first if isinstance(moved, (list, tuple)) else first[0]


def _gathered(x, positions):
    flat, shape = positions.reshape(-1).tolist(), tuple(positions.shape)
    if isinstance(x.array, np.ndarray):
        return Value(x.array.reshape(-1)[flat].reshape(shape), x.is_batched)
    if flat == list(range(flat[0], flat[0] + len(flat))) if flat else False:
        whole = costate.reshape(x.array, (math.prod(x.shape),))
        part = whole if len(flat) == math.prod(x.shape) else whole[flat[0]:flat[0] + len(flat)]
        return Value(costate.reshape(part, shape), x.is_batched)
    return Value(costate.gather(x.array, flat, shape), x.is_batched)


def _moved(t, node, x, *args, **kwargs):
    constants = [t.constant(a) if isinstance(a, Value) else [t.constant(b) if isinstance(b, Value) else b for b in a]
                 if isinstance(a, (list, tuple)) else a for a in args]
    moved = _positions(x, lambda grid: node.func(grid, *constants, **kwargs))
    if isinstance(moved, (list, tuple)):
        return [_gathered(x, part) for part in moved]
    found = _gathered(x, moved)
    is_matrix = len(x.shape) == 2 and not x.is_batched and moved.ndim == 2 and x.shape[0] * x.shape[1] > 1
    if is_matrix and bool((moved == torch.arange(moved.numel()).reshape(x.shape).t()).all() if tuple(moved.shape) == x.shape[::-1] else False):
        found.transposed = x.array
    return found


def _concat(t, node, parts, dim=0):
    is_batched = max(p.is_batched for p in parts)
    axis = dim % max(p.rank for p in parts)
    parts = [p for p in parts if p.rank > 1 or math.prod(p.shape)]
    if is_batched and (axis == 0 or not all(p.is_batched == is_batched for p in parts)):
        raise Mixing("a concatenation joins samples")
    return Value(costate.concat([p.array for p in parts], axis=axis - (is_batched == BATCHED)), is_batched)


def _stack(t, node, parts, dim=0):
    is_batched = max(p.is_batched for p in parts)
    axis = dim % (parts[0].rank + 1)
    if (is_batched and axis == 0) or not all(p.is_batched == is_batched for p in parts):
        raise Mixing("a stack joins samples")
    axis -= is_batched == BATCHED
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
            x = _elementwise(join)(t, node, x, factor)
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


def _gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + costate.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return costate.gelu(x)


def _softplus(x, beta=1, threshold=20):
    return costate.softplus(beta * x) / beta  # beyond the threshold PyTorch takes x itself, the same to rounding


def _softplus_backward(grad, x, beta, threshold):
    return grad * costate.sigmoid(beta * x)


def _silu_backward(grad, x):
    s = costate.sigmoid(x)
    return grad * (s * (1 + x * (1 - s)))


def _gelu_backward(grad, x, approximate="none"):
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        tanh = costate.tanh(inner)
        return grad * (0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x))
    return grad * (0.5 * (1 + costate.erf(x * math.sqrt(0.5))) + x * costate.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


def _elu(x, alpha=1, scale=1, input_scale=1):
    return scale * costate.where(x > 0, x, alpha * costate.expm1(input_scale * costate.minimum(x, 0.0)))


def _elu_backward(grad, alpha, scale, input_scale, is_result, x):
    below = alpha * scale + x if is_result else scale * alpha * costate.exp(input_scale * costate.minimum(x, 0.0))
    return grad * costate.where(x > 0, scale, input_scale * below)


def _clamp(x, low=None, high=None):
    if low is not None:
        x = costate.maximum(x, low)
    return x if high is None else costate.minimum(x, high)


def _power(x, exponent):
    return costate.square(x) if isinstance(exponent, (int, float)) and exponent == 2 else x**exponent


def _add(x, y, alpha=1):
    return x + (y if alpha == 1 else alpha * y)


def _sub(x, y, alpha=1):
    return x - (y if alpha == 1 else alpha * y)


def _divide(x, y, rounding_mode=None):
    if rounding_mode not in (None, "floor"):
        raise CannotCapture(f"it divides with rounding_mode='{rounding_mode}'")
    return x / y if rounding_mode is None else costate.floor(x / y)


def _same(x, *_, **__):
    return x


_E = _elementwise
# By the name of the operation, whatever its overload.
RULES = {
    **{name: _E(getattr(costate, name)) for name in ("abs", "sign", "floor", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin",
                                                       "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "erf", "square", "relu", "silu", "atan2",
                                                       "minimum", "maximum")},
    "neg": _E(lambda x: -x), "reciprocal": _E(lambda x: 1 / x), "rsqrt": _E(lambda x: 1 / costate.sqrt(x)), "gelu": _E(_gelu), "elu": _E(_elu),
    "log2": _E(lambda x: costate.log(x) / math.log(2)), "log10": _E(lambda x: costate.log(x) / math.log(10)),
    "softplus": _E(_softplus), "leaky_relu": _E(lambda x, slope=0.01: costate.where(x > 0, x, slope * x)),
    "mish": _E(lambda x: x * costate.tanh(costate.softplus(x))), "hardtanh": _E(lambda x, low=-1, high=1: _clamp(x, low, high)), "clamp": _E(_clamp),
    "clamp_min": _E(_clamp), "clamp_max": _E(lambda x, high: _clamp(x, None, high)), "relu6": _E(lambda x: _clamp(x, 0.0, 6.0)),
    "add": _E(_add), "sub": _E(_sub), "rsub": _E(lambda x, y, alpha=1: _sub(y, x, alpha)), "mul": _E(lambda x, y: x * y), "div": _E(_divide),
    "pow": _E(_power), "remainder": _E(costate.mod), "addcmul": _E(lambda x, a, b, value=1: x + value * (a * b)),
    "lt": _E(lambda x, y: x < y), "le": _E(lambda x, y: x <= y), "gt": _E(lambda x, y: x > y), "ge": _E(lambda x, y: x >= y),
    "eq": _E(costate.equal), "ne": _E(lambda x, y: 1 - costate.equal(x, y)), "where": _E(costate.where), "logical_not": _E(lambda x: costate.equal(x, 0)),
    "logical_and": _E(lambda x, y: (1 - costate.equal(x, 0)) * (1 - costate.equal(y, 0))), "lerp": _E(lambda x, y, w: x + w * (y - x)),
    "hypot": _E(lambda x, y: costate.sqrt(x * x + y * y)),
    "tanh_backward": _E(lambda grad, y: grad * (1 - y * y)), "sigmoid_backward": _E(lambda grad, y: grad * (y * (1 - y))),
    "threshold_backward": _E(lambda grad, x, threshold: costate.where(x > threshold, grad, 0.0)), "softplus_backward": _E(_softplus_backward),
    "silu_backward": _E(_silu_backward), "gelu_backward": _E(_gelu_backward), "elu_backward": _E(_elu_backward),
    "leaky_relu_backward": _E(lambda grad, x, slope, is_result: costate.where(x > 0, grad, slope * grad)),
    **{name: _E(_same) for name in ("detach", "alias", "clone", "lift_fresh", "lift_fresh_copy", "contiguous", "positive")},
    "mm": _product, "matmul": _product, "mv": _product, "bmm": _batched_product, "dot": _dot, "addmm": _add_product(_product),
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
# Ways to look at a tensor that cost a program nothing: done in the trace for parameters, too.
VIEWS = {"t", "transpose", "permute", "slice", "select", "view", "reshape", "unsqueeze", "squeeze", "detach", "alias", "expand", "_unsafe_view", "split",
         "unbind", "clone"}
# Results that do not depend on the numbers of their operands.
CREATIONS = {"ones_like", "zeros_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_full", "new_empty"}


def name_of(node):
    """"add" of aten::add_.Tensor."""
    return node.func.name().split("::")[1].split(".")[0].rstrip("_")


class Translation:
    """Goes through a Capture's nodes (_capture.py) in a trace; `inputs` are Values by index."""

    def __init__(self, capture, inputs):
        self.capture, self.values = capture, dict(inputs)

    def sample_shape(self, index):
        """The shape of a recorded value for one sample, and what its first axis is."""
        return self.capture.sample_shape(index)

    def constant(self, value):
        """The numbers of an index, which must be known."""
        if isinstance(value.array, np.ndarray):
            return torch.from_numpy(np.asarray(value.array))
        raise CannotCapture("it takes numbers at places that depend on numbers")

    def value(self, index):
        """Computes what it needs, from the outputs back."""
        stack = [index]
        while stack:
            index = stack[-1]
            if index in self.values:
                stack.pop()
                continue
            constant = self.capture.constant(index)
            if constant is not None:
                self.values[index] = constant
                continue
            node = self.capture.producer[index]
            missing = [ref.index for ref in refs_of((node.args, node.kwargs)) if ref.index not in self.values]
            if missing:
                stack.extend(missing)
                continue
            self._run(node)
        return self.values[index]

    def _run(self, node):
        name = name_of(node)
        rule = RULES.get(name)
        if name == "_to_copy":
            rule = _converted
        if rule is None:
            raise CannotCapture(f"it uses {node.func.name()}, which Costate does not have")
        try:
            found = rule(self, node, *self._resolved(node.args), **self._resolved(node.kwargs))
        except (Mixing, CannotCapture):
            raise
        except (TypeError, costate.Error) as error:
            raise CannotCapture(f"{node.func.name()} has no translation here: {error}") from error
        for output, value in zip(node.outputs, found if isinstance(found, list) else [found]):
            if output is not None and value is not None:
                self.values[output] = value

    def _resolved(self, value):
        if isinstance(value, Ref):
            return self.values[value.index]
        if isinstance(value, (list, tuple)):
            return [self._resolved(x) for x in value]
        if isinstance(value, dict):
            return {key: self._resolved(x) for key, x in value.items() if key not in ("memory_format", "layout", "device", "pin_memory", "non_blocking")}
        return value


def _converted(t, node, x, dtype=None, **_):
    before, after = t.capture.dtype(node.args[0].index), t.capture.dtype(node.outputs[0])
    if before.is_floating_point and not after.is_floating_point:
        raise CannotCapture(f"it converts to {after}")
    if after.is_floating_point and before.is_floating_point and after.itemsize < before.itemsize:
        raise CannotCapture(f"it computes in {after}")
    return x


def refs_of(value):
    """All Refs in nested lists and dicts."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple)):
        for x in value:
            yield from refs_of(x)
    elif isinstance(value, dict):
        for x in value.values():
            yield from refs_of(x)
