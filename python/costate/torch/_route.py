"""Whether a solve runs in the core or through callbacks, and why."""

import functools
import numbers
import sys

import torch
from torch.autograd import forward_ad

from costate.torch import _adjoint, _callbacks, _card, _core_options, _effects, _native, _ready
from costate.torch._callbacks import ADAPTIVE, Solve
from costate.torch._field import CALLBACKS


def _plain(value):
    return isinstance(value, numbers.Real) or (isinstance(value, torch.Tensor) and value.ndim == 0)


def refusal(solve, func):
    """Why a solve cannot run in the core whatever the field does; "" if nothing is in the way."""
    parts = solve.given_y0 if isinstance(solve.given_y0, tuple) else (solve.given_y0,)
    given = {key for key, value in solve.options.items() if value != _callbacks.options_of(solve.method)[key] or key in solve.given_options}
    if solve.method not in _native.METHODS:
        return f"method '{solve.method}' is not one of the core's"
    if solve.event_fn is not None:
        return "it ends at an event"
    more = sorted(key for key in given if key not in _native.TAKEN)
    if more:
        return f"options {', '.join(more)} need PyTorch's own steps"
    if any(callable(getattr(func, name, None)) for name in CALLBACKS):
        return "func has callbacks"
    is_on_card = _card.is_on_card(parts[0])
    if any(type(p) not in (torch.Tensor, torch.nn.Parameter) or p.dtype is not parts[0].dtype for p in parts) or not (is_on_card or parts[0].is_cpu):
        return "the state is not of plain tensors of one type on the CPU or a CUDA card"
    if is_on_card and (why := _card.refusal(parts[0])):
        return why
    if parts[0].dtype not in _native.KINDS:
        return f"the core computes in float32 and float64, not in {parts[0].dtype}"
    if len(solve.times) < 2 or solve.y0.numel() == 0:
        return "there is nothing to solve"
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "it is inside of a transform of torch.func"
    if forward_ad._current_level >= 0:
        return "derivatives are taken forwards"
    if torch.is_autocast_enabled(parts[0].device.type):
        return "autocast is on"
    return ""


PATHS = ("auto", "native", "callbacks")
_NOTHING = dict.fromkeys(("rtol", "atol", "method", "options"))  # that is asked of a solve backwards
_SEMINORM = {"options": {"norm": "seminorm"}}  # it spares steps there


def _find_plan(solve, path, is_solve=True, adjoint="discrete"):
    """(Plan or None, why)."""
    if path not in PATHS:
        raise ValueError(f"[odeint] path must be one of {', '.join(PATHS)}; got {path!r}.")
    if path == "callbacks":
        return None, "path='callbacks' asks for it"
    why = refusal(solve, solve.func)
    if not why and solve.method not in ADAPTIVE:
        why = _grid_refusal(solve)
    if why:
        return None, why
    parts = solve.given_y0 if solve.structure.is_tuple else (solve.given_y0,)
    if path == "auto" and _native.is_wasted_on(solve.func, is_solve):
        return None, "objects of its kind were made anew for each solve, which a capture costs more than; one object for all solves is captured"
    span = solve.times.numbers[0], solve.times.numbers[-1]
    plan, why = _native.plan_for(solve.func, parts, solve.structure.is_tuple, span, insists=path == "native")
    if plan is None:
        return None, why
    solve.samples = len(parts[0]) if plan.capture.is_per_sample else 1
    if not all(isinstance(tolerance, float) or all(bool((rows == rows[:1]).all()) for rows in _core_options.of_samples(solve, tolerance))
               for tolerance in solve.tolerances):
        return None, "tolerances differ between samples"
    if plan.is_on_card and (refused := _card.refusal_of(solve, plan, lambda flows: _core_options.solve_options(solve, adjoint, flows))):
        return None, refused
    return plan, why


def _grid_refusal(solve):
    has_own_grid = solve.options["step_size"] is not None or solve.options["grid_constructor"] is not None
    if has_own_grid and solve.times.flows:
        return "gradients by times on a grid of its own need slopes"
    if has_own_grid and solve.options["interp"] == "cubic":
        return "interp='cubic' needs slopes"
    return ""


def not_compiled(function):
    """A function that torch.compile leaves as it is: a break of its graph. PyTorch's own decorator would load its compiler at once."""
    disabled = None

    @functools.wraps(function)
    def call(*args):
        nonlocal disabled
        if disabled is None:
            if "torch._dynamo" not in sys.modules:
                return function(*args)
            disabled = sys.modules["torch._dynamo"].disable(function)
        return disabled(*args)

    call._torchdynamo_disable = True
    return call


@not_compiled
def odeint(func, y0, t, rtol, atol, method, options, event_fn, controller, path, adjoint):
    """The states at the times, in the core where the field can be captured, else through callbacks."""
    key = _ready.key_of(func, y0, t, options, (rtol, atol, method, event_fn, controller, path, adjoint))
    if key is not None:
        ready = _ready.find(func, y0, t, key)
        if ready is not None:
            return ready.run(func, y0, t)
    arguments = {"rtol": rtol, "atol": atol, "method": method, "options": options, "event_fn": event_fn, "controller": controller}
    if _is_compiled(func) and _find_plan(Solve(func._orig_mod, y0, t, **arguments), path)[0] is not None:
        return odeint(func._orig_mod, y0, t, rtol, atol, method, options, event_fn, controller, path, adjoint)
    solve = Solve(func, y0, t, **arguments)
    plan, why = _find_plan(solve, path, adjoint=adjoint)
    if plan is None and path == "native":
        raise NotImplementedError(f"[odeint] path='native' cannot be taken: {why}.")
    if plan is None and adjoint == "backsolve":
        return _adjoint.odeint_adjoint(func, y0, t, arguments, _NOTHING, _parameters(func, why))
    return solve.run() if plan is None else _ready.made(solve, plan, adjoint, key).run(func, solve.given_y0, solve.t)


def _is_compiled(func):
    """Whether a module is what torch.compile makes of another, which does the same, and nothing besides."""
    return type(func).__name__ == "OptimizedModule" and isinstance(getattr(func, "_orig_mod", None), torch.nn.Module) and not _effects.own_hooks(func)


def _parameters(func, why):
    """What a solve backwards through callbacks takes gradients of. ValueError for a function, of which nobody knows that."""
    module = getattr(func, "__self__", func)
    if not isinstance(module, torch.nn.Module):
        raise ValueError("[odeint] adjoint='backsolve' must have a torch.nn.Module as func where it runs through callbacks, to know the parameters; got "
                         f"a function ({why}). Make it a module, or take adjoint='discrete'.")
    return tuple(_adjoint.parameters_of(module))


@not_compiled
def odeint_adjoint(func, y0, t, forward, adjoint, adjoint_params):
    """The gradient of the steps taken, in the core, where nothing of the solve backwards can be seen; else that solve."""
    if adjoint_params is None and isinstance(func, torch.nn.Module) and (adjoint == _NOTHING or adjoint == _NOTHING | _SEMINORM):
        options = forward["options"]
        key = _ready.key_of(func, y0, t, options, ("adjoint", *(value for name, value in forward.items() if name != "options")))
        ready = _ready.find(func, y0, t, key) if key is not None else None
        if ready is None and _is_compiled(func) and _find_plan(Solve(func._orig_mod, y0, t, **forward), "auto")[0] is not None:
            return odeint_adjoint(func._orig_mod, y0, t, forward, adjoint, adjoint_params)
        if ready is None and not any(callable(getattr(func, name + "_adjoint", None)) for name in CALLBACKS):
            solve = Solve(func, y0, t, **forward)
            plan, _ = _find_plan(solve, "auto")
            if plan is not None:
                ready, y0, t = _ready.made(solve, plan, "discrete", key, counts_reverse=True), solve.given_y0, solve.t
        if ready is not None:
            return ready.run(func, y0, t, [p for p in _adjoint.parameters_of(func) if p.requires_grad])
    return _adjoint.odeint_adjoint(func, y0, t, forward, adjoint, adjoint_params)


def explain(func, y0, t=None, *, path="auto", adjoint="discrete", **arguments):
    """One sentence: which way a solve goes, and why."""
    times = torch.tensor([0.0, 1.0], dtype=torch.float64) if t is None else t
    if _is_compiled(func) and _find_plan(Solve(func._orig_mod, y0, times, **arguments), path, is_solve=False)[0] is not None:
        func = func._orig_mod
    plan, why = _find_plan(Solve(func, y0, times, **arguments), path, is_solve=False, adjoint=adjoint)
    if plan is None and path == "native":
        return f"Not at all, since path='native' cannot be taken: {why}."
    if plan is None and adjoint == "backsolve":
        _parameters(func, why)
        return f"Through callbacks, with a solve backwards: {why}."
    if plan is None:
        return f"Through callbacks: {why}."
    captured = plan.capture
    counted = f" {len(captured.counters)} counter(s) are kept." if captured.counters else ""
    where = "In the core, on the card" if plan.is_on_card else "In the core"
    if captured.is_per_sample:
        return f"{where}, each sample alone: {len(captured.nodes)} operations, {len(captured.shared)} shared tensors.{counted}"
    return f"{where}, the whole batch as one sample, since {why or 'its state has no batch axis'}.{counted}"
