"""Solvers as objects."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.numerics.solvers.hyper import HyperEuler, HyperMidpoint, HyperRungeKutta4
from costate.torchdyn.numerics.solvers._ode import (AsynchronousLeapfrog, DiffEqSolver, DormandPrince45, Euler, ImplicitEuler, Midpoint, RungeKutta4, Solver,
                                                    SolverTemplate, Tsitouras45)

__all__ = ["AsynchronousLeapfrog", "DiffEqSolver", "DormandPrince45", "Euler", "HyperEuler", "HyperMidpoint", "HyperRungeKutta4", "ImplicitEuler", "Midpoint",
           "RungeKutta4", "Solver", "SolverTemplate", "Tsitouras45"]
__getattr__ = attributes(__name__, __all__)
