"""What a captured field reads in Python, watched completely.

The record of a field's operations holds for the Python values that it was made with. All values that the code which ran in the trials can
reach are walked (_reach.py), and compared before each solve: an entry by identity, and only where that differs by its number. What no
comparison can see, as the state inside of an object that is made in C, refuses the capture (CannotCapture).
"""

import collections
import weakref

import torch

from costate import _core
from costate.torch._reach import MISSING, ROOT, Reach, attribute
from costate.torch._recorder import CannotCapture
from costate.torch._trust import alike, same, same_numbers


class Watch(Reach):
    """Made of the field and of `codes`, the code that ran in a trial: {code: its globals}. CannotCapture says what cannot be watched."""

    def __init__(self, func, codes):
        self._places = collections.Counter()  # of each tensor
        super().__init__(func, codes)
        self._default, self._counted = torch.get_default_dtype(), set()
        self._kept.clear()

    def refuse(self, why):
        raise CannotCapture(why)

    def _take(self, name, value, place):
        super()._take(name, value, place)
        if isinstance(value, torch.Tensor):
            self._places[id(value)] += 1

    def leave_out(self, places):
        """Counters, (container, key), may have any value from now on."""
        places = {(id(container), key) for container, key in places}
        for entry in self.entries:
            keys, values = entry[2:]
            kept = [i for i, key in enumerate(keys) if (id(self.classes.get(id(entry[0]), entry[0])), key) not in places]
            entry[2:] = [tuple(keys[i] for i in kept), [values[i] for i in kept]]
        self.cells = [entry for entry in self.cells if (id(entry[0]), "cell_contents") not in places]
        self.attributes = [entry for entry in self.attributes if (id(self._owner(entry)), entry[1]) not in places]
        self._counted = places  # of lists
        self._places_now = self.entries, self.lists, self.cells, self.attributes, self.empty

    def rebind(self, func):
        """Watches another function of the same code in place of the field, which is gone; gives {id of a cell of that: the new one}."""
        cells = {id(entry[0]): cell for entry, cell in zip(self.own_cells, func.__closure__ or ())}
        for entry, cell in zip(self.own_cells, func.__closure__ or ()):
            entry[0] = cell
        self._root = weakref.ref(func)
        self.empty.append(vars(func))
        return cells

    def _owner(self, entry):
        return self._root() if entry[0] is None else entry[0]

    def is_same(self, tensors, kinds):
        """Whether every value is the very object that it was, and tensors are of their kinds: what is quick to say."""
        return (torch.get_default_dtype() is self._default and
                _core._is_unchanged(self._places_now, tensors, kinds, self._root(), ROOT, MISSING) and
                (not self.arrays or self._are_arrays_same()) and (not self.sets or self._are_sets_same()))

    def is_current(self):
        """Whether everything is as it was; tensors of one place may be others of their shape."""
        if any(self.empty) or torch.get_default_dtype() is not self._default:
            return False
        return self._is_renewed(self._root()) and self._are_arrays_same() and self._are_sets_same()

    def _is_renewed(self, root):
        """Whether what is another object than it was may stand for it."""
        for container, all_keys, keys, values in self.entries:
            if all_keys is not None and tuple(container) != all_keys:
                return False
            for i, key in enumerate(keys):
                if not self._stands(values, i, container.get(key, MISSING), (id(container), key), root):
                    return False
        for container, kept in self.lists:
            if len(container) != len(kept) or not all(self._stands(kept, i, now, (id(container), i), root) for i, now in enumerate(container)):
                return False
        return (all(self._stands(entry, 1, attribute(entry[0], "cell_contents"), (id(entry[0]), "cell_contents"), root) for entry in self.cells) and
                all(self._stands(entry, 2, attribute(self._owner(entry), entry[1]), (id(entry[0]), entry[1]), root) for entry in self.attributes))

    def _are_arrays_same(self):
        return all(same_numbers(now, kept) for now, kept in self.arrays)

    def _are_sets_same(self):
        return all({(type(item), item) for item in value} == {(type(item), item) for item in kept} for value, kept in self.sets)

    def _stands(self, kept, at, now, place, root):
        """Whether a value may stand for the one that was kept at a place; it is from then on the one that is kept."""
        before = kept[at]
        if now is before or (before is ROOT and now is root):
            return True
        if isinstance(before, torch.Tensor):
            accepted = alike(before, now) and self._places[id(before)] <= 1
        else:
            accepted = same(before, now) or place in self._counted
        if accepted:
            kept[at] = now
        return accepted
