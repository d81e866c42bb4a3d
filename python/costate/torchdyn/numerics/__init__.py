"""Solves, solvers and systems."""

from costate.torchdyn.numerics._hybrid import EventCallback, odeint_hybrid
from costate.torchdyn.numerics._shooting import odeint_mshooting
from costate.torchdyn.numerics._solve import odeint
from costate.torchdyn.numerics.solvers.hyper import HyperEuler, HyperMidpoint, HyperRungeKutta4
from costate.torchdyn.numerics.solvers._ode import AsynchronousLeapfrog, DormandPrince45, Euler, ImplicitEuler, Midpoint, RungeKutta4, Tsitouras45
from costate.torchdyn.numerics.systems import Lorenz, VanDerPol

__all__ = ["AsynchronousLeapfrog", "DormandPrince45", "Euler", "EventCallback", "HyperEuler", "HyperMidpoint", "HyperRungeKutta4", "ImplicitEuler", "Lorenz",
           "Midpoint", "RungeKutta4", "Tsitouras45", "VanDerPol", "odeint", "odeint_hybrid", "odeint_mshooting"]
