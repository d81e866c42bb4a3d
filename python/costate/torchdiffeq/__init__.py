"""torchdiffeq's functions, by Costate's solver: `import costate.torchdiffeq as torchdiffeq`.

Names, arguments, options, callbacks, exceptions and warnings are torchdiffeq's (0.2.5 and its main branch). docs/torch.md says what is
different, and where torchdiffeq is wrong. Step sizes follow torchdiffeq's rule; options={"controller": "costate"} asks for ours.
"""

import torch

from costate.torch import _dense, _route

__all__ = ["odeint", "odeint_adjoint", "odeint_dense", "odeint_event"]
__version__ = "0.2.5"


def odeint(func, y0, t, *, rtol=1e-7, atol=1e-9, method=None, options=None, event_fn=None):
    """States [time, …] at the times t of y' = func(t, y), y(t[0]) = y0.

    func      f(t, y): a 0-d tensor of y's real dtype, and a tensor or, where y0 is one, a tuple of tensors.
    y0        a tensor of any shape, or a tuple of them; real or complex.
    t         1-d, strictly ascending or descending.
    method    'dopri5' by default; the message of an unknown one lists them.
    options   of the method; a warning names those that it does not take.
    event_fn  ends the solve where event_fn(t, y) becomes 0; this gives the time of the event, and the states at t[0] and there. t[1]
              tells the direction of time.

    Gradients flow to y0, t and all that func and event_fn use, exactly for the steps that are taken, and of any order.
    """
    return _route.odeint(func, y0, t, rtol, atol, method, options, event_fn, "torchdiffeq", "auto", "discrete")


def odeint_adjoint(func, y0, t, *, rtol=1e-7, atol=1e-9, method=None, options=None, event_fn=None, adjoint_rtol=None, adjoint_atol=None,
                   adjoint_method=None, adjoint_options=None, adjoint_params=None):
    """odeint, whose gradient is a solve backwards of state and adjoint, so that no step is kept.

    adjoint_rtol, adjoint_atol, adjoint_method, adjoint_options   of the solve backwards; those of the forward one by default. The norm
                     in adjoint_options is 'seminorm', or a function of (t, y, adjoint of y, *adjoints of adjoint_params).
    adjoint_params   tensors that gradients are wanted of; func.parameters() by default.
    """
    forward = {"rtol": rtol, "atol": atol, "method": method, "options": options, "event_fn": event_fn, "controller": "torchdiffeq"}
    adjoint = {"rtol": adjoint_rtol, "atol": adjoint_atol, "method": adjoint_method, "options": adjoint_options}
    return _route.odeint_adjoint(func, y0, t, forward, adjoint, adjoint_params)


def odeint_event(func, y0, t0, *, event_fn, reverse_time=False, odeint_interface=odeint, **kwargs):
    """The time at which event_fn(t, y) becomes 0, from t0 on, and the states [2, …] at t0 and there; gradients flow through both.

    reverse_time      looks for the event before t0.
    odeint_interface  odeint or odeint_adjoint, which get all other arguments.
    """
    assert isinstance(t0, torch.Tensor), f"t0 must be a torch.Tensor; got {type(t0).__name__}."
    start = t0.reshape(-1)
    return odeint_interface(func, y0, torch.cat([start, start.detach() + (-1.0 if reverse_time else 1.0)]), event_fn=event_fn, **kwargs)


def odeint_dense(func, y0, t0, t1, *, rtol=1e-7, atol=1e-9, method=None, options=None):
    """The solution from t0 to t1 as a function of time: at a time, or at times of any shape [*times, …]."""
    return _dense.odeint_dense(func, y0, t0, t1, rtol=rtol, atol=atol, method=method, options=options, controller="torchdiffeq")
