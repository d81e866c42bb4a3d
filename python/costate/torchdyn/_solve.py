"""torchdyn's odeint, and its names of solvers."""

import torch

from costate._names import nearest
from costate.torch import _adjoint, _route

# torchdyn's names of a solver, by ours.
_NAMES = {"euler": ("euler",), "midpoint": ("midpoint",), "rk4": ("rk4", "rk-4", "RungeKutta4"), "dopri5": ("dopri5", "DormandPrince45", "DormandPrince5"),
          "tsit5": ("tsit5", "Tsitouras45", "Tsitouras5"), "implicit_euler": ("ieuler", "implicit_euler")}
SOLVERS = {name: method for method, names in _NAMES.items() for name in names}


def method_of(solver):
    """The method's name. ValueError, with the nearest one, for a name that there is not."""
    if solver not in SOLVERS:
        near = nearest(str(solver), SOLVERS)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"[odeint] solver must be one of {', '.join(SOLVERS)}; got {solver!r}.{hint}")
    return SOLVERS[solver]


def odeint(f, x, t_span, solver, atol=1e-3, rtol=1e-3, t_stops=None, verbose=False, interpolator=None, return_all_eval=False, save_at=(), args=None,
           seminorm=(False, None)):
    """(times, states [time, …]) of x' = f(t, x), or f(t, x, args=args) where args are given, at the times t_span.

    save_at   a part of t_span, the only times that are returned; all by default. A time that is not in t_span is a ValueError.
    t_stops   times at which steps end, where f jumps.
    Others are taken, and change nothing: every method has its own interpolant.
    """
    if return_all_eval:
        raise NotImplementedError("[odeint] return_all_eval is not known here; put the times that are wanted into t_span.")
    times = torch.as_tensor(t_span, dtype=x.dtype if not isinstance(t_span, torch.Tensor) else None)
    method = method_of(solver)
    options = {"jump_t": torch.as_tensor(t_stops)} if t_stops is not None and method in ("dopri5", "tsit5") else None
    field = f if not args else lambda t, y: f(t, y, args=args)
    states = _route.odeint(field, x, times, rtol, atol, method, options, None, "torchdiffeq", "auto", "discrete")
    return saved(times, states, save_at)


def adjoint(f, x, times, method, forward, backward, parameters, seminorm):
    """States [time, …] whose gradient is a solve backwards; forward and backward are (rtol, atol)."""
    options = {"norm": "seminorm"} if seminorm else None
    return _adjoint.odeint_adjoint(f, x, times, {"rtol": forward[0], "atol": forward[1], "method": method, "options": None},
                                   {"rtol": backward[0], "atol": backward[1], "method": None, "options": options}, parameters)


def saved(times, states, save_at):
    """The times of save_at and their states."""
    if len(save_at) == 0:
        return times, states
    wanted = torch.as_tensor(save_at, dtype=times.dtype)
    at = (times.detach()[None] - wanted[:, None]).abs().argmin(dim=1)
    near = (times.detach()[at] - wanted).abs() <= 1e-6 * (1 + wanted.abs())
    if not bool(near.all()):
        raise ValueError(f"[odeint] save_at must be a part of t_span; {float(wanted[~near][0])} is not in it.")
    return times[at], states[at]
