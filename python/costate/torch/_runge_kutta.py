"""One step of an explicit Runge-Kutta method on tensors, by the coefficients of the core (costate/solve/methods).

Autograd records what is done, so that a gradient is that of the steps taken, exactly and of any order.
"""

import functools

import torch

from costate import _core


class Tableau:
    """A method's coefficients as Python numbers. The closing stage is the last of `num_stages`: f(t + h, y1)."""

    def __init__(self, name):
        found = _core._tableau(name)
        self.name = name
        self.order, self.error_order = found["order"], found["error_order"]
        self.c, self.a, self.b, self.e = found["c"], found["a"], found["b"], found["e"]
        self.e_low = found["e_low"]  # of a second companion; empty where there is none
        self.dense = found["dense"]
        self.dense_matrix = torch.tensor(self.dense, dtype=torch.float64)  # [stage, power of theta from 1 on]
        self.closing = found["num_stages"] - 1
        self.error_needs_closing = found["error_needs_closing_stage"]

    def dense_weights(self, theta):
        """b_i(theta), of a number; or of a 0-d tensor through which gradients flow, as a tensor [stage]."""
        if isinstance(theta, torch.Tensor):
            matrix = self.dense_matrix.to(theta)
            return matrix @ theta ** torch.arange(1, matrix.shape[1] + 1, device=theta.device)
        weights = []
        for row in self.dense:
            weight = 0.0
            for coefficient in reversed(row):
                weight = (weight + coefficient) * theta
            weights.append(weight)
        return weights


@functools.lru_cache(maxsize=None)
def tableau(name):
    return Tableau(name)


def combine(y, h, weights, slopes):
    """y + h sum_i weights_i slopes_i. h and the weights are numbers, or 0-d tensors through which gradients flow.

    The sum comes first: in f32, each slope that is added to y itself would cost a rounding of y's size.
    """
    total, real = None, real_dtype(slopes[0].dtype)
    for weight, slope in zip(weights, slopes):
        factor = h * weight
        if isinstance(factor, torch.Tensor):
            part = factor.to(real) * slope
            total = part if total is None else total + part
        elif factor != 0:
            total = slope * factor if total is None else torch.add(total, slope, alpha=factor)
    return y if total is None else y + total


def real_dtype(dtype):
    """That of a state's absolute values, and of the times that its field is given."""
    return dtype.to_real() if dtype.is_complex else dtype


def number(time):
    """A time as a Python number."""
    return time.item() if isinstance(time, torch.Tensor) else float(time)


class Step:
    """From (t, y) by h: slopes k_i, the state y_next at t_next. Times are numbers, or 0-d tensors with gradients."""

    def __init__(self, tableau, t, h, t_next, y, first_slope):
        self.tableau, self.t, self.h, self.t_next = tableau, t, h, t_next
        self.y, self.slopes, self.y_next = y, [first_slope], None

    def stage_state(self, i):
        return combine(self.y, self.h, self.tableau.a[i], self.slopes)

    def evaluate(self, field, at_end):
        """All stages but the closing one, and y_next. `at_end` are stages at t_next: a Side of it (_field.Side)."""
        tableau = self.tableau
        for i in range(1, tableau.closing):
            c = tableau.c[i]
            if c == 1:
                slope = field(self.t_next, self.stage_state(i), at_end)
            else:
                slope = field(self.t + c * self.h, self.stage_state(i))
            self.slopes.append(slope)
        self.y_next = self.stage_state(tableau.closing)

    def close(self, field, at_end):
        """The closing stage, once."""
        if len(self.slopes) == self.tableau.closing:
            self.slopes.append(field(self.t_next, self.y_next, at_end))

    def errors(self):
        """The estimates h sum_i e_i k_i of one companion or of two, without gradients."""
        h = number(self.h)
        slopes = [slope.detach() for slope in self.slopes]
        return [combine(0.0, h, weights, slopes) for weights in (self.tableau.e, self.tableau.e_low) if weights]

    def at(self, field, time, at_end):
        """The dense output at a time within the step."""
        self.close(field, at_end)
        tableau = self.tableau
        for i in range(len(self.slopes), len(tableau.c)):
            self.slopes.append(field(self.t + tableau.c[i] * self.h, self.stage_state(i)))
        theta = (time - self.t) / self.h
        weights = tableau.dense_weights(theta)
        if not isinstance(weights, torch.Tensor):
            return combine(self.y, self.h, weights, self.slopes)
        return self.y + torch.tensordot((self.h * weights).to(self.y.dtype), torch.stack(self.slopes), dims=1)
