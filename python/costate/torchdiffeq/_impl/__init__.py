"""Stands for torchdiffeq's private package, of which only the names of the methods are here (_impl.odeint.SOLVERS)."""


def __getattr__(name):
    raise AttributeError(f"[torchdiffeq] torchdiffeq._impl is private to torchdiffeq, and has no {name!r} here; methods have names, method='rk4' in the place "
                         "of a solver's class, and costate.torch.odeint(..., adjoint='backsolve') is odeint_adjoint.")
