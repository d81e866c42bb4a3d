"""Layers that are solutions of differential equations."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.core.defunc import DEFunc
from costate.torchdyn.core.neuralde import MultipleShootingLayer, NeuralODE
from costate.torchdyn.core.problems import MultipleShootingProblem, ODEProblem

NeuralDE = NeuralODE

__all__ = ["DEFunc", "MultipleShootingLayer", "MultipleShootingProblem", "NeuralDE", "NeuralODE", "ODEProblem"]
__getattr__ = attributes(__name__, __all__)
