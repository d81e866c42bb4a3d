"""Options and times of the core's solve, of those that odeint was given."""

import math

import torch

from costate import _core
from costate.torch import _card
from costate.torch._adaptive import OF_TORCHDIFFEQ, stops_of
from costate.torch._callbacks import ADAPTIVE


def tolerances_of(solve):
    """The options rtol and atol, or, where a tolerance differs between the numbers of a sample, rtols and atols."""
    if all(isinstance(tolerance, float) for tolerance in solve.tolerances):
        return {"rtol": solve.tolerances[0], "atol": solve.tolerances[1]}
    return {name: tuple(torch.cat([rows[0] for rows in of_samples(solve, tolerance)]).double().tolist())
            for name, tolerance in zip(("rtols", "atols"), solve.tolerances)}


def of_samples(solve, tolerance):
    """A tolerance for each number, [sample, number] of each part of the state."""
    flat = torch.as_tensor(tolerance, dtype=solve.y0.dtype).expand(solve.y0.shape)
    parts = solve.structure.split(flat)
    return [part.reshape(solve.samples, -1) for part in (parts if solve.structure.is_tuple else (parts,))]


def solve_options(solve, adjoint, flows, steps=1):
    """The options of the core's solve, sorted pairs. `steps` of a grid lie between two times that it solves for."""
    given = solve.options
    found = {"method": solve.method, "adjoint": adjoint, **(tolerances_of(solve) if solve.method in ADAPTIVE else {})}
    if solve.method not in ADAPTIVE:
        return tuple(sorted((found | {"steps_per_interval": steps}).items()))
    found |= {"safety": float(given["safety"]), "factor_max": float(given["ifactor"]), "factor_min": float(given["dfactor"]),
              "gradient_steps": "on" if flows and adjoint == "discrete" else "off"}
    if given["controller"] == "torchdiffeq":
        if solve.given_options.get("controller") == "torchdiffeq" or not _card.is_on_card(solve.y0):
            found["control"] = "joint"  # one norm over all samples
        unit = OF_TORCHDIFFEQ.get(solve.method, 1.0)
        found |= {name: value / unit if isinstance(value, float) else tuple(x / unit for x in value) for name, value in tolerances_of(solve).items()}
        found |= _core._rule_of_torchdiffeq() | {"factor_max_after_reject": float(given["ifactor"])}
    if given["first_step"] is not None:
        found["first_step"] = float(given["first_step"])
    if float(given["min_step"]) > 0:
        found |= {"min_step": float(given["min_step"]), "at_min_step": "accept"}
    if math.isfinite(given["max_step"]):
        found["max_step"] = float(given["max_step"])
    _, stops = stops_of(given, solve.times.direction, solve.times.numbers[0])
    if stops:
        found["stop_at"] = tuple(sorted(stops))
    return tuple(sorted(found.items()))


def grid_of(solve):
    """The times that the core solves for where they are not those of the outputs, f64, else None; and how many steps lie between two of them."""
    if solve.method in ADAPTIVE or (solve.options["step_size"] is None and solve.options["grid_constructor"] is None):
        return None, 1
    grid = torch.tensor([float(x) for x in solve.fixed().grid(solve.times, solve.func, solve.given_y0)], dtype=torch.float64)
    steps = _steps_between(grid, torch.tensor(solve.times.numbers, dtype=torch.float64))
    return (grid, 1) if steps is None else (None, steps)


def _steps_between(grid, wanted):
    """How many steps of the grid lie between two of the wanted times, if these are equal steps and everywhere as many; else None."""
    intervals = len(wanted) - 1
    if intervals == 0 or (len(grid) - 1) % intervals != 0:
        return None
    steps = (len(grid) - 1) // intervals
    nodes = torch.lerp(wanted[:-1, None], wanted[1:, None], torch.arange(steps, dtype=torch.float64) / steps).flatten()
    is_even = bool(((nodes - grid[:-1]).abs() <= 2.0**-50 * grid.abs().max()).all())
    return steps if is_even else None


def rows_of(grid, wanted):
    """A function that gives the states at other times than the grid's, of states [time, …] on it: on straight lines between them."""
    sign, wanted = 1 if grid[-1] >= grid[0] else -1, torch.tensor(wanted, dtype=torch.float64)
    right = torch.searchsorted(sign * grid, sign * wanted).clamp(1, len(grid) - 1)
    theta = (wanted - grid[right - 1]) / (grid[right] - grid[right - 1])
    if bool(((theta == 0) | (theta == 1)).all()):
        rows = torch.where(theta == 1, right, right - 1)
        return lambda states: states[rows]
    return lambda states: torch.lerp(states[right - 1], states[right], theta.to(states).reshape(-1, *[1] * (states.ndim - 1)))
