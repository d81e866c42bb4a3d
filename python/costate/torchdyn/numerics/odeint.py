"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn._absent import attributes
from costate.torchdyn.numerics._hybrid import odeint_hybrid
from costate.torchdyn.numerics._shooting import odeint_mshooting, str_to_ms_solver
from costate.torchdyn.numerics._solve import odeint, odeint_symplectic, str_to_solver

__all__ = ["odeint", "odeint_hybrid", "odeint_mshooting", "odeint_symplectic", "str_to_ms_solver", "str_to_solver"]
__getattr__ = attributes(__name__, __all__)
