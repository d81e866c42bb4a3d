"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn.numerics.solvers._ode import (AsynchronousLeapfrog, DormandPrince45, Euler, ImplicitEuler, Midpoint, RungeKutta4, Solver, Tsitouras45)

__all__ = ["AsynchronousLeapfrog", "DormandPrince45", "Euler", "ImplicitEuler", "Midpoint", "RungeKutta4", "Solver", "Tsitouras45"]
