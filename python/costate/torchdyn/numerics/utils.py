"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.numerics._hybrid import EventCallback, StochasticEventCallback

__all__ = ["EventCallback", "StochasticEventCallback"]
__getattr__ = attributes(__name__, __all__)
