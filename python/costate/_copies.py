"""Which objects pickle and copy.deepcopy take: those that are numbers. Traced code is traced again instead."""

import copy

from costate import _core


def _refuse(self, *_):
    kind = type(self).__name__
    raise _core.CallError(f"[{kind}] traced code is not pickled or copied; pickle its Parameters or nets, and trace it again.")


def refuse_copies():
    for kind in (_core.Array, _core.Function, _core.Program, _core.VectorField):
        kind.__reduce_ex__ = kind.__deepcopy__ = _refuse
        kind.__copy__ = lambda self: self  # what never changes may be shared
    for kind in vars(_core).values():
        if isinstance(kind, type) and "__getstate__" in vars(kind):
            kind.__copy__ = copy.deepcopy  # a second handle to the same numbers would be no copy
