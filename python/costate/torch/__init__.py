"""PyTorch's door to Costate: solves of fields written in PyTorch, with gradients.

>>> import costate.torch, torch
>>> field = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
>>> states = costate.torch.odeint(lambda t, y: field(y), torch.randn(8, 2), torch.linspace(0, 1, 5))
>>> states.shape
torch.Size([5, 8, 2])
"""

from costate.torch import _route

__all__ = ["explain", "odeint"]
_ADJOINTS = ("discrete", "backsolve")


def odeint(func, y0, t, *, rtol=1e-7, atol=1e-9, method=None, options=None, event_fn=None, adjoint="discrete", path="auto"):
    """States [time, …] at the times t of y' = func(t, y), y(t[0]) = y0: costate.torchdiffeq.odeint, with two more arguments.

    adjoint  'discrete': the gradient of the steps taken. 'backsolve': that of a solve backwards, which keeps no steps.
    path     'auto': in the core where func can be captured, else through callbacks; 'native' and 'callbacks' insist on one of them.
             explain(func, y0) says which way is taken, and why.
    """
    _check_adjoint(adjoint)
    return _route.odeint(func, y0, t, rtol, atol, method, options, event_fn, "costate", path, adjoint)


def explain(func, y0, t=None, **arguments):
    """Which way a solve of func from y0 goes, and why, in one sentence; the arguments are those of odeint."""
    _check_adjoint(arguments.get("adjoint", "discrete"))
    return _route.explain(func, y0, t, **arguments)


def _check_adjoint(adjoint):
    if adjoint not in _ADJOINTS:
        raise ValueError(f"[odeint] adjoint must be one of {', '.join(_ADJOINTS)}; got {adjoint!r}.")
