"""Whose Python code is watched, and what of a piece of code tells where it reads."""

import types

import numpy as np
import torch

# Libraries whose own globals nobody changes between solves. Their objects are walked as any others are.
_LIBRARIES = {"torch", "numpy", "costate", "einops", "opt_einsum", "functorch", "builtins", "math", "cmath", "functools", "operator", "itertools",
              "contextlib", "collections", "typing", "types", "abc", "_abc", "enum", "dataclasses", "copy", "copyreg", "inspect", "warnings",
              "weakref", "_weakrefset", "re", "numbers", "fractions", "string", "importlib", "_operator", "_functools", "_collections_abc"}
# What is read there is another at another time.
OUTER_WORLD = {"random", "time", "datetime", "os", "posix", "sys", "io", "_io", "secrets", "uuid", "subprocess", "socket", "contextvars", "logging", "gc"}
LOOKS_FOR_NAMES = {"getattr", "vars", "__dict__", "setattr", "delattr", "asdict", "astuple", "__getattribute__", "dir", "deepcopy"}
UNSEEN_READS = {"globals", "eval", "exec", "__import__", "import_module", "open", "__subclasses__", "_getframe", "currentframe"}
# Types of values that nothing changes.
ATOMS = {bool, int, float, complex, str, bytes, type(None), type(...), type(NotImplemented), range, slice, np.dtype, torch.dtype, torch.device, torch.layout,
         torch.memory_format, types.CodeType, types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
         types.GetSetDescriptorType, types.MemberDescriptorType, torch._ops.OpOverload, torch._ops.OpOverloadPacket, np.ufunc}
_HEAP_TYPE = 1 << 9


def root_of(module_name):
    return str(module_name).split(".")[0]


def is_library(module_name):
    return root_of(module_name) in _LIBRARIES


def is_installed(module_name):
    """Whether code is of a library, or of what a library calls for itself."""
    return root_of(module_name) in _LIBRARIES | OUTER_WORLD


def strings(constants):
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, (tuple, frozenset)):
            yield from strings(constant)


def with_inner(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from with_inner(constant)


def is_of_python(kind):
    """Whether a class statement made a type, so that its objects have no state but attributes."""
    return bool(kind.__flags__ & _HEAP_TYPE) and any("__dict__" in vars(base) or "__slots__" in vars(base) for base in kind.__mro__)


def same(a, b):
    """Whether two values are the same number or word; of floats, by all bits that are seen."""
    return type(a) is type(b) and type(a) in ATOMS and (a is b or repr(a) == repr(b) if isinstance(a, (float, complex)) else a == b)


def alike(a, b):
    return isinstance(b, torch.Tensor) and type(a) is type(b) and (a.shape, a.dtype, a.device, a.layout) == (b.shape, b.dtype, b.device, b.layout)


def same_numbers(a, b):
    """Whether two NumPy arrays are the same by all bits."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
