"""Points in classes."""

import math

import numpy as np
import torch

from costate.torchdyn._absent import attributes
from costate.torchdyn.datasets.static_datasets import (ToyDataset, generate_concentric_spheres, generate_diffeqml, generate_gaussians, generate_gaussians_spiral,
                                                       generate_moons, generate_spirals, randnsphere)

# Programs that import all of torchdyn.datasets take np, torch and math from it, too.
__all__ = ["ToyDataset", "generate_concentric_spheres", "generate_diffeqml", "generate_gaussians", "generate_gaussians_spiral", "generate_moons",
           "generate_spirals", "math", "np", "randnsphere", "torch"]
__getattr__ = attributes(__name__, __all__)
