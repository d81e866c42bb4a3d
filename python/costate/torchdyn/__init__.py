"""torchdyn's models of continuous depth, by Costate's solver: `from costate.torchdyn import NeuralODE`.

odeint, odeint_hybrid, odeint_mshooting, NeuralODE and MultipleShootingLayer take torchdyn's arguments (1.0.6); Augmenter, DepthCat, DataControl
and the Gal… layers are its layers, CNF is its flow. docs/torch.md says what is not here.
"""

from costate.torchdyn._cnf import CNF, autograd_trace, hutch_trace
from costate.torchdyn._galerkin import Chebychev, Fourier, GalConv2d, GalLinear, GaussianRBF, MultiquadRBF, Polynomial, VanillaRBF
from costate.torchdyn._hybrid import EventCallback, odeint_hybrid
from costate.torchdyn._layers import Augmenter, DataControl, DepthCat
from costate.torchdyn._neural_ode import NeuralODE
from costate.torchdyn._shooting import MultipleShootingLayer, odeint_mshooting
from costate.torchdyn._solve import odeint

__all__ = ["CNF", "Augmenter", "Chebychev", "DataControl", "DepthCat", "EventCallback", "Fourier", "GalConv2d", "GalLinear", "GaussianRBF",
           "MultipleShootingLayer", "MultiquadRBF", "NeuralODE", "Polynomial", "VanillaRBF", "autograd_trace", "hutch_trace", "odeint", "odeint_hybrid",
           "odeint_mshooting"]
