"""Which objects pickle and copy.deepcopy take: those that are numbers and can be made of them. Traced code is traced again instead."""

import copy

from costate import _core


def _refusal(instead):
    def refuse(self, *_):
        raise _core.CallError(f"[{type(self).__name__}] {instead}")
    return refuse


_TRACED = _refusal("traced code is not pickled or copied; pickle its Parameters or nets, and trace it again.")
_OPTIMIZER = _refusal("is not pickled or copied; save its state() beside its Parameters.")
_EVENT = _refusal("is not pickled or copied, since it holds functions; make it again by costate.Event.")


def _system(name):
    return next(system for system in _core.systems() if system.name == name)


# How what has a constructor of all that it holds is made again.
_MADE_AGAIN = {
    _core.LabelledInputs: lambda self, *_: (_core.LabelledInputs, (self.inputs, self.labels)),
    _core.TrajectoryWindows: lambda self, *_: (_core.TrajectoryWindows, (self.times, self.states, self.arguments)),
    _core.System: lambda self, *_: (_system, (self.name,)),
}


def _refusal_of(kind):
    """Of a result that only the core makes."""
    held = ", ".join(name for name, thing in vars(kind).items() if not name.startswith("_") and isinstance(thing, property))
    return _refusal(f"is not pickled or copied; pickle what you need of it: {held}.")


def refuse_copies():
    for kind in (_core.Array, _core.Function, _core.Program, _core.PullbackProgram, _core.Pullback, _core.VectorField, _core.Cnf):
        kind.__reduce_ex__ = kind.__deepcopy__ = _TRACED
        kind.__copy__ = lambda self: self  # what never changes may be shared
    _core.Event.__reduce_ex__ = _EVENT
    for kind, again in _MADE_AGAIN.items():
        kind.__reduce_ex__ = again
    _core.Optimizer.__reduce_ex__ = _core.Optimizer.__deepcopy__ = _core.Optimizer.__copy__ = _OPTIMIZER
    for kind in vars(_core).values():
        if not isinstance(kind, type) or issubclass(kind, BaseException) or kind.__name__.startswith("_"):
            continue
        if "__getstate__" in vars(kind):
            kind.__copy__ = copy.deepcopy  # a second handle to the same numbers would be no copy
        elif "__reduce_ex__" not in vars(kind):
            kind.__reduce_ex__ = _refusal_of(kind)
