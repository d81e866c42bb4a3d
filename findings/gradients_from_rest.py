"""The problems and the table of gradients_from_rest.sh, which says what they show and installs what this imports."""

import dataclasses
import sys
import warnings

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import torch
import torchdiffeq
from scipy.linalg import expm

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)
warnings.filterwarnings("ignore")

RTOL = ATOL = 1e-6
RIGHT = 1e-3  # a gradient counts as right up to this part of it, a thousand tolerances, and 10 ATOL


@dataclasses.dataclass
class Case:
    """The gradient of sum(weights * y(end)) by `by`, "y0" or "p", where y' = field(jax.numpy or torch, t, y, p) from
    y(0) = start."""

    title: str
    field: object
    start: list
    parameters: list
    end: float
    weights: list
    by: str
    truth: np.ndarray  # a closed form, or by the matrix exponential
    shown: int  # the entry of the gradient that the table shows
    seen: dict  # what each solver's wrong gradient had there; solvers that are not named were right
    factor: float  # how much larger or smaller a wrong number may get, its sign aside


def decay(xp, t, y, p):
    return -(y - 2.0)


def oscillator_and_rest(xp, t, y, p):
    return xp.stack([y[1], -y[0], -100.0 * y[2]])


HEAT_POINTS = 32
NEIGHBOURS = np.eye(HEAT_POINTS, k=1) + np.eye(HEAT_POINTS, k=-1)
HEAT = (HEAT_POINTS + 1) ** 2 * (NEIGHBOURS - 2 * np.eye(HEAT_POINTS))


def heat(xp, t, y, p):
    return (jnp.asarray(HEAT) if xp is jnp else torch.as_tensor(HEAT)) @ y


def predator_prey(xp, t, y, p):
    return xp.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])


def held_control(xp, t, y, p):
    """-y / 10 + u, where u is p[i] from t = 10 i to 10 (i + 1)."""
    index = xp.clip(xp.floor(t / 10), 0, len(p) - 1)
    return -0.1 * y + p[index.astype(int) if xp is jnp else index.long()]


def epidemic(xp, t, y, p):
    """Susceptible and infected fractions; contact rate 0.5, recovery 0.2."""
    infections = 0.5 * y[0] * y[1]
    return xp.stack([-infections, infections - 0.2 * y[1]])


def integral_of_expm(matrix, inflow, end):
    """The integral of expm(matrix s) inflow over 0 ... end: the top right block of one larger exponential."""
    size, columns = inflow.shape
    block = np.zeros((size + columns, size + columns))
    block[:size, :size], block[:size, size:] = matrix * end, inflow * end
    return expm(block)[:size, size:]


def predator_prey_truth(rates, end):
    a, b, d, g = rates
    x, y = g / d, a / b
    by_state, by_rates = np.array([[0, -b * x], [d * y, 0]]), np.array([[x, -x * y, 0, 0], [0, 0, x * y, -y]])
    return np.ones(2) @ integral_of_expm(by_state, by_rates, end)


RATES = [2 / 3, 4 / 3, 1.0, 1.0]
EDGES = np.arange(0, 101, 10)
CASES = [
    Case("y' = 2 - y from 2, T = 10: y(T) by y(0)",
         decay, [2.0], [], 10.0, [1.0], "y0", np.exp([-10.0]), 0,
         {"diffrax Dopri5": 176.46, "diffrax Tsit5": 138.18, "torchdiffeq odeint": 540.22}, 1.01),
    # The oscillator chooses the steps; how many are too long for the third component, rounding has a say in.
    Case("y1' = y2, y2' = -y1, y3' = -100 y3 from (1, 0, 0), T = 10: y3(T) by y3(0)",
         oscillator_and_rest, [1.0, 0.0, 0.0], [], 10.0, [0.0, 0.0, 1.0], "y0", np.array([0, 0, np.exp(-1000.0)]), 2,
         {"diffrax Dopri5": 1.7e194, "diffrax Tsit5": 4.7e187, "torchdiffeq odeint": 4.2e197}, 1e20),
    # Rounding errors grow until they choose the steps: only the size of what comes out stays the same.
    Case("heat on 32 points from sin(pi x), T = 0.1: the first point's u(T) by its u(0)",
         heat, list(np.sin(np.pi * np.arange(1, 33) / 33)), [], 0.1, [1.0] + [0.0] * 31, "y0", expm(0.1 * HEAT)[0], 0,
         {"diffrax Dopri5": 1.7e7, "diffrax Tsit5": 1.2e7, "torchdiffeq odeint": 5.2e7}, 1e4),
    Case("predator and prey at their fixed point, T = 20: x(T) + y(T) by the prey's growth rate",
         predator_prey, [1.0, 0.5], RATES, 20.0, [1.0, 1.0], "p", predator_prey_truth(RATES, 20.0), 0,
         {"diffrax Dopri5": -82560.8, "diffrax Tsit5": -72025.9, "torchdiffeq odeint": 1.94805e11}, 1.01),
    Case("y' = -y / 10 + u from 0, u held for 10 at a time, all 0, T = 100: y(T) by the second value",
         held_control, [0.0], [0.0] * 10, 100.0, [1.0], "p", -10 * np.diff(np.exp(-EDGES / 10))[::-1], 1,
         {"diffrax Dopri5": -8425.0, "diffrax Tsit5": -6728.3, "torchdiffeq odeint": -24311.2}, 1.01),
    Case("epidemic before the first infection, T = 40: infected(T) by infected(0)",
         epidemic, [1.0, 0.0], [], 40.0, [0.0, 1.0], "y0", np.array([0, np.exp(12.0)]), 1,
         {"diffrax Dopri5": 41179.8, "diffrax Tsit5": 38125.2, "torchdiffeq odeint": 3.59390e7}, 1.01),
]


def with_diffrax(case, solver, adjoint):
    field = diffrax.ODETerm(lambda t, y, p: case.field(jnp, t, y, p))

    def loss(start, parameters):
        solution = diffrax.diffeqsolve(field, solver, 0.0, case.end, None, start, parameters, adjoint=adjoint,
                                       stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL))
        return jnp.dot(jnp.array(case.weights), solution.ys[-1])

    by = ("y0", "p").index(case.by)
    return np.asarray(jax.grad(loss, argnums=by)(jnp.array(case.start), jnp.array(case.parameters)))


class TorchField(torch.nn.Module):
    def __init__(self, case):
        super().__init__()
        self.field = case.field
        self.p = torch.nn.Parameter(torch.tensor(case.parameters)) if case.parameters else None

    def forward(self, t, y):
        return self.field(torch, t, y, self.p)


def with_torchdiffeq(case, odeint):
    field, start = TorchField(case), torch.tensor(case.start, requires_grad=True)
    states = odeint(field, start, torch.tensor([0.0, case.end]), rtol=RTOL, atol=ATOL, method="dopri5")
    (torch.tensor(case.weights) @ states[-1]).backward()
    return (start if case.by == "y0" else field.p).grad.numpy()


SOLVERS = {
    "diffrax Dopri5": lambda case: with_diffrax(case, diffrax.Dopri5(), diffrax.RecursiveCheckpointAdjoint()),
    "diffrax Tsit5": lambda case: with_diffrax(case, diffrax.Tsit5(), diffrax.RecursiveCheckpointAdjoint()),
    "diffrax Dopri5 BacksolveAdjoint": lambda case: with_diffrax(case, diffrax.Dopri5(), diffrax.BacksolveAdjoint()),
    "torchdiffeq odeint": lambda case: with_torchdiffeq(case, torchdiffeq.odeint),
    "torchdiffeq odeint_adjoint": lambda case: with_torchdiffeq(case, torchdiffeq.odeint_adjoint),
}


def changed(case, name, gradient):
    """Whether `gradient` is another than the one written down for this solver."""
    if name in case.seen:
        ratio = abs(float(gradient[case.shown]) / case.seen[name])
        return not 1 / case.factor <= ratio <= case.factor
    return bool(np.linalg.norm(gradient - case.truth) > RIGHT * np.linalg.norm(case.truth) + 10 * ATOL)


def main():
    num_changed = 0
    for case in CASES:
        print(f"\n{case.title}\n  {'right':32} {case.truth[case.shown]:.5g}")
        for name, gradient_of in SOLVERS.items():
            gradient = gradient_of(case)
            different = changed(case, name, gradient)
            num_changed += different
            verdict = "wrong" if name in case.seen else "right"
            print(f"  {name:32} {gradient[case.shown]:<12.5g} {'NOT AS WRITTEN DOWN: ' * different}{verdict}", flush=True)
    return num_changed > 0


if __name__ == "__main__":
    sys.exit(main())
