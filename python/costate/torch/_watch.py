"""What a captured field reads in Python, watched completely.

The record of a field's operations holds for the Python values that it was made with. All values that the code which ran in the trials can
reach are walked, and compared before each solve: an entry by identity, and only where that differs by its number. What no comparison
can see, as the state inside of an object that is made in C, refuses the capture (CannotCapture).
"""

import collections
import dis
import enum
import functools
import operator
import sys
import types
import weakref

import numpy as np
import torch

from costate import _core
from costate.torch._recorder import CannotCapture
from costate.torch._trust import (ATOMS, LOOKS_FOR_NAMES, OUTER_WORLD, UNSEEN_READS, alike, is_installed, is_library, is_of_python, root_of, same, strings,
                                  with_inner)

_BASES = {object, int, float, complex, str, bytes, dict, list, tuple, set, frozenset, collections.OrderedDict, collections.defaultdict,
          collections.deque, types.SimpleNamespace}
_NOT_READ = {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__",
             "__dataclass_fields__", "__dataclass_params__", "__firstlineno__", "__static_attributes__"}
_CALLED = (types.FunctionType, staticmethod, classmethod, property)  # perhaps by PyTorch, which names nothing
_MOST_VALUES, _MOST_BYTES = 20_000, 1 << 16
_MISSING, _ROOT = object(), object()


class Watch:
    """Made of the field and of `codes`, the code that ran in a trial: {code: its globals}. CannotCapture says what cannot be watched."""

    def __init__(self, func, codes):
        self.codes, self.tensors, self._counted = codes, {}, set()
        self._places = collections.Counter()  # of each tensor
        self._entries, self._lists, self._cells, self._attributes, self._arrays, self._sets = [], [], [], [], [], []
        self._empty, self._own_cells = [], []
        self._root = weakref.ref(func.__self__ if isinstance(func, types.MethodType) else func)
        self._default = torch.get_default_dtype()
        self._seen, self._kept, self._found, self._number = set(), [], set(), 0
        self.names, self._own_names = set(), set()
        self._looks_for_names = False
        self._read_codes()
        self._todo = [("func", func)]
        self._walk_globals()
        while self._todo:
            self._visit(*self._todo.pop())
        self._check_found()
        del self._seen, self._kept, self._found, self.codes

    def _read_codes(self):
        for code, scope in self.codes.items():
            names = {*code.co_names, *strings(code.co_consts)}
            self.names |= names
            where = root_of(scope.get("__name__"))
            if where in ("copy", "copyreg", "dataclasses"):
                self._looks_for_names = True
            if not is_installed(where):
                self._own_names |= names
        unseen = self._own_names & UNSEEN_READS
        if unseen:
            raise CannotCapture(f"it calls {min(unseen)}, behind which no check sees")
        self._looks_for_names |= bool(self._own_names & LOOKS_FOR_NAMES)

    def _walk_globals(self):
        for code, scope in self.codes.items():
            if is_installed(scope.get("__name__")):
                continue
            steps = list(dis.get_instructions(code))
            self._take_entries("", scope, sorted({step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}), None)
            for step in steps:
                if step.opname == "IMPORT_NAME" and not is_library(step.argval):
                    if step.argval not in sys.modules:
                        raise CannotCapture(f"it imports {step.argval or 'its own package'} as it runs")
                    self._todo.append((step.argval, sys.modules[step.argval]))

    def _check_found(self):
        for code, scope in self.codes.items():
            if code not in self._found and not is_installed(scope.get("__name__")):
                raise CannotCapture(f"it runs {code.co_name}, which is kept where no check sees it")

    def _take(self, name, value, place):
        """A value that is kept at a place (container, key)."""
        self._number += 1
        if self._number > _MOST_VALUES:
            raise CannotCapture(f"it can reach more than {_MOST_VALUES} Python values")
        if isinstance(value, torch.Tensor):
            self.tensors.setdefault(id(value), (value, place))
            self._places[id(value)] += 1
        if value is not _MISSING and type(value) not in ATOMS:
            self._todo.append((name, value))

    def _take_entries(self, prefix, container, keys, all_keys):
        """Entries of a mapping; with all_keys, no other may come or go."""
        values = [container.get(key, _MISSING) for key in keys]
        if all_keys == () and type(container) in (dict, collections.OrderedDict):
            self._empty.append(container)
            return
        root = self._root()
        self._entries.append([container, all_keys, tuple(keys), [_ROOT if value is root else value for value in values]])
        for key, value in zip(keys, values):
            if value is not root:
                self._take(f"{prefix}{key}", value, (container, key))

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
            raise CannotCapture(f"it can read {name}, a tensor of the type {type(value).__name__}")
        if vars(value):
            self._take_entries(f"{name}.", vars(value), tuple(vars(value)), tuple(vars(value)))

    def _array(self, name, value):
        if type(value) is not np.ndarray or value.dtype.hasobject or value.nbytes > _MOST_BYTES:
            raise CannotCapture(f"it can read {name}, a NumPy array of {value.size} numbers that are not compared before each solve; make it a tensor")
        self._arrays.append((value, value.shape, value.dtype, value.tobytes()))

    def _mapping(self, name, value):
        keys = tuple(value)
        if not all(isinstance(key, enum.Enum) or type(key) in ATOMS or isinstance(key, (tuple, type)) for key in keys):
            raise CannotCapture(f"it can read {name}, a dict with keys that are objects")
        self._take_entries(f"{name}.", value, keys, keys)
        self._own_attributes(name, value)

    def _list(self, name, value):
        self._lists.append([value, list(value)])
        self._tuple(name, value)

    def _tuple(self, name, value):
        for i, item in enumerate(value):
            self._take(f"{name}[{i}]", item, (value, i))
        self._own_attributes(name, value)

    def _set(self, name, value):
        if not all(type(item) in ATOMS for item in value):
            raise CannotCapture(f"it can read {name}, a set of objects")
        self._sets.append((value, {(type(item), item) for item in value}))

    def _function(self, name, value):
        if value.__code__ not in self.codes:
            return
        self._found.update(with_inner(value.__code__))
        for key in ("__code__", "__defaults__", "__kwdefaults__"):
            self._take_attribute(name, value, key)
        self._mapping(name, vars(value))
        for free, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            content = getattr(cell, "cell_contents", _MISSING)
            is_root = content is self._root()
            self._cells.append([cell, _ROOT if is_root else content])
            if value is self._root():
                self._own_cells.append(self._cells[-1])
            if not is_root:
                self._take(free, content, (cell, "cell_contents"))

    def _take_attribute(self, name, value, key):
        found = getattr(value, key, _MISSING)
        self._attributes.append([None if value is self._root() else value, key, found])  # the field itself is not to be kept alive
        self._take(f"{name}.{key}", found, (value, key))

    def _method(self, name, value):
        self._todo += [(name, value.__self__), (name, value.__func__)]

    def _built_in(self, name, value):
        owner = getattr(value, "__self__", None)
        if isinstance(owner, types.ModuleType) or owner is None:
            where = owner.__name__ if owner is not None else value.__module__
            if root_of(where) in OUTER_WORLD:
                raise CannotCapture(f"it uses {name} of the module {where}")
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
            raise CannotCapture(f"it uses the module {value.__name__}")
        if not is_library(value.__name__):
            names = vars(value) if self._looks_for_names else self._own_names
            self._take_entries(f"{name}.", vars(value), sorted(names), None)

    def _class(self, name, value):
        if root_of(value.__module__) in OUTER_WORLD:
            raise CannotCapture(f"it uses {name} of the module {value.__module__}")
        for base in value.__mro__:
            if id(base) in self._seen and base is not value or is_library(base.__module__):
                continue
            self._seen.add(id(base))
            keys = tuple(vars(base))
            read = [key for key, item in vars(base).items() if key not in _NOT_READ and (
                key in self.names or key.startswith("__") or isinstance(item, _CALLED) or self._looks_for_names)]
            self._take_entries(f"{base.__name__}.", vars(base), read, keys)
        self._todo.append((name, type(value)))

    def _object(self, name, value):
        kind = type(value)
        if callable(value) and hasattr(value, "__name__") and is_library(getattr(value, "__module__", "")):
            return
        if is_library(kind.__module__) and root_of(kind.__module__) in ("typing", "re", "inspect", "fractions", "numbers", "abc", "_abc"):
            return
        if root_of(kind.__module__) in OUTER_WORLD or not all(base in _BASES or is_of_python(base) for base in kind.__mro__):
            raise CannotCapture(f"it can read {name}, a {kind.__module__}.{kind.__qualname__}, whose state no check sees")
        self._own_attributes(name, value)

    def _own_attributes(self, name, value):
        kind = type(value)
        if kind in _BASES and kind is not types.SimpleNamespace:
            return
        self._todo.append((kind.__name__, kind))
        own = getattr(value, "__dict__", None)
        if own:
            keys = tuple(own)
            self._take_entries(f"{name}.", own, [key for key in keys if key in self.names or self._looks_for_names], keys)
        elif own is not None:
            self._empty.append(own)
        for base in kind.__mro__:
            for key, member in vars(base).items() if is_of_python(base) else ():
                if isinstance(member, types.MemberDescriptorType):
                    self._take_attribute(name, value, key)

    def leave_out(self, places):
        """Counters, (container, key), may have any value from now on."""
        places = {(id(container), key) for container, key in places}
        for entry in self._entries:
            container, _, keys, values = entry
            kept = [i for i, key in enumerate(keys) if (id(container), key) not in places]
            entry[2:] = [tuple(keys[i] for i in kept), [values[i] for i in kept]]
        self._cells = [entry for entry in self._cells if (id(entry[0]), "cell_contents") not in places]
        self._attributes = [entry for entry in self._attributes if (id(self._owner(entry)), entry[1]) not in places]
        self._counted = places  # of lists
        self._places_now = self._entries, self._lists, self._cells, self._attributes, self._empty

    def rebind(self, func):
        """Watches another function of the same code in place of the field, which is gone; gives {id of a cell of that: the new one}."""
        cells = {id(entry[0]): cell for entry, cell in zip(self._own_cells, func.__closure__ or ())}
        for entry, cell in zip(self._own_cells, func.__closure__ or ()):
            entry[0] = cell
        self._root = weakref.ref(func)
        self._empty.append(vars(func))
        return cells

    def _owner(self, entry):
        return self._root() if entry[0] is None else entry[0]

    def is_same(self, tensors, kinds):
        """Whether every value is the very object that it was, and tensors are of their kinds: what is quick to say."""
        return (torch.get_default_dtype() is self._default and
                _core._is_unchanged(self._places_now, tensors, kinds, self._root(), _ROOT, _MISSING) and
                (not self._arrays or self._are_arrays_same()) and (not self._sets or self._are_sets_same()))

    def is_current(self):
        """Whether everything is as it was; tensors of one place may be others of their shape."""
        if any(self._empty) or torch.get_default_dtype() is not self._default:
            return False
        return self._is_renewed(self._root()) and self._are_arrays_same() and self._are_sets_same()

    def _is_renewed(self, root):
        """Whether what is another object than it was may stand for it."""
        for container, all_keys, keys, values in self._entries:
            if all_keys is not None and tuple(container) != all_keys:
                return False
            for i, key in enumerate(keys):
                if not self._stands(values, i, container.get(key, _MISSING), (id(container), key), root):
                    return False
        for container, kept in self._lists:
            if len(container) != len(kept) or not all(self._stands(kept, i, now, (id(container), i), root) for i, now in enumerate(container)):
                return False
        return (all(self._stands(entry, 1, getattr(entry[0], "cell_contents", _MISSING), (id(entry[0]), "cell_contents"), root) for entry in self._cells) and
                all(self._stands(entry, 2, getattr(self._owner(entry), entry[1], _MISSING), (id(entry[0]), entry[1]), root)
                    for entry in self._attributes))

    def _are_arrays_same(self):
        return all(a.shape == shape and a.dtype == dtype and a.tobytes() == kept for a, shape, dtype, kept in self._arrays)

    def _are_sets_same(self):
        return all({(type(item), item) for item in value} == kept for value, kept in self._sets)

    def _stands(self, kept, at, now, place, root):
        """Whether a value may stand for the one that was kept at a place; it is from then on the one that is kept."""
        before = kept[at]
        if now is before or (before is _ROOT and now is root):
            return True
        if isinstance(before, torch.Tensor):
            accepted = alike(before, now) and self._places[id(before)] <= 1
        else:
            accepted = same(before, now) or place in self._counted
        if accepted:
            kept[at] = now
        return accepted


_VISITS = (
    ((torch.Tensor,), Watch._tensor), ((np.ndarray,), Watch._array), ((np.generic, enum.Enum), lambda self, name, value: None),
    ((dict, types.MappingProxyType), Watch._mapping), ((list, collections.deque), Watch._list), ((tuple,), Watch._tuple), ((set, frozenset), Watch._set),
    ((types.FunctionType,), Watch._function), ((types.MethodType,), Watch._method), ((types.BuiltinFunctionType, types.MethodWrapperType), Watch._built_in),
    ((property, staticmethod, classmethod, functools.partial, functools.cached_property), Watch._parts), ((types.ModuleType,), Watch._module),
    ((type,), Watch._class), ((weakref.ref,), lambda self, name, value: self._todo.append((name, value()))),
)
