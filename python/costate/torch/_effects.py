"""What a field changes as it runs, which a record of its operations would lose.

It is noticed by comparing two snapshots of all that the field can reach (_reach.py), and put back after a trial.
"""

import array
import collections
import functools
import io
import random
import types

import numpy as np
import torch

from costate.torch._reach import MISSING, Reach, attribute
from costate.torch._recorder import CannotCapture
from costate.torch._trust import same, same_numbers

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_MOST_BYTES = 1 << 20  # of an array that is copied, to be put back
_WITH_ENTRIES = (dict, list, tuple, collections.deque, types.MappingProxyType)
_BUFFERS = (bytearray, array.array)


def own_hooks(module):
    """Whether a module has hooks that are not PyTorch's own."""
    return any(not str(getattr(hook, "__module__", "")).startswith("torch") for part in module.modules()
               for kind in _HOOKS for hook in getattr(part, kind).values())


class Snapshot(Reach):
    """All places as they are now: `values` {(id of the container, key): (container, key, value, a tensor's version, name)}.

    A place is (container, key): a dict, a list, an object or class with its attribute's name, or a closure's cell.
    """

    def __init__(self, func):
        self.values, self._titles = {}, {}
        self.dicts, self.attributes_of = [], []  # (dict, its entries), and of classes (it, names of its attributes)
        self.unseen = {}  # {id: object} of those whose state no check sees, so that a trial must not call them
        self.states = [(random.setstate, random.getstate()), (np.random.set_state, np.random.get_state())]
        super().__init__(func)

    def refuse_size(self, why):
        raise CannotCapture(why)

    def refuse_object(self, name, value):
        self.unseen[id(value)] = value

    def _take_entries(self, prefix, container, keys, all_keys):
        if id(container) in self.classes:
            if all_keys is not None:
                self.attributes_of.append((self.classes[id(container)], set(all_keys)))
        elif all_keys is not None and isinstance(container, dict):
            self.dicts.append((container, list(_kind_of(container).items(container))))
        super()._take_entries(prefix, container, keys, all_keys)

    def _take(self, name, value, place):
        container, key = place
        container = self.classes.get(id(container), container)
        version = value._version if isinstance(value, torch.Tensor) and not value.is_inference() else None
        self.values.setdefault((id(container), key), (container, key, value, version, name))
        super()._take(name, value, place)

    def _array(self, name, value):
        if value.nbytes > _MOST_BYTES:
            raise CannotCapture(f"it can read {name}, a large NumPy array; make it a tensor")
        self.arrays.append((value, value.copy()))

    def title(self, value):
        return self._titles.get(id(value), type(value).__name__)

    def _visit(self, name, value):
        self._titles.setdefault(id(value), name)
        if isinstance(value, np.random.Generator):
            self.states.append((functools.partial(setattr, value.bit_generator, "state"), value.bit_generator.state))
        elif isinstance(value, random.Random):
            self.states.append((value.setstate, value.getstate()))
        else:
            if isinstance(value, (io.StringIO, io.BytesIO)) and not value.closed:
                self.states.append((functools.partial(_rewrite, value), value.__getstate__()))
            elif isinstance(value, _BUFFERS):
                self._take_buffer(name, value)
            super()._visit(name, value)

    def _take_buffer(self, name, value):
        if len(memoryview(value).cast("B")) > _MOST_BYTES:
            raise CannotCapture(f"it can read {name}, a large {type(value).__name__}; make it a tensor")
        self.states.append((functools.partial(value.__setitem__, slice(None)), value[:]))

    def sizes(self):
        """{id of a container: (it, its keys or number of items)} of those that may grow."""
        found = {id(container): (container, all_keys) for container, all_keys, _, _ in self.entries
                 if all_keys is not None and type(container) is not types.MappingProxyType}
        found |= {id(container): (container, ()) for container in self.empty}
        return found | {id(container): (container, len(items)) for container, items in self.lists}


def read(container, key):
    return container[key] if isinstance(container, _WITH_ENTRIES) else getattr(container, key)


def move(container, key, amount):
    """Adds to a counter."""
    _write(container, key, read(container, key) + amount)


def changes(before, after):
    """Names of what changed, and counters: (container, key, by how much), for a difference of numbers in a place that can be set."""
    names, counters = [], []
    for place, (container, key, value, version, name) in after.values.items():
        old = before.values.get(place)
        if old is None:
            names.append(name)
        elif isinstance(value, torch.Tensor) or isinstance(old[2], torch.Tensor):
            if old[2] is not value or old[3] != version:
                names.append(name)
        elif old[2] is not value and not same(old[2], value):
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and type(old[2]) is type(value)
            if is_number and not isinstance(container, tuple):
                counters.append((container, key, value - old[2]))
            else:
                names.append(name)
    names += [before.values[place][4] for place in before.values.keys() - after.values.keys()]
    sizes = after.sizes()
    grown = [f"len({before.title(container)})" for identity, (container, size) in before.sizes().items()
             if identity in sizes and sizes[identity][1] != size]
    inside = [now for now, kept in before.arrays if not same_numbers(now, kept)] + [now for now, kept in before.sets if now != kept]
    return grown + [before.title(value) for value in inside] + names, counters


def restore(before):
    """Puts back what a trial has changed."""
    for container, kept in [*before.dicts, *before.lists, *((empty, []) for empty in before.empty)]:
        _refill(container, kept)
    for kind, names in before.attributes_of:
        for name in [name for name in vars(kind) if name not in names]:
            type.__delattr__(kind, name)
    for container, key, value, _, _ in before.values.values():
        if not isinstance(container, (list, tuple, collections.deque, types.MappingProxyType)) and _now(container, key) is not value:
            _write(container, key, value)
    for value, kept in before.arrays:
        value[...] = kept
    for value, kept in before.sets:
        if value != kept:
            value.clear()
            value.update(kept)
    for put, state in before.states:
        put(state)


def _kind_of(container):
    """The type whose methods read and write a container's entries, whatever a class of the user's makes of them."""
    return next(kind for kind in (collections.OrderedDict, dict, list, collections.deque) if isinstance(container, kind))


def _refill(container, kept):
    """Gives a dict, a list or a deque the entries or items that it had, in their order."""
    kind = _kind_of(container)
    is_dict = issubclass(kind, dict)
    now = list(kind.items(container) if is_dict else kind.__iter__(container))
    if len(now) == len(kept) and all(a[0] is b[0] and a[1] is b[1] if is_dict else a is b for a, b in zip(now, kept)):
        return
    kind.clear(container)
    (kind.update if is_dict else kind.extend)(container, kept)


def _rewrite(stream, state):
    """Gives an io.StringIO or io.BytesIO the text and the place in it that it had."""
    if not stream.closed and stream.__getstate__() != state:
        stream.__setstate__(state)


def _now(container, key):
    if isinstance(container, type):
        return vars(container).get(key, MISSING)
    return container.get(key, MISSING) if isinstance(container, dict) else attribute(container, key)


def _write(container, key, value):
    is_dict = isinstance(container, dict)
    if value is MISSING:
        (container.pop if is_dict else functools.partial(delattr, container))(key)
    elif is_dict or isinstance(container, list):
        container[key] = value
    else:
        setattr(container, key, value)
