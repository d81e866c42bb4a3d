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

from costate.torch._recorder import CannotCapture

# Libraries whose own globals nobody changes between solves. Their objects are walked as any others are.
_LIBRARIES = {"torch", "numpy", "costate", "einops", "opt_einsum", "functorch", "builtins", "math", "cmath", "functools", "operator", "itertools",
              "contextlib", "collections", "typing", "types", "abc", "_abc", "enum", "dataclasses", "copy", "copyreg", "inspect", "warnings",
              "weakref", "_weakrefset", "re", "numbers", "fractions", "string", "importlib", "_operator", "_functools", "_collections_abc"}
# What is read there is another at another time.
_OUTER_WORLD = {"random", "time", "datetime", "os", "posix", "sys", "io", "_io", "secrets", "uuid", "subprocess", "socket", "contextvars", "logging", "gc"}
_ATOMS = {bool, int, float, complex, str, bytes, type(None), type(...), type(NotImplemented), range, slice, np.dtype, torch.dtype, torch.device, torch.layout,
          torch.memory_format, types.CodeType, types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
          types.GetSetDescriptorType, types.MemberDescriptorType, torch._ops.OpOverload, torch._ops.OpOverloadPacket, np.ufunc}
_BASES = {object, int, float, complex, str, bytes, dict, list, tuple, set, frozenset, collections.OrderedDict, collections.defaultdict,
          collections.deque, types.SimpleNamespace}
_LOOKS_FOR_NAMES = {"getattr", "vars", "__dict__", "setattr", "delattr", "asdict", "astuple", "__getattribute__", "dir", "deepcopy"}
_UNSEEN_READS = {"globals", "eval", "exec", "__import__", "import_module", "open", "__subclasses__", "_getframe", "currentframe"}
_NOT_READ = {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__",
             "__dataclass_fields__", "__dataclass_params__", "__firstlineno__", "__static_attributes__"}
_MOST_VALUES, _MOST_BYTES = 20_000, 1 << 16
_HEAP_TYPE = 1 << 9
_MISSING, _ROOT = object(), object()


def root_of(module_name):
    return str(module_name).split(".")[0]


def is_library(module_name):
    return root_of(module_name) in _LIBRARIES


def is_installed(module_name):
    """Whether code is of a library, or of what a library calls for itself."""
    return root_of(module_name) in _LIBRARIES | _OUTER_WORLD


def _is_of_python(kind):
    """Whether a class statement made a type, so that its objects have no state but attributes."""
    return bool(kind.__flags__ & _HEAP_TYPE) and any("__dict__" in vars(base) or "__slots__" in vars(base) for base in kind.__mro__)


def _strings(constants):
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, (tuple, frozenset)):
            yield from _strings(constant)


def _with_inner(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)


def same(a, b):
    """Whether two values are the same number or word; of floats, by all bits that are seen."""
    return type(a) is type(b) and type(a) in _ATOMS and (a is b or repr(a) == repr(b) if isinstance(a, (float, complex)) else a == b)


def _alike(a, b):
    return isinstance(b, torch.Tensor) and type(a) is type(b) and (a.shape, a.dtype, a.device, a.layout) == (b.shape, b.dtype, b.device, b.layout)


class Watch:
    """Made of the field and of `codes`, the code that ran in a trial: {code: its globals}. CannotCapture says what cannot be watched."""

    def __init__(self, func, codes):
        self.codes, self.tensors, self.counted = codes, {}, set()
        self._places = collections.Counter()  # of each tensor
        self._entries, self._lists, self._cells, self._attributes, self._arrays, self._sets = [], [], [], [], [], []
        self._empty, self._roots = [], []
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
            names = {*code.co_names, *_strings(code.co_consts)}
            self.names |= names
            where = root_of(scope.get("__name__"))
            if where in ("copy", "copyreg", "dataclasses"):
                self._looks_for_names = True
            if not is_installed(where):
                self._own_names |= names
        unseen = self._own_names & _UNSEEN_READS
        if unseen:
            raise CannotCapture(f"it calls {min(unseen)}, behind which no check sees")
        self._looks_for_names |= bool(self._own_names & _LOOKS_FOR_NAMES)

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
        if value is not _MISSING and type(value) not in _ATOMS:
            self._todo.append((name, value))

    def _take_entries(self, prefix, container, keys, all_keys):
        """Entries of a mapping; with all_keys, no other may come or go."""
        values = [container.get(key, _MISSING) for key in keys]
        if all_keys == () and type(container) in (dict, collections.OrderedDict):
            self._empty.append(container)
            return
        root = self._root()
        kept = [(key, value) for key, value in zip(keys, values) if value is not root]
        self._roots += [(container, key) for key, value in zip(keys, values) if value is root]
        self._entries.append([container, all_keys, tuple(key for key, _ in kept), [value for _, value in kept]])
        for key, value in kept:
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
        if not all(isinstance(key, enum.Enum) or type(key) in _ATOMS or isinstance(key, (tuple, type)) for key in keys):
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
        if not all(type(item) in _ATOMS for item in value):
            raise CannotCapture(f"it can read {name}, a set of objects")
        self._sets.append((value, {(type(item), item) for item in value}))

    def _function(self, name, value):
        if value.__code__ not in self.codes:
            return
        self._found.update(_with_inner(value.__code__))
        for key in ("__code__", "__defaults__", "__kwdefaults__"):
            self._take_attribute(name, value, key)
        if vars(value):
            self._mapping(name, vars(value))
        for free, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            content = getattr(cell, "cell_contents", _MISSING)
            is_root = content is self._root()
            self._cells.append([cell, _ROOT if is_root else content])
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
            if root_of(where) in _OUTER_WORLD:
                raise CannotCapture(f"it uses {name} of the module {where}")
        else:
            self._todo.append((name, owner))

    def _parts(self, name, value):
        """Of what Python makes of functions: they cannot be changed."""
        self._todo += [(name, part) for part in (getattr(value, key, None) for key in ("__func__", "fget", "fset", "func", "args", "keywords"))
                       if part is not None]
        if isinstance(value, functools.partial) and vars(value):
            self._mapping(name, vars(value))

    def _module(self, name, value):
        if root_of(value.__name__) in _OUTER_WORLD:
            raise CannotCapture(f"it uses the module {value.__name__}")
        if not is_library(value.__name__):
            names = vars(value) if self._looks_for_names else self._own_names
            self._take_entries(f"{name}.", vars(value), sorted(names), None)

    def _class(self, name, value):
        if root_of(value.__module__) in _OUTER_WORLD:
            raise CannotCapture(f"it uses {name} of the module {value.__module__}")
        for base in value.__mro__:
            if id(base) in self._seen and base is not value or is_library(base.__module__):
                continue
            self._seen.add(id(base))
            keys = tuple(vars(base))
            read = [key for key in keys if key not in _NOT_READ and (key in self.names or key.startswith("__") or self._looks_for_names)]
            self._take_entries(f"{base.__name__}.", vars(base), read, keys)
        self._todo.append((name, type(value)))

    def _object(self, name, value):
        kind = type(value)
        if callable(value) and hasattr(value, "__name__") and is_library(getattr(value, "__module__", "")):
            return
        if is_library(kind.__module__) and root_of(kind.__module__) in ("typing", "re", "inspect", "fractions", "numbers", "abc", "_abc"):
            return
        if root_of(kind.__module__) in _OUTER_WORLD or not all(base in _BASES or _is_of_python(base) for base in kind.__mro__):
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
            for key, member in vars(base).items() if _is_of_python(base) else ():
                if isinstance(member, types.MemberDescriptorType):
                    self._take_attribute(name, value, key)

    def is_current(self):
        """Whether everything is as it was; tensors of one place may be others of their shape."""
        if any(self._empty) or torch.get_default_dtype() is not self._default:
            return False
        for entry in self._entries:
            container, all_keys, keys, values = entry
            if all_keys is not None and tuple(container) != all_keys:
                return False
            if not all(map(operator.is_, [container.get(key, _MISSING) for key in keys], values)) and not self._is_renewed(container, keys, entry):
                return False
        return all(self._is_list_current(entry) for entry in self._lists) and self._rest_is_current()

    def _rest_is_current(self):
        root = self._root()
        if not all(container.get(key) is root for container, key in self._roots):
            return False
        for entry in self._cells:
            found = getattr(entry[0], "cell_contents", _MISSING)
            found = _ROOT if found is root else found
            if found is not entry[1] and not self._accepts(entry, 1, found, (id(entry[0]), "cell_contents")):
                return False
        for entry in self._attributes:
            found = getattr(root if entry[0] is None else entry[0], entry[1], _MISSING)
            if found is not entry[2] and not self._accepts(entry, 2, found, (id(entry[0]), entry[1])):
                return False
        return (all(a.shape == shape and a.dtype == dtype and a.tobytes() == kept for a, shape, dtype, kept in self._arrays) and
                all({(type(item), item) for item in value} == kept for value, kept in self._sets))

    def _is_list_current(self, entry):
        container, kept = entry
        if len(container) != len(kept):
            return False
        return all(map(operator.is_, container, kept)) or all(
            now is kept[i] or self._accepts(kept, i, now, (id(container), i)) for i, now in enumerate(container))

    def _is_renewed(self, container, keys, entry):
        for i, key in enumerate(keys):
            now = container.get(key, _MISSING)
            if now is not entry[3][i] and not self._accepts(entry[3], i, now, (id(container), key)):
                return False
        return True

    def _accepts(self, kept, at, now, place):
        """Whether a value may stand for another one that was kept; it is from then on the one that is kept."""
        before = kept[at]
        if isinstance(before, torch.Tensor):
            accepted = _alike(before, now) and self._places[id(before)] <= 1
        else:
            accepted = same(before, now) or place in self.counted
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
