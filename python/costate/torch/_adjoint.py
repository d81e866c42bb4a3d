"""odeint_adjoint: torchdiffeq's arguments of the backward solve, and their defaults."""

import warnings

import torch

from costate.torch import _backsolve, _events
from costate.torch._callbacks import Solve
from costate.torch._field import tolerance


def parameters_of(module):
    """A module's parameters; in a replica of DataParallel, which has none, its tensors that gradients flow to."""
    if getattr(module, "_is_replica", False):
        tensors = (value for part in module.modules() for value in vars(part).values())
        return [value for value in tensors if isinstance(value, torch.Tensor) and value.requires_grad]
    return list(module.parameters())


def check_parameters(func, adjoint_params):
    """The tensors that gradients are wanted of. ValueError if nobody says which."""
    if adjoint_params is None and not isinstance(func, torch.nn.Module):
        raise ValueError("func must be an instance of nn.Module to specify the adjoint parameters; alternatively they can be "
                         "specified explicitly via the `adjoint_params` argument. If there are no parameters then it is allowable to "
                         "set `adjoint_params=()`.")
    return tuple(parameters_of(func) if adjoint_params is None else adjoint_params)


def odeint_adjoint(func, y0, t, forward, adjoint, adjoint_params):
    """`forward` has rtol, atol, method, options and event_fn, `adjoint` the first four; None takes those of the forward solve."""
    given = check_parameters(func, adjoint_params)
    if adjoint["method"] not in (None, forward["method"]) and forward["options"] is not None and adjoint["options"] is None:
        raise ValueError("If `adjoint_method != method` then we cannot infer `adjoint_options` from `options`. So as `options` has been "
                         "passed then `adjoint_options` must be passed as well.")
    if adjoint["options"] is None:
        options = {key: value for key, value in (forward["options"] or {}).items() if key != "norm"}
    else:
        options = dict(adjoint["options"])
    parameters = tuple(p for p in given if p.requires_grad)
    if len(parameters) < len(given) and callable(options.get("norm")):
        warnings.warn("An adjoint parameter was passed without requiring gradient. For efficiency this will be excluded from the "
                      "adjoint pass, and will not appear as a tensor in the adjoint norm.")
    with torch.no_grad():
        solve = Solve(func, y0, t, **forward)
    options["norm"] = _backsolve.adjoint_norm(options, solve.structure, solve.norm)
    sweep = {key: adjoint[key] if adjoint[key] is not None else forward[key] for key in ("rtol", "atol", "method")}
    for name in ("rtol", "atol"):
        sweep[name] = _widened(adjoint[name], forward[name], solve, parameters)
    sweep["options"] = options
    y0 = solve.structure.flatten(y0)
    found = _backsolve.Backsolve.apply(solve, sweep, solve.t.requires_grad, y0, solve.t, *parameters)
    if solve.event_fn is None:
        return solve.structure.split(found, (len(solve.times),))
    time, states = found
    if solve.found.time is not None:
        time, state = _events.link(solve.found, solve.field, solve.found.time, states[1])
        states = torch.stack([states[0], state])
    return time.to(t), solve.structure.split(states, (2,))


def _widened(adjoint, forward, solve, parameters):
    """A tolerance of the adjoint's state (t, y, adjoint of y, *parameters), of which a forward one knows y alone."""
    if adjoint is not None:
        return adjoint
    if isinstance(forward, (int, float)) or (isinstance(forward, torch.Tensor) and forward.ndim == 0):
        return forward
    of_y = tolerance("rtol", forward, solve.structure, solve.y0)
    of_y = of_y.expand(solve.y0.shape).reshape(-1)
    smallest = of_y.min()
    return (smallest, of_y, of_y, *(smallest for _ in parameters))
