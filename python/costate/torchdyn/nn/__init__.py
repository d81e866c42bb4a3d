"""Layers that widen the state, or read the depth and the data; layers whose weights are functions of the depth."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.nn.galerkin import Chebychev, Fourier, GalConv2d, GalLayer, GalLinear, GaussianRBF, MultiquadRBF, Polynomial, VanillaRBF
from costate.torchdyn.nn._node_layers import Augmenter, DataControl, DepthCat

__all__ = ["Augmenter", "Chebychev", "DataControl", "DepthCat", "Fourier", "GalConv2d", "GalLayer", "GalLinear", "GaussianRBF", "MultiquadRBF", "Polynomial",
           "VanillaRBF"]
__getattr__ = attributes(__name__, __all__)
