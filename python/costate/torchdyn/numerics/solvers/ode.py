"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.numerics._shooting import MS_SOLVER_DICT, MSBackward, MSZero, ParallelImplicitEuler, str_to_ms_solver
from costate.torchdyn.numerics._solve import SOLVER_DICT, str_to_solver
from costate.torchdyn.numerics.solvers._ode import (AsynchronousLeapfrog, DormandPrince45, Euler, ImplicitEuler, Midpoint, RungeKutta4, Solver, SolverTemplate,
                                                    Tsitouras45)

__all__ = ["AsynchronousLeapfrog", "DormandPrince45", "Euler", "ImplicitEuler", "MS_SOLVER_DICT", "MSBackward", "MSZero", "Midpoint",
           "ParallelImplicitEuler", "RungeKutta4", "SOLVER_DICT", "Solver", "SolverTemplate", "Tsitouras45", "str_to_ms_solver", "str_to_solver"]
__getattr__ = attributes(__name__, __all__)
