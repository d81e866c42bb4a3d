"""torchdyn's odeint, and its names of solvers."""

import inspect

import torch

from costate._names import nearest
from costate.torch import _adjoint, _route
from costate.torchdyn.numerics.solvers import _ode

# torchdyn's names of a solver, by ours.
_NAMES = {"euler": ("euler",), "midpoint": ("midpoint",), "rk4": ("rk4", "rk-4", "RungeKutta4"), "dopri5": ("dopri5", "DormandPrince45", "DormandPrince5"),
          "tsit5": ("tsit5", "Tsitouras45", "Tsitouras5"), "implicit_euler": ("ieuler", "implicit_euler"), "alf": ("alf", "AsynchronousLeapfrog")}
SOLVERS = {name: method for method, names in _NAMES.items() for name in names}
_CLASSES = {"euler": _ode.Euler, "midpoint": _ode.Midpoint, "rk4": _ode.RungeKutta4, "dopri5": _ode.DormandPrince45, "tsit5": _ode.Tsitouras45,
            "implicit_euler": _ode.ImplicitEuler, "alf": _ode.AsynchronousLeapfrog}
SOLVER_DICT = {name: _CLASSES[method] for name, method in SOLVERS.items()}
ADAPTIVE = ("dopri5", "tsit5")


def solver_of(solver):
    """The name of a method of the core, or a Solver with steps of its own. ValueError, with the nearest name, for a name that there is not."""
    if isinstance(solver, torch.nn.Module) or (not isinstance(solver, str) and hasattr(solver, "step")):
        method = getattr(solver, "method", None)
        if method is None or type(solver).step not in (_ode.Euler.step, _ode.ImplicitEuler.step):
            return solver
        return method
    return _ode.AsynchronousLeapfrog() if _known(solver) == "alf" else SOLVERS[solver]


def _known(name):
    if name not in SOLVERS:
        near = nearest(str(name), SOLVERS)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"[odeint] solver must be one of {', '.join(SOLVERS)}, or a Solver; got {name!r}.{hint}")
    return SOLVERS[name]


def str_to_solver(solver_name, dtype=torch.float32):
    """A Solver by one of torchdyn's names. ValueError, with the nearest one, for a name that there is not."""
    _known(solver_name)
    return SOLVER_DICT[solver_name](dtype=dtype)


def method_of(solver):
    """The name of a method of the core. ValueError for a Solver with steps of its own."""
    found = solver_of(solver)
    if not isinstance(found, str):
        raise ValueError(f"[odeint] solver must be one of {', '.join(SOLVERS)} here; got {type(found).__name__}, which has steps of its own.")
    return found


def odeint(f, x, t_span, solver, atol=1e-3, rtol=1e-3, t_stops=None, verbose=False, interpolator=None, return_all_eval=False, save_at=(), args=None,
           seminorm=(False, None)):
    """(times, states [time, …]) of x' = f(t, x), or f(t, x, args=args) where args are given, at the times t_span.

    solver    a name, or a Solver. One that has a step of its own, as hypersolvers have, takes one step from each time of t_span to the next; gradients flow
              through it, and x may be a dict of tensors.
    save_at   a part of t_span, the only times that are returned; all by default. A time that is not in t_span is a ValueError.
    t_stops   times at which steps end, where f jumps.
    Others are taken, and change nothing: every method has its own interpolant.
    """
    if return_all_eval:
        raise NotImplementedError("[odeint] return_all_eval is not known here; put the times that are wanted into t_span.")
    found = solver_of(solver)
    like = next(iter(x.values())) if isinstance(x, dict) else x
    times = torch.as_tensor(t_span, dtype=like.dtype if not isinstance(t_span, torch.Tensor) else None)
    if not isinstance(found, str):
        return saved(times, _walk(found, f, x, times, args), save_at)
    if isinstance(x, dict):
        raise TypeError(f"[odeint] x must be a tensor for solver '{found}'; a dict of tensors may stand where the solver is a Solver with a step of its own.")
    options = {"jump_t": torch.as_tensor(t_stops)} if t_stops is not None and found in ADAPTIVE else None
    field = f if not args else lambda t, y: f(t, y, args=args)
    states = _route.odeint(field, x, times, *_tolerances(found, rtol, atol), found, options, None, "torchdiffeq", "auto", "discrete")
    return saved(times, states, save_at)


def _tolerances(method, *given):
    """None stands for one that is not asked for, where steps are those of a grid."""
    return given if method in ADAPTIVE else tuple(1e-3 if tolerance is None else tolerance for tolerance in given)


def odeint_symplectic(f, x, t_span, solver, atol=1e-3, rtol=1e-3, verbose=False, return_all_eval=False, save_at=()):
    """odeint of a state and its slope side by side, as the solver 'alf' steps them; f(t, x) is of the state alone."""
    return odeint(f, x, t_span, solver, atol=atol, rtol=rtol, verbose=verbose, return_all_eval=return_all_eval, save_at=save_at)


def _walk(solver, f, x, times, args):
    """States by a solver's own steps, each from one time to the next."""
    if getattr(solver, "stepping_class", "fixed") != "fixed":
        raise NotImplementedError(f"[odeint] {type(solver).__name__} must be a solver on a grid, stepping_class 'fixed': steps of one's own have no control "
                                  "of their size here.")
    if len(times) > 1:
        _check_order(times)
    args = args or {}
    field = (lambda t, y, *_: f(t, y, args=args)) if args else f
    more = {"args": args} if "args" in inspect.signature(solver.step).parameters else {}  # torchdyn's older solvers have none
    states = [x]
    for t, t_next in zip(times, times[1:]):
        _, state, *_ = solver.step(field, states[-1], t, t_next - t, k1=None, **more)
        states.append(state)
    return {key: torch.stack([state[key] for state in states]) for key in x} if isinstance(x, dict) else torch.stack(states)


def _check_order(times):
    steps = times.detach().diff()
    assert bool((steps > 0).all() or (steps < 0).all()), "t_span must be strictly increasing or decreasing"


def adjoint(f, x, times, method, forward, backward, parameters, seminorm, method_backward=None):
    """States [time, …] whose gradient is a solve backwards; forward and backward are (rtol, atol)."""
    forward, backward = (dict(zip(("rtol", "atol"), _tolerances(m, *pair))) for m, pair in ((method, forward), (method_backward or method, backward)))
    return _adjoint.odeint_adjoint(f, x, times, {**forward, "method": method, "options": None, "controller": "torchdiffeq"},
                                   {**backward, "method": method_backward, "options": {"norm": "seminorm"} if seminorm else {}}, parameters)


def saved(times, states, save_at):
    """The times of save_at and their states."""
    if len(save_at) == 0:
        return times, states
    wanted = torch.as_tensor(save_at, dtype=times.dtype)
    at = (times.detach()[None] - wanted[:, None]).abs().argmin(dim=1)
    near = (times.detach()[at] - wanted).abs() <= 1e-6 * (1 + wanted.abs())
    if not bool(near.all()):
        raise ValueError(f"[odeint] save_at must be a part of t_span; {float(wanted[~near][0])} is not in it.")
    return times[at], {key: value[at] for key, value in states.items()} if isinstance(states, dict) else states[at]
