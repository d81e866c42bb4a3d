"""The names of the methods, which programs take from here for their options."""

import functools

from costate.torch._callbacks import METHODS


def _refuse(name, *_, **__):
    raise NotImplementedError(f"[torchdiffeq] the solver {name!r} is no class here; take odeint(..., method={name!r}).")


SOLVERS = {name: functools.partial(_refuse, name) for name in METHODS}
