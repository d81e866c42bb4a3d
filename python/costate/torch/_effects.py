"""The Python values that a field can read and change: what a record of its operations would lose.

A value that the field changes as it runs is noticed by comparing two snapshots, and put back after a trial.
"""

import collections
import functools
import random
import types

import numpy as np
import torch

from costate.torch._code import code_of, is_library, names_in, slots_of
from costate.torch._recorder import CannotCapture

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
_MOST_BYTES = 1 << 20  # of a NumPy array, whose numbers are compared before each solve
_MOST_ITEMS = 1024  # of a list or dict
_DEPTH = 4
_INNER = ("_parameters", "_buffers", "_modules")  # of a module, looked at by themselves
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def own_hooks(module):
    """Whether a module has hooks that are not PyTorch's own."""
    return any(not str(getattr(hook, "__module__", "")).startswith("torch") for part in module.modules()
               for kind in _HOOKS for hook in getattr(part, kind).values())


class Snapshot:
    """Places that hold values, as they are now: `plain` numbers and words, and `tensors`.

    A place is (container, key): a dict, a list, or a closure's cell.
    """

    def __init__(self, func):
        self.names, self.plain, self.tensors = {}, {}, {}
        self.keys, self.random = {}, [(random.setstate, random.getstate()), (np.random.set_state, np.random.get_state())]
        self._seen, self._kept = set(), []
        self._visit("func", func, 0)

    def _take(self, name, container, key, value, depth):
        place = (id(container), key)
        if place in self.names:
            return
        self.names[place] = name
        self._kept.append(container)
        if isinstance(value, _PLAIN):
            self.plain[place] = (container, key, value)
        elif isinstance(value, torch.Tensor):
            self.tensors[place] = (container, key, value, None if value.is_inference() else value._version)
        elif isinstance(value, np.ndarray):
            if value.nbytes > _MOST_BYTES:
                raise CannotCapture(f"it can read a large NumPy array ({name}); make it a tensor")
            self.plain[place] = (container, key, value.copy())
        else:
            self._visit(name, value, depth + 1)

    def _visit(self, name, value, depth):
        if depth > _DEPTH or id(value) in self._seen or isinstance(value, (types.ModuleType, types.BuiltinFunctionType)):
            return
        self._seen.add(id(value))
        self._kept.append(value)
        if isinstance(value, (list, tuple, collections.deque)):
            self._count(name, value)
            for i, item in enumerate(value):
                self._take(f"{name}[{i}]", value, i, item, depth)
        elif isinstance(value, dict):
            self._count(name, value)
            for key, item in list(value.items()):
                self._take(f"{name}[{key!r}]", value, key, item, depth)
        elif isinstance(value, (set, frozenset)):
            self.names[id(value), _Items] = name
            self.plain[id(value), _Items] = (value, _Items, frozenset(value))
        elif isinstance(value, np.random.Generator):
            self.random.append((functools.partial(setattr, value.bit_generator, "state"), value.bit_generator.state))
        elif isinstance(value, random.Random):
            self.random.append((value.setstate, value.getstate()))
        elif isinstance(value, functools.partial):
            self._take(name, value, "func", value.func, depth)
            self._visit(f"{name}.args", value.args, depth)
            self._visit(f"{name}.keywords", value.keywords, depth)
        elif isinstance(value, type):
            self._visit_class(name, value, depth)
        elif isinstance(value, torch.nn.Module):
            self._visit_module(name, value, depth)
        else:
            self._visit_object(name, value, depth)

    def _count(self, name, container):
        if len(container) > _MOST_ITEMS:
            raise CannotCapture(f"it can read a long {type(container).__name__} ({name})")
        if isinstance(container, dict):
            self.keys[id(container)] = container, tuple(container)
        place = (id(container), _Length)
        self.names[place] = f"len({name})"
        self.plain[place] = (container, _Length, len(container))

    def _visit_module(self, name, module, depth):
        for kind in _INNER:
            self._count(f"{name}.{kind}", getattr(module, kind))
            for key, item in getattr(module, kind).items():
                if item is not None:
                    self._take(f"{name}.{key}", getattr(module, kind), key, item, depth - (kind == "_modules"))
        for kind in _HOOKS:
            self._count(f"{name}.{kind}", getattr(module, kind))
        self._count(f"vars({name})", vars(module))
        for key, item in vars(module).items():
            if key not in _INNER and not key.startswith(("_forward", "_backward", "_state_dict", "_load_state", "_non_persistent", "_is_full")):
                self._take(f"{name}.{key}", vars(module), key, item, depth)
        self._visit_code(name, type(module).forward, depth, type(module))

    def _visit_object(self, name, value, depth):
        for code in code_of(value) if callable(value) else ():
            self._visit_code(name, code, depth, type(getattr(value, "__self__", value)))
        if isinstance(value, types.MethodType):
            self._visit(name, value.__self__, depth)
        elif not isinstance(value, types.FunctionType):
            if hasattr(value, "__dict__"):
                self._count(f"vars({name})", vars(value))
            for key, item in getattr(value, "__dict__", {}).items():
                self._take(f"{name}.{key}", vars(value), key, item, depth)
            for key in slots_of(type(value)):
                if not key.startswith("__") and hasattr(value, key):
                    self._take(f"{name}.{key}", value, key, getattr(value, key), depth)

    def _visit_class(self, name, value, depth):
        for key, item in {} if is_library(value) else vars(value).items():
            if not key.startswith("__") and (isinstance(item, (*_PLAIN, torch.Tensor, np.ndarray, list, tuple, dict))):
                self._take(f"{name}.{key}", value, key, item, depth)

    def _visit_code(self, name, code, depth, owner=None):
        """What a function may read by name: its closure, defaults and globals, and the attributes of `owner`, the class it is a method of."""
        code = getattr(code, "__func__", code)
        if not isinstance(code, types.FunctionType) or is_library(code) or id(code.__code__) in self._seen:
            return
        self._seen.add(id(code.__code__))
        names = names_in(code.__code__)
        for kind in ("__defaults__", "__kwdefaults__"):
            if getattr(code, kind):
                self._take(f"{name}.{kind}", code, kind, getattr(code, kind), depth)
        for free, cell in zip(code.__code__.co_freevars, code.__closure__ or ()):
            try:
                self._read_by_name(free, cell, "cell_contents", cell.cell_contents, names, depth)
            except ValueError:  # not yet assigned
                continue
        for used in names:
            if used in code.__globals__:
                self._read_by_name(used, code.__globals__, used, code.__globals__[used], names, depth)
            for kind in owner.__mro__ if owner else ():
                if used in vars(kind) and not is_library(kind):
                    self._visit_member(used, kind, vars(kind)[used], depth, owner)

    def _read_by_name(self, name, container, key, value, names, depth):
        self._take(name, container, key, value, depth)
        if isinstance(value, types.ModuleType) and depth < _DEPTH and not is_library(value):
            for used in names & vars(value).keys():
                self._read_by_name(f"{name}.{used}", value, used, vars(value)[used], names, depth + 1)

    def _visit_member(self, name, kind, item, depth, owner):
        """An attribute of a class that is read through `owner`, which inherits it and may come to have one of its own."""
        code = item.fget if isinstance(item, property) else getattr(item, "__func__", item)
        if callable(code):
            self._visit_code(name, code, depth, owner)
        elif not isinstance(item, types.MemberDescriptorType):
            self._take(f"{kind.__name__}.{name}", owner, name, getattr(owner, name), depth)


_WITH_ENTRIES = (dict, list, tuple, collections.deque, types.MappingProxyType)


class _Items:
    """The key of all that is in a set."""


class _Length:
    """The key of a container's number of entries."""


def read(container, key):
    if key is _Length:
        return len(container)
    if key is _Items:
        return frozenset(container)
    return container[key] if isinstance(container, _WITH_ENTRIES) else getattr(container, key)


def move(container, key, amount):
    """Adds to a counter."""
    if isinstance(container, (dict, list)):
        container[key] += amount
    else:
        setattr(container, key, getattr(container, key) + amount)


def _same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and (a == b or (a != a and b != b))


def changes(before, after):
    """Names of what changed, and counters: (container, key, by how much), for a difference of numbers in a place that can be set."""
    names, counters = [], []
    for place, (container, key, value) in after.plain.items():
        old = before.plain.get(place)
        if old is not None and _same(old[2], value):
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and old is not None and type(old[2]) is type(value)
        if is_number and key is not _Length and not isinstance(container, tuple):
            counters.append((container, key, value - old[2]))
        else:
            names.append(after.names[place])
    for place, (_, _, value, version) in after.tensors.items():
        old = before.tensors.get(place)
        if old is None or old[2] is not value or old[3] != version:
            names.append(after.names[place])
    lost = {**before.plain, **before.tensors}.keys() - {**after.plain, **after.tensors}.keys()
    return names + [before.names[place] for place in lost], counters


def restore(before, after):
    """Puts back what a trial has changed."""
    for place, (container, key, value) in before.plain.items():
        found = after.plain.get(place)
        if found is not None and _same(found[2], value):
            continue
        if key is _Length:
            while isinstance(container, (list, collections.deque)) and len(container) > value:
                container.pop()
        elif key is _Items:
            container.clear()
            container.update(value)
        else:
            _write(container, key, value)
    for container, keys in before.keys.values():
        for key in [key for key in container if key not in keys]:
            del container[key]
    for put, state in before.random:
        put(state)
    for place, (container, key, value, _) in before.tensors.items():
        if place not in after.tensors or after.tensors[place][2] is not value:
            _write(container, key, value)


def _write(container, key, value):
    if isinstance(value, np.ndarray):
        read(container, key)[...] = value
    elif isinstance(container, (dict, list)):
        container[key] = value
    elif not isinstance(container, tuple):
        setattr(container, key, value)
