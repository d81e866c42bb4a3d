"""torchdyn's module of this name; see models/cnf.py."""

from costate.torchdyn.numerics._hybrid import odeint_hybrid
from costate.torchdyn.numerics._shooting import odeint_mshooting
from costate.torchdyn.numerics._solve import odeint, odeint_symplectic

__all__ = ["odeint", "odeint_hybrid", "odeint_mshooting", "odeint_symplectic"]
