"""What JAX and PyTorch both have of elementwise functions, on Arrays of a trace, by the names that both give them."""

from costate import _core

# Of truth values, which are 1 and 0.
LOGIC = {"and": lambda x, y: x * y, "or": _core.maximum, "xor": lambda x, y: 1 - _core.equal(x, y), "not": lambda x: 1 - x}
COMPARISONS = {
    "eq": _core.equal, "ne": LOGIC["xor"], "lt": lambda x, y: x < y, "le": lambda x, y: x <= y, "gt": lambda x, y: x > y, "ge": lambda x, y: x >= y,
}
FUNCTIONS = {
    **{name: getattr(_core, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh",
                                               "cosh", "tanh", "erf", "abs", "sign", "floor", "square")},
    **COMPARISONS, "mul": lambda x, y: x * y, "neg": lambda x: -x, "rsqrt": lambda x: 1 / _core.sqrt(x), "ceil": lambda x: -_core.floor(-x),
}
