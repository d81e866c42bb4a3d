"""Solves, solvers and systems."""

from costate.torchdyn._absent import attributes
from . import odeint as _  # the module, whose import would else put it in the function's place later on
from costate.torchdyn.numerics._hybrid import EventCallback, StochasticEventCallback, odeint_hybrid
from costate.torchdyn.numerics._shooting import MSBackward, MSZero, ParallelImplicitEuler, odeint_mshooting
from costate.torchdyn.numerics._solve import odeint, odeint_symplectic
from costate.torchdyn.numerics.solvers.hyper import HyperEuler, HyperMidpoint, HyperRungeKutta4
from costate.torchdyn.numerics.solvers._ode import AsynchronousLeapfrog, DormandPrince45, Euler, ImplicitEuler, Midpoint, RungeKutta4, Tsitouras45
from costate.torchdyn.numerics.systems import Lorenz, VanDerPol

__all__ = ["AsynchronousLeapfrog", "DormandPrince45", "Euler", "EventCallback", "HyperEuler", "HyperMidpoint", "HyperRungeKutta4", "ImplicitEuler", "Lorenz",
           "MSBackward", "MSZero", "Midpoint", "ParallelImplicitEuler", "RungeKutta4", "StochasticEventCallback", "Tsitouras45", "VanDerPol", "odeint",
           "odeint_hybrid", "odeint_mshooting", "odeint_symplectic"]
__getattr__ = attributes(__name__, __all__)
