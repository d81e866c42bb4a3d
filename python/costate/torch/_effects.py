"""The Python values that a field can read and change: what a record of its operations would lose.

A value that the field changes as it runs is noticed by comparing two snapshots, and put back after a trial.
"""

import collections
import types

import torch

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_DEPTH = 4
_INNER = ("_parameters", "_buffers", "_modules")  # of a module, looked at by themselves
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def _code_of(func):
    """The functions whose Python code may run."""
    if isinstance(func, torch.nn.Module):
        return [type(part).forward for part in func.modules()] + [func.forward]
    if isinstance(func, (types.FunctionType, types.MethodType)):
        return [func]
    if hasattr(func, "func") and callable(func.func):  # functools.partial
        return _code_of(func.func)
    return [getattr(type(func), "__call__", None)]


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
            self.tensors[place] = (container, key, value, value._version)
        else:
            self._visit(name, value, depth + 1)

    def _visit(self, name, value, depth):
        if depth > _DEPTH or id(value) in self._seen or isinstance(value, (type, types.ModuleType, types.BuiltinFunctionType)):
            return
        self._seen.add(id(value))
        self._kept.append(value)
        if isinstance(value, (list, tuple)):
            self._count(name, value)
            for i, item in enumerate(value[:64]):
                self._take(f"{name}[{i}]", value, i, item, depth)
        elif isinstance(value, dict):
            self._count(name, value)
            for key, item in list(value.items())[:256]:
                self._take(f"{name}[{key!r}]", value, key, item, depth)
        elif isinstance(value, set):
            self._count(name, value)
        elif isinstance(value, torch.nn.Module):
            self._visit_module(name, value, depth)
        else:
            self._visit_object(name, value, depth)

    def _count(self, name, container):
        place = (id(container), _Length)
        self.names[place] = f"len({name})"
        self.plain[place] = (container, _Length, len(container))

    def _visit_module(self, name, module, depth):
        for kind in _INNER:
            for key, item in getattr(module, kind).items():
                if item is not None:
                    self._take(f"{name}.{key}", getattr(module, kind), key, item, depth - (kind == "_modules"))
        for kind in _HOOKS:
            self._count(f"{name}.{kind}", getattr(module, kind))
        self._count(f"vars({name})", vars(module))
        for key, item in vars(module).items():
            if key not in _INNER and not key.startswith(("_forward", "_backward", "_state_dict", "_load_state", "_non_persistent", "_is_full")):
                self._take(f"{name}.{key}", vars(module), key, item, depth)
        self._visit_code(name, type(module).forward, depth)

    def _visit_object(self, name, value, depth):
        for code in _code_of(value) if callable(value) else ():
            self._visit_code(name, code, depth)
        if isinstance(value, types.MethodType):
            self._visit(name, value.__self__, depth)
        elif hasattr(value, "__dict__") and not isinstance(value, types.FunctionType):
            for key, item in vars(value).items():
                self._take(f"{name}.{key}", vars(value), key, item, depth)
        for kind in type(value).__mro__:
            for key, member in vars(kind).items():
                if isinstance(member, types.MemberDescriptorType) and not isinstance(value, types.FunctionType) and hasattr(value, key):
                    self._take(f"{name}.{key}", value, key, getattr(value, key), depth)

    def _visit_code(self, name, code, depth):
        code = getattr(code, "__func__", code)
        if not isinstance(code, types.FunctionType) or str(code.__module__).split(".")[0] in ("torch", "costate") or id(code.__code__) in self._seen:
            return
        self._seen.add(id(code.__code__))
        for free, cell in zip(code.__code__.co_freevars, code.__closure__ or ()):
            try:
                self._take(free, cell, "cell_contents", cell.cell_contents, depth)
            except ValueError:  # not yet assigned
                continue
        for used in code.__code__.co_names:
            if used in code.__globals__:
                self._take(used, code.__globals__, used, code.__globals__[used], depth)


_WITH_ENTRIES = (dict, list, tuple, collections.deque, types.MappingProxyType)


class _Length:
    """The key of a container's number of entries."""


def read(container, key):
    if key is _Length:
        return len(container)
    return container[key] if isinstance(container, _WITH_ENTRIES) else getattr(container, key)


def move(container, key, amount):
    """Adds to a counter."""
    if isinstance(container, (dict, list)):
        container[key] += amount
    else:
        setattr(container, key, getattr(container, key) + amount)


def _same(a, b):
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
            if isinstance(container, list):
                del container[value:]
        else:
            _write(container, key, value)
    for place, (container, key, value, _) in before.tensors.items():
        if place not in after.tensors or after.tensors[place][2] is not value:
            _write(container, key, value)


def _write(container, key, value):
    if isinstance(container, (dict, list)):
        container[key] = value
    elif not isinstance(container, tuple):
        setattr(container, key, value)
