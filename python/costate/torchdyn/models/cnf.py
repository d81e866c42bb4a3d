"""torchdyn's module of this name. What is used by identity is in a module of its own, which has one name whatever this one is imported as."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.models._cnf import CNF, autograd_trace, hutch_trace

__all__ = ["CNF", "autograd_trace", "hutch_trace"]
__getattr__ = attributes(__name__, __all__)
