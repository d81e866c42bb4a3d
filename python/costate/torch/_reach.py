"""The Python values that a field can reach: attributes, entries of containers however deep, closures, defaults, globals, other modules.

One walk, for what is put back after a trial (_effects.py) and for what is compared before each solve (_watch.py).
"""

import collections
import dis
import enum
import functools
import sys
import types
import weakref

import numpy as np
import torch

from costate.torch._trust import ATOMS, LOOKS_FOR_NAMES, OUTER_WORLD, UNSEEN_READS, is_installed, is_library, is_of_python, root_of, strings, with_inner

_BASES = {object, int, float, complex, str, bytes, dict, list, tuple, set, frozenset, collections.OrderedDict, collections.defaultdict,
          collections.deque, types.SimpleNamespace}
_NOT_READ = {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__",
             "__dataclass_fields__", "__dataclass_params__", "__firstlineno__", "__static_attributes__"}
_OF_MODULES = {"_parameters", "_buffers", "_modules"}  # of torch.nn.Module, by whose code they are read
_CALLED = (types.FunctionType, staticmethod, classmethod, property)  # perhaps by PyTorch, which names nothing
_MOST_VALUES, _MOST_BYTES = 20_000, 1 << 16
MISSING, ROOT = object(), object()


def attribute(value, key):
    """The value's, or MISSING: of a slot that is not set, or of a closure's cell that is still empty, too."""
    try:
        return getattr(value, key)
    except (AttributeError, ValueError):
        return MISSING


class Reach:
    """The places of all values: `entries` [container, all its keys or None, keys, values], `lists` [list, its items], `cells` [cell, content],
    `attributes` [object or None for the field, name, value], `arrays`, `sets`, and containers that are `empty`.

    `codes` is the code that ran in a trial, {code: its globals}. Without it, all code of the user's that the walk meets may run.
    """

    def __init__(self, func, codes=None):
        self.codes, self.tensors, self.classes = codes, {}, {}
        self.entries, self.lists, self.cells, self.attributes, self.arrays, self.sets = [], [], [], [], [], []
        self.empty, self.own_cells = [], []
        self._root = weakref.ref(func.__self__ if isinstance(func, types.MethodType) else func)
        self._seen, self._kept, self._found, self._number = set(), [], set(), 0
        self._names, self._own_names, self._partly = set(), set(), []
        self._looks_for_names = False
        for code, scope in (codes or {}).items():
            self._read(code, scope)
        if codes is None:
            self._names |= _OF_MODULES
        self._todo = collections.deque([("func", func)])
        while self._todo or self._take_more():
            self._visit(*self._todo.popleft())
        if codes is not None:
            self._check_found()
        del self._seen, self._found, self._partly, self.codes

    def refuse(self, why):
        """What is made of values that no walk can see."""

    def refuse_size(self, why):
        """More values than a walk takes."""
        self.refuse(why)

    def refuse_object(self, name, value):
        """An object whose state no walk can see."""
        self.refuse(f"it can read {name}, a {type(value).__module__}.{type(value).__qualname__}, whose state no check sees")

    def _read(self, code, scope):
        """The names in a piece of code."""
        names = {*code.co_names, *strings(code.co_consts)}
        self._names |= names
        where = root_of(scope.get("__name__"))
        if where in ("copy", "copyreg", "dataclasses"):
            self._looks_for_names = True
        if is_installed(where):
            return
        self._own_names |= names
        if names & UNSEEN_READS:
            self.refuse(f"it calls {min(names & UNSEEN_READS)}, behind which no check sees")
        self._looks_for_names |= bool(names & LOOKS_FOR_NAMES)

    def _runs(self, function):
        """Whether a function's code may run."""
        return not is_installed(function.__module__) if self.codes is None else function.__code__ in self.codes

    def _check_found(self):
        for code, scope in self.codes.items():
            if code not in self._found and not is_installed(scope.get("__name__")):
                self.refuse(f"it runs {code.co_name}, which is kept where no check sees it")

    def _take(self, name, value, place):
        """A value that is kept at a place (container, key)."""
        self._number += 1
        if self._number > _MOST_VALUES:
            self.refuse_size(f"it can reach more than {_MOST_VALUES} Python values")
            return
        if isinstance(value, torch.Tensor):
            self.tensors.setdefault(id(value), (value, place))
        if value is not MISSING and type(value) not in ATOMS:
            self._todo.append((name, value))

    def _take_entries(self, prefix, container, keys, all_keys):
        """Entries of a mapping; with all_keys, no other may come or go."""
        if all_keys == () and type(container) in (dict, collections.OrderedDict):
            self.empty.append(container)
            return
        values, root = [container.get(key, MISSING) for key in keys], self._root()
        self.entries.append([container, all_keys, tuple(keys), [ROOT if value is root else value for value in values]])
        for key, value in zip(keys, values):
            if value is not root:
                self._take(f"{prefix}{key}", value, (container, key))

    def _take_named(self, prefix, container, all_keys, is_read):
        """Entries that code reads by name; others follow where more code is met."""
        keys = [key for key in container if is_read(key)]
        self._take_entries(prefix, container, keys, all_keys)
        if self.codes is None:
            self._partly.append((prefix, container, is_read, set(keys)))

    def _take_more(self):
        """Takes what code that was met since names; whether there is something to visit."""
        for prefix, container, is_read, taken in self._partly:
            keys = [key for key in container if key not in taken and is_read(key)]
            if keys:
                taken.update(keys)
                self._take_entries(prefix, container, keys, None)
        return bool(self._todo)

    def _is_named(self, key):
        return self._looks_for_names or key in self._names

    def _visit(self, name, value):
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        self._kept.append(value)
        for kinds, visit in _VISITS:
            if isinstance(value, kinds):
                visit(self, name, value)
                return
        self._object(name, value)

    def _tensor(self, name, value):
        if type(value) not in (torch.Tensor, torch.nn.Parameter):
            self.refuse(f"it can read {name}, a tensor of the type {type(value).__name__}")
        if vars(value):
            self._take_entries(f"{name}.", vars(value), tuple(vars(value)), tuple(vars(value)))

    def _array(self, name, value):
        if type(value) is not np.ndarray or value.dtype.hasobject or value.nbytes > _MOST_BYTES:
            self.refuse(f"it can read {name}, a NumPy array of {value.size} numbers that are not compared before each solve; make it a tensor")
        else:
            self.arrays.append((value, value.copy()))

    def _mapping(self, name, value):
        keys = tuple(value)
        if not all(isinstance(key, enum.Enum) or type(key) in ATOMS or isinstance(key, (tuple, type)) for key in keys):
            self.refuse(f"it can read {name}, a dict with keys that are objects")
        self._take_entries(f"{name}.", value, keys, keys)
        self._own_attributes(name, value)

    def _list(self, name, value):
        self.lists.append([value, list(value)])
        self._tuple(name, value)

    def _tuple(self, name, value):
        for i, item in enumerate(value):
            self._take(f"{name}[{i}]", item, (value, i))
        self._own_attributes(name, value)

    def _set(self, name, value):
        if not all(type(item) in ATOMS for item in value):
            self.refuse(f"it can read {name}, a set of objects")
        self.sets.append((value, frozenset(value)))

    def _function(self, name, value):
        if not self._runs(value):
            return
        for key in ("__code__", "__defaults__", "__kwdefaults__"):
            self._take_attribute(name, value, key)
        self._mapping(name, vars(value))
        for free, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            content, root = attribute(cell, "cell_contents"), self._root()
            self.cells.append([cell, ROOT if content is root else content])
            if value is root:
                self.own_cells.append(self.cells[-1])
            if content is not root:
                self._take(free, content, (cell, "cell_contents"))
        for code in with_inner(value.__code__):
            if code not in self._found:
                self._found.add(code)
                self._walk_globals(code, value.__globals__)

    def _walk_globals(self, code, scope):
        """What code reads of its module's globals, and of modules that it imports."""
        if self.codes is None:
            self._read(code, scope)
        elif code not in self.codes:
            return
        if is_installed(scope.get("__name__")):
            return
        steps = list(dis.get_instructions(code))
        self._take_entries("", scope, sorted({step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}), None)
        for step in steps:
            if step.opname == "IMPORT_NAME" and not is_library(step.argval):
                if step.argval in sys.modules:
                    self._todo.append((step.argval, sys.modules[step.argval]))
                else:
                    self.refuse(f"it imports {step.argval or 'its own package'} as it runs")

    def _take_attribute(self, name, value, key):
        found = attribute(value, key)
        self.attributes.append([None if value is self._root() else value, key, found])  # the field itself is not to be kept alive
        self._take(f"{name}.{key}", found, (value, key))

    def _method(self, name, value):
        self._todo += [(name, value.__self__), (name, value.__func__)]

    def _built_in(self, name, value):
        owner = getattr(value, "__self__", None)
        if isinstance(owner, types.ModuleType) or owner is None:
            where = owner.__name__ if owner is not None else value.__module__
            if root_of(where) in OUTER_WORLD:
                self.refuse(f"it uses {name} of the module {where}")
        else:
            self._todo.append((name, owner))

    def _parts(self, name, value):
        """Of what Python makes of functions: they cannot be changed."""
        self._todo += [(name, part) for part in (getattr(value, key, None) for key in ("__func__", "fget", "fset", "func", "args", "keywords"))
                       if part is not None]
        if isinstance(value, functools.partial):
            self._mapping(name, vars(value))

    def _module(self, name, value):
        if root_of(value.__name__) in OUTER_WORLD:
            self.refuse(f"it uses the module {value.__name__}")
        elif not is_library(value.__name__):
            self._take_named(f"{name}.", vars(value), None, lambda key: self._looks_for_names or key in self._own_names)

    def _class(self, name, value):
        if root_of(value.__module__) in OUTER_WORLD:
            self.refuse(f"it uses {name} of the module {value.__module__}")
            return
        for base in value.__mro__:
            if id(base) in self._seen and base is not value or is_library(base.__module__):
                continue
            self._seen.add(id(base))
            members = vars(base)
            self.classes[id(members)] = base
            self._kept.append(members)
            self._take_named(f"{base.__name__}.", members, tuple(members), lambda key, members=members: key not in _NOT_READ and (
                self._is_named(key) or key.startswith("__") or isinstance(members[key], _CALLED)))
        self._todo.append((name, type(value)))

    def _object(self, name, value):
        kind = type(value)
        if callable(value) and hasattr(value, "__name__") and is_library(getattr(value, "__module__", "")):
            return
        if is_library(kind.__module__) and root_of(kind.__module__) in ("typing", "re", "inspect", "fractions", "numbers", "abc", "_abc"):
            return
        if root_of(kind.__module__) in OUTER_WORLD or not all(base in _BASES or is_of_python(base) for base in kind.__mro__):
            self.refuse_object(name, value)
        self._own_attributes(name, value)

    def _own_attributes(self, name, value):
        kind = type(value)
        if kind in _BASES and kind is not types.SimpleNamespace:
            return
        self._todo.append((kind.__name__, kind))
        own = getattr(value, "__dict__", None)
        if own:
            # The code of other libraries is not read for names.
            reads_all = self.codes is None and any(is_library(base.__module__) and root_of(base.__module__) not in ("torch", "builtins")
                                                   for base in kind.__mro__)
            self._take_named(f"{name}.", own, tuple(own), lambda key: reads_all or self._is_named(key))
        elif own is not None:
            self.empty.append(own)
        for base in kind.__mro__:
            for key, member in vars(base).items() if is_of_python(base) else ():
                if isinstance(member, types.MemberDescriptorType):
                    self._take_attribute(name, value, key)


_VISITS = (
    ((torch.Tensor,), Reach._tensor), ((np.ndarray,), lambda self, name, value: self._array(name, value)),
    ((np.generic, enum.Enum), lambda self, name, value: None), ((dict, types.MappingProxyType), Reach._mapping),
    ((list, collections.deque), Reach._list), ((tuple,), Reach._tuple), ((set, frozenset), Reach._set), ((types.FunctionType,), Reach._function),
    ((types.MethodType,), Reach._method), ((types.BuiltinFunctionType, types.MethodWrapperType), Reach._built_in),
    ((property, staticmethod, classmethod, functools.partial, functools.cached_property), Reach._parts),
    ((types.ModuleType,), Reach._module), ((type,), Reach._class), ((weakref.ref,), lambda self, name, value: self._todo.append((name, value()))),
)
