"""ATen's elementwise operations and the backward operations that autograd makes of them, by Costate's functions."""

import math

import torch

import costate
from costate import _numpy
from costate._elementwise import FUNCTIONS, LOGIC
from costate.torch._recorder import CannotCapture
from costate.torch._values import elementwise

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


def _heaviside(x, at_zero):
    return costate.where(costate.equal(x, 0), at_zero, x > 0)


def _same(x, *_, **__):
    return x


def _logical(function):
    """Of numbers, too, of which all but 0 are true."""
    return lambda *operands: function(*(1 - costate.equal(x, 0) for x in operands))


def _bitwise(name):
    rule = elementwise(LOGIC[name])

    def of_truth_values(t, node, *operands):
        dtype = t.capture.dtype(node.outputs[0])
        if dtype is not torch.bool:
            raise CannotCapture(f"it computes with the bits of {dtype} numbers (aten::bitwise_{name})")
        return rule(t, node, *operands)

    return of_truth_values


_E = elementwise
# By the name of the operation, whatever its overload.
RULES = {
    **{name: _E(function) for name, function in FUNCTIONS.items()},
    **{name: _E(getattr(costate, name)) for name in ("sigmoid", "relu", "silu", "minimum", "maximum")},
    "reciprocal": _E(lambda x: 1 / x), "gelu": _E(_gelu), "elu": _E(_elu),
    "log2": _E(lambda x: costate.log(x) / math.log(2)), "log10": _E(lambda x: costate.log(x) / math.log(10)),
    "softplus": _E(_softplus), "leaky_relu": _E(lambda x, slope=0.01: costate.where(x > 0, x, slope * x)),
    "mish": _E(lambda x: x * costate.tanh(costate.softplus(x))), "hardtanh": _E(lambda x, low=-1, high=1: _clamp(x, low, high)), "clamp": _E(_clamp),
    "clamp_min": _E(_clamp), "clamp_max": _E(lambda x, high: _clamp(x, None, high)), "relu6": _E(lambda x: _clamp(x, 0.0, 6.0)),
    "add": _E(_add), "sub": _E(_sub), "rsub": _E(lambda x, y, alpha=1: _sub(y, x, alpha)), "div": _E(_divide),
    "pow": _E(_power), "remainder": _E(costate.mod), "addcmul": _E(lambda x, a, b, value=1: x + value * (a * b)),
    "where": _E(costate.where), "heaviside": _E(_heaviside),
    **{f"logical_{name}": _E(_logical(function)) for name, function in LOGIC.items()}, **{f"bitwise_{name}": _bitwise(name) for name in LOGIC},
    "masked_fill": _E(lambda x, mask, value: costate.where(mask, value, x)), "lerp": _E(lambda x, y, w: x + w * (y - x)),
    "hypot": _E(_numpy.hypot),
    "tanh_backward": _E(lambda grad, y: grad * (1 - y * y)), "sigmoid_backward": _E(lambda grad, y: grad * (y * (1 - y))),
    "threshold_backward": _E(lambda grad, x, threshold: costate.where(x > threshold, grad, 0.0)), "softplus_backward": _E(_softplus_backward),
    "silu_backward": _E(_silu_backward), "gelu_backward": _E(_gelu_backward), "elu_backward": _E(_elu_backward),
    "leaky_relu_backward": _E(lambda grad, x, slope, is_result: costate.where(x > 0, grad, slope * grad)),
    **{name: _E(_same) for name in ("detach", "alias", "clone", "lift_fresh", "lift_fresh_copy", "contiguous", "positive")},
}
