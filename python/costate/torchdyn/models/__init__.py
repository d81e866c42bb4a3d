"""Fields of flows and of energies; and the layers that solve, as torchdyn has them here, too."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.core.neuralde import MultipleShootingLayer, NeuralODE
from costate.torchdyn.core.problems import MultipleShootingProblem, ODEProblem
from costate.torchdyn.models._cnf import CNF, autograd_trace, hutch_trace
from costate.torchdyn.models.energy import GNF, HNN, LNN, ConservativeLinearSNF

__all__ = ["CNF", "GNF", "HNN", "LNN", "ConservativeLinearSNF", "MultipleShootingLayer", "MultipleShootingProblem", "NeuralODE", "ODEProblem",
           "autograd_trace", "hutch_trace"]
__getattr__ = attributes(__name__, __all__)
