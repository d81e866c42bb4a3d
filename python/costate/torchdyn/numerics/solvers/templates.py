"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.numerics._shooting import MultipleShootingDiffeqSolver
from costate.torchdyn.numerics.solvers._ode import DiffEqSolver

__all__ = ["DiffEqSolver", "MultipleShootingDiffeqSolver"]
__getattr__ = attributes(__name__, __all__)
