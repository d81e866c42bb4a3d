"""Adams methods of rising order on a grid of any steps, for torchdiffeq's names.

The slopes of the last steps are interpolated by a polynomial, which is integrated over the step. Its weights are made for
the times at hand; torchdiffeq's are those of equal steps, and of second order where steps differ. Hairer, Norsett and
Wanner, Solving Ordinary Differential Equations I, III.1 and III.5.
"""

import warnings

import torch

from costate.torch._field import Side
from costate.torch._runge_kutta import Step, combine, tableau

_FIRST_ORDER = 3  # slopes that a formula takes at least; before, steps are those of rk4
MAX_ORDER = 12
OPTIONS = {"max_order": MAX_ORDER, "max_iters": 4}


def integral_weights(times, t, t_next):
    """w with sum_i w_i f(times_i) the integral of f from t to t_next, for polynomials of degree below len(times).

    Times are numbers, or 0-d tensors through which gradients flow.
    """
    h = t_next - t
    nodes = [(time - t) / h for time in times]
    weights = []
    for i, node in enumerate(nodes):
        polynomial, scale = [1.0], 1.0  # of Lagrange, its coefficients from the highest power down
        for other in nodes[:i] + nodes[i + 1:]:
            scale = scale * (node - other)
            polynomial = [high - other * low for high, low in zip([*polynomial, 0.0], [0.0, *polynomial])]
        integral = sum(coefficient / (len(polynomial) - k) for k, coefficient in enumerate(polynomial))
        weights.append(h * integral / scale)
    return weights


class AdamsStepper:
    """Steps of a predictor, and of a corrector if `implicit`: see Fixed in _fixed.py."""

    def __init__(self, field, perturb, implicit, tolerances, max_order, max_iters):
        self.field, self.perturb, self.implicit = field, perturb, implicit
        self.rtol, self.atol = tolerances
        assert max_order <= MAX_ORDER, f"max_order must be at most {MAX_ORDER}"
        if max_order < _FIRST_ORDER + 1:
            warnings.warn(f"max_order is below {_FIRST_ORDER + 1}, so the solver reduces to `rk4`.")
        self.most = int(max_order) - 1
        self.max_iters = max_iters
        self.history = []  # (time, slope), the newest first

    def first_slope(self, t, y):
        slope = self.field(t, y, Side.AFTER if self.perturb else Side.AT)
        self.history = [(t, slope), *self.history][:max(self.most, 1)]
        return slope

    def step(self, t, t_next, y, slope):
        if len(self.history) < _FIRST_ORDER or self.most < _FIRST_ORDER:
            step = Step(tableau("rk4"), t, t_next - t, t_next, y, slope)
            step.evaluate(self.field, Side.BEFORE if self.perturb else Side.AT)
            return step.y_next
        times = [time for time, _ in self.history]
        slopes = [slope for _, slope in self.history]
        moved = combine(y, 1.0, integral_weights(times, t, t_next), slopes)
        if not self.implicit:
            return moved
        first, *others = integral_weights([t_next, *times], t, t_next)
        return self._corrected(t_next, y, moved, first, combine(y, 1.0, others, slopes))

    def _corrected(self, t_next, y, moved, weight, known):
        """Functional iteration on the formula that takes the slope at t_next, too."""
        for _ in range(self.max_iters):
            before = moved
            slope = self.field(t_next, before, Side.BEFORE if self.perturb else Side.AT)
            moved = combine(known, 1.0, [weight], [slope])
            if self._is_close(before - y, moved - y):
                return moved
        warnings.warn("Functional iteration did not converge. Solution may be incorrect.")
        self.history.pop()
        return moved

    @torch.no_grad()
    def _is_close(self, before, after):
        """torchdiffeq's test: no number moved by its tolerance."""
        scale = self.atol + self.rtol * torch.maximum(before.abs(), after.abs())
        return bool(((before - after).abs() < scale).all())
