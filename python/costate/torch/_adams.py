"""Adams methods of rising order on a grid of any steps, for torchdiffeq's names.

The slopes of the last steps are interpolated by Newton's polynomial, in differences Phi_j that are scaled for the times at hand
(of equal steps, backward differences), and integrated over the step. torchdiffeq's weights are those of equal steps, and of second order
where steps differ. The order rises by one a step as long as each difference moves the state less than the one before: a high order on
steps that it is not stable with makes them grow.

Krogh, in: Proc. Conf. Numerical Solution of ODEs, Lecture Notes in Mathematics 362, 1974; Hairer, Norsett and Wanner, Solving Ordinary
Differential Equations I, III.5.
"""

import warnings

import torch

from costate.torch._field import Side
from costate.torch._runge_kutta import Step, combine, tableau

_FIRST_ORDER = 3  # slopes that a formula takes at least; before, steps are those of rk4
MAX_ORDER = 12
OPTIONS = {"max_order": MAX_ORDER, "max_iters": 4}


def integrals(nodes, t, t_next):
    """g_j = the integral from t to t_next of prod_{i<j} (s - nodes_i) / (nodes_0 - nodes_{i+1}), of times that may carry gradients."""
    h = t_next - t
    polynomial, found = [1.0], []  # in x = (s - t) / h, from the highest power down
    for j, node in enumerate(nodes):
        found.append(h * sum(coefficient / (len(polynomial) - k) for k, coefficient in enumerate(polynomial)))
        if j + 1 < len(nodes):
            scale, shift = h / (nodes[0] - nodes[j + 1]), (node - t) / h
            polynomial = [scale * (high - shift * low) for high, low in zip([*polynomial, 0.0], [0.0, *polynomial])]
    return found


def differences(slope, before, nodes):
    """Phi_j at nodes_0, whose slope is new, from those at nodes_1; None stands for a slope of 0."""
    found, beta = [slope], 1.0
    for j, old in enumerate(before[:len(nodes) - 1]):
        if j > 0:
            beta = beta * (nodes[0] - nodes[j]) / (nodes[1] - nodes[j + 1])
        last = found[-1]
        found.append(combine(0.0 if last is None else last, 1.0, [-1.0 * beta], [old]))
    return found


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
        self.nodes, self.phi = [], []  # times of slopes, the newest first, and their differences

    def first_slope(self, t, y):
        slope = self.field(t, y, Side.AFTER if self.perturb else Side.AT)
        self.nodes = [t, *self.nodes][:max(self.most, 1)]
        self.phi = differences(slope, self.phi, self.nodes)
        return slope

    def step(self, t, t_next, y, slope):
        if len(self.phi) < _FIRST_ORDER or self.most < _FIRST_ORDER:
            step = Step(tableau("rk4"), t, t_next - t, t_next, y, slope)
            step.evaluate(self.field, Side.BEFORE if self.perturb else Side.AT)
            return step.y_next
        weights = integrals(self.nodes, t, t_next)
        order = self._order(weights)
        self.nodes, self.phi = self.nodes[:order], self.phi[:order]
        moved = combine(y, 1.0, weights[:order], self.phi)
        return self._corrected(t, t_next, y, moved) if self.implicit else moved

    @torch.no_grad()
    def _order(self, weights):
        """How many differences to take: up to the first that moves the state more than the one before."""
        before = None
        for j in range(_FIRST_ORDER - 1, len(self.phi)):
            size = float((self.phi[j].detach().abs() * abs(float(weights[j]))).max())
            if before is not None and size > before:
                return j
            before = size
        return len(self.phi)

    def _corrected(self, t, t_next, y, moved):
        """Functional iteration on the formula that takes the slope at t_next, too: weight times it, and what is known."""
        nodes = [t_next, *self.nodes]
        weights = integrals(nodes, t, t_next)
        weight = sum(weights)
        known = combine(y, 1.0, weights[1:], differences(None, self.phi, nodes)[1:])
        for _ in range(self.max_iters):
            before = moved
            slope = self.field(t_next, before, Side.BEFORE if self.perturb else Side.AT)
            moved = combine(known, 1.0, [weight], [slope])
            if self._is_close(before - y, moved - y):
                return moved
        warnings.warn("Functional iteration did not converge. Solution may be incorrect.")
        self.nodes.pop()
        self.phi.pop()
        return moved

    @torch.no_grad()
    def _is_close(self, before, after):
        """torchdiffeq's test: no number moved by its tolerance."""
        scale = self.atol + self.rtol * torch.maximum(before.abs(), after.abs())
        return bool(((before - after).abs() < scale).all())
