"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.numerics._shooting import MSBackward, MSZero, ParallelImplicitEuler, str_to_ms_solver
from costate.torchdyn.numerics._solve import str_to_solver
from costate.torchdyn.numerics.solvers._ode import (AsynchronousLeapfrog, DiffEqSolver, DormandPrince45, Euler, ImplicitEuler, Midpoint, RungeKutta4, Solver,
                                                    Tsitouras45)

SolverTemplate = DiffEqSolver

__all__ = ["AsynchronousLeapfrog", "DormandPrince45", "Euler", "ImplicitEuler", "MSBackward", "MSZero", "Midpoint", "ParallelImplicitEuler", "RungeKutta4",
           "Solver", "SolverTemplate", "Tsitouras45", "str_to_ms_solver", "str_to_solver"]
__getattr__ = attributes(__name__, __all__)
