"""Fields of flows and of energies."""

from costate.torchdyn.models._cnf import CNF, autograd_trace, hutch_trace
from costate.torchdyn.models.energy import GNF, HNN, LNN, ConservativeLinearSNF

__all__ = ["CNF", "GNF", "HNN", "LNN", "ConservativeLinearSNF", "autograd_trace", "hutch_trace"]
