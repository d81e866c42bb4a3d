"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn.nn._node_layers import Augmenter, DataControl, DepthCat

__all__ = ["Augmenter", "DataControl", "DepthCat"]
