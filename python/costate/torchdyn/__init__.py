"""torchdyn's models of continuous depth, by Costate's solver: `from costate.torchdyn import NeuralODE`.

Its modules have torchdyn's names (1.0.6), so that `sys.modules["torchdyn"] = costate.torchdyn` serves programs that import it: core has NeuralODE and
its problems; nn has layers; models has flows and energies; numerics has odeint, solvers and systems; datasets and utils have data and plots.
docs/switching.md says what is not here.
"""

from costate.torchdyn._absent import attributes
from costate.torchdyn.core import DEFunc, MultipleShootingLayer, MultipleShootingProblem, NeuralDE, NeuralODE, ODEProblem
from costate.torchdyn.datasets import ToyDataset
from costate.torchdyn.models import CNF, GNF, HNN, LNN, ConservativeLinearSNF, autograd_trace, hutch_trace
from costate.torchdyn.nn import (Augmenter, Chebychev, DataControl, DepthCat, Fourier, GalConv2d, GalLinear, GaussianRBF, MultiquadRBF, Polynomial,
                                 VanillaRBF)
from costate.torchdyn.numerics import (AsynchronousLeapfrog, DormandPrince45, Euler, EventCallback, HyperEuler, HyperMidpoint, HyperRungeKutta4, ImplicitEuler,
                                       Lorenz, Midpoint, MSBackward, MSZero, ParallelImplicitEuler, RungeKutta4, StochasticEventCallback, Tsitouras45,
                                       VanDerPol, odeint, odeint_hybrid, odeint_mshooting, odeint_symplectic)

__all__ = ["CNF", "DEFunc", "GNF", "HNN", "LNN", "AsynchronousLeapfrog", "Augmenter", "Chebychev", "ConservativeLinearSNF", "DataControl", "DepthCat",
           "DormandPrince45", "Euler", "EventCallback", "Fourier", "GalConv2d", "GalLinear", "GaussianRBF", "HyperEuler", "HyperMidpoint", "HyperRungeKutta4",
           "ImplicitEuler", "Lorenz", "MSBackward", "MSZero", "Midpoint", "MultipleShootingLayer", "MultipleShootingProblem", "MultiquadRBF", "NeuralDE",
           "NeuralODE", "ODEProblem", "ParallelImplicitEuler", "Polynomial", "RungeKutta4", "StochasticEventCallback", "ToyDataset", "Tsitouras45",
           "VanDerPol", "VanillaRBF", "autograd_trace", "hutch_trace", "odeint", "odeint_hybrid", "odeint_mshooting", "odeint_symplectic"]
__version__ = "1.0.6"
__getattr__ = attributes(__name__, __all__)
