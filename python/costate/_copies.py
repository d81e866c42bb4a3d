"""Which objects pickle and copy.deepcopy take: those that are numbers. Traced code is traced again instead."""

import copy

from costate import _core


def _refusal(instead):
    def refuse(self, *_):
        raise _core.CallError(f"[{type(self).__name__}] {instead}")
    return refuse


_TRACED = _refusal("traced code is not pickled or copied; pickle its Parameters or nets, and trace it again.")
_OPTIMIZER = _refusal("is not pickled or copied; save its state() beside its Parameters.")


def refuse_copies():
    for kind in (_core.Array, _core.Function, _core.Program, _core.PullbackProgram, _core.Pullback, _core.VectorField, _core.Cnf):
        kind.__reduce_ex__ = kind.__deepcopy__ = _TRACED
        kind.__copy__ = lambda self: self  # what never changes may be shared
    _core.Optimizer.__reduce_ex__ = _core.Optimizer.__deepcopy__ = _core.Optimizer.__copy__ = _OPTIMIZER
    for kind in vars(_core).values():
        if isinstance(kind, type) and "__getstate__" in vars(kind):
            kind.__copy__ = copy.deepcopy  # a second handle to the same numbers would be no copy
