"""torchdyn's models of continuous depth, by Costate's solver: `from costate.torchdyn import NeuralODE`.

odeint and NeuralODE take torchdyn's arguments (1.0.6), Augmenter, DepthCat and DataControl are its layers. docs/torch.md says what is not
here.
"""

from costate.torchdyn._layers import Augmenter, DataControl, DepthCat
from costate.torchdyn._neural_ode import NeuralODE
from costate.torchdyn._solve import odeint

__all__ = ["Augmenter", "DataControl", "DepthCat", "NeuralODE", "odeint"]
