"""torchdyn's module of this name, of which nothing is here (_absent.py)."""

from costate.torchdyn._absent import attributes

__getattr__ = attributes(__name__, ())
