"""What a field changes as it runs, which a record of its operations would lose.

It is noticed by comparing two snapshots of all that the field can reach (_reach.py), and put back after a trial.
"""

import collections
import functools
import random
import types

import numpy as np
import torch

from costate.torch._reach import MISSING, ROOT, Reach
from costate.torch._recorder import CannotCapture
from costate.torch._trust import same, same_numbers

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_MOST_BYTES = 1 << 20  # of an array that is copied, to be put back
_WITH_ENTRIES = (dict, list, tuple, collections.deque, types.MappingProxyType)


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
        self.random = [(random.setstate, random.getstate()), (np.random.set_state, np.random.get_state())]
        super().__init__(func)

    def refuse(self, why):
        if "can reach more than" in why:
            raise CannotCapture(why)

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
            self.random.append((functools.partial(setattr, value.bit_generator, "state"), value.bit_generator.state))
        elif isinstance(value, random.Random):
            self.random.append((value.setstate, value.getstate()))
        else:
            super()._visit(name, value)

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


def restore(before, after):
    """Puts back what a trial has changed."""
    for container, size in before.sizes().values():
        if isinstance(size, int):
            while len(container) > size:
                container.pop()
        else:
            for key in [key for key in container if key not in size]:
                del container[key]
    for place, (container, key, value, _, _) in before.values.items():
        found = after.values.get(place)
        if found is None or found[2] is not value:
            _write(container, key, value)
    for array, kept in before.arrays:
        array[...] = kept
    for value, kept in before.sets:
        if value != kept:
            value.clear()
            value.update(kept)
    for put, state in before.random:
        put(state)


def _write(container, key, value):
    if value is MISSING or value is ROOT or isinstance(container, (tuple, types.MappingProxyType)):
        return
    if isinstance(container, _WITH_ENTRIES):
        container[key] = value
    else:
        setattr(container, key, value)
