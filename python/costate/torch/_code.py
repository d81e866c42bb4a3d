"""What the code of a field may read by name."""

import types

import torch

from costate.torch._trust import with_inner

_LIBRARIES = ("torch", "costate", "numpy", "math", "builtins")


def code_of(func):
    """The functions whose Python code may run."""
    if isinstance(func, torch.nn.Module):
        return [type(part).forward for part in func.modules()] + [func.forward]
    if isinstance(func, (types.FunctionType, types.MethodType)):
        return [func]
    if hasattr(func, "func") and callable(func.func):  # functools.partial
        return code_of(func.func)
    return [getattr(type(func), "__call__", None)]


def is_library(value):
    """Whether a function, class or module is of a library, whose values nobody changes."""
    where = value.__name__ if isinstance(value, types.ModuleType) else value.__module__
    return str(where).split(".")[0] in _LIBRARIES


def slots_of(kind):
    found = [base.__dict__.get("__slots__", ()) for base in kind.__mro__ if not is_library(base)]
    return [key for slots in found for key in ([slots] if isinstance(slots, str) else slots)]


def names_in(code):
    """All names that code may look up, in functions inside of it, too."""
    return {name for part in with_inner(code) for name in part.co_names}
