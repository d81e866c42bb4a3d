"""Implicit Runge-Kutta methods on a grid, for torchdiffeq's names: Newton's method with the field's own Jacobian.

The stages' slopes K solve K_i = f(t + c_i h, y + h sum_j a_ij K_j). Their derivatives are those of the implicit function
theorem: two more Newton steps, recorded with the factors of the last one held fixed, carry first and second derivatives.

Hairer and Wanner, Solving Ordinary Differential Equations II, IV.5 (Radau IIA, Gauss) and IV.6 (SDIRK); Bank et al., IEEE
Trans. CAD 4, 1985 (TR-BDF2).
"""

import math
import warnings

import torch

from costate import _core
from costate.torch._field import Side
from costate.torch._runge_kutta import number

METHODS = ("implicit_euler", "implicit_midpoint", "trapezoid", "radauIIA3", "radauIIA5", "gl4", "gl6", "sdirk2", "trbdf2")


def _real(values):
    """A state or slope as one real vector; of complex numbers, real and imaginary parts."""
    return (torch.view_as_real(values) if values.is_complex() else values).reshape(-1)


def _like(vector, y):
    """The way back from _real, to y's shape."""
    return torch.view_as_complex(vector.reshape(*y.shape, 2)) if y.is_complex() else vector.reshape(y.shape)


def _jacobian(outputs, inputs):
    """d outputs / d inputs of two real vectors, [n, m]: one vjp of all rows at once, or row by row where vmap cannot."""
    rows = torch.eye(outputs.numel(), dtype=outputs.dtype, device=outputs.device)
    if not outputs.requires_grad:
        return torch.zeros(outputs.numel(), inputs.numel(), dtype=outputs.dtype, device=outputs.device)

    def vjp(cotangent, batched):
        found, = torch.autograd.grad(outputs, inputs, cotangent, retain_graph=True, allow_unused=True, is_grads_batched=batched)
        return torch.zeros_like(rows if batched else inputs) if found is None else found

    try:
        return vjp(rows, True)
    except RuntimeError:  # an operation of the field without a rule for vmap
        return torch.stack([vjp(row, False) for row in rows])


class ImplicitStepper:
    """Steps of an implicit method: see Fixed in _fixed.py."""

    def __init__(self, name, field, perturb, max_iters):
        self.c, self.a, self.b = _core._implicit_tableau(name)
        self.field, self.perturb, self.max_iters = field, perturb, int(max_iters)

    def first_slope(self, t, y):
        return self.field(t, y, Side.AFTER if self.perturb else Side.AT)

    def step(self, t, t_next, y, slope):
        h = t_next - t
        with torch.no_grad():
            stages = self._solve(number(t), number(h), y.detach(), slope.detach())
        if torch.is_grad_enabled():
            stages = self._differentiable(t, h, y, stages)
        fitted = h.to(_real(y).dtype) if isinstance(h, torch.Tensor) else h
        total = sum(b * stage for b, stage in zip(self.b, stages))
        return y + fitted * _like(total, y)

    def _states(self, h, y, stages):
        """Where each stage evaluates the field, as real vectors."""
        start = _real(y)
        return [start + h * sum(a * stage for a, stage in zip(row, stages)) for row in self.a]

    def _slope(self, i, t, h, vector, y):
        c = self.c[i]
        side = Side.AT if not self.perturb else {0: Side.AFTER, 1: Side.BEFORE}.get(c, Side.AT)
        return _real(self.field(t + c * h, _like(vector, y), side))

    def _matrix(self, h, jacobians):
        """The Jacobian of K_i - f(y + h sum_j a_ij K_j) by K, stage by stage: [s n, s n]."""
        rows = [torch.cat([-h * a * jacobian for a in row], dim=1) for row, jacobian in zip(self.a, jacobians)]
        matrix = torch.cat(rows)
        return matrix + torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)

    def _jacobians(self, t, h, y, vectors):
        """The field's Jacobian at each of the states, and its value there."""
        found, values = [], []
        for i, vector in enumerate(vectors):
            with torch.enable_grad():
                at = vector.detach().requires_grad_(True)
                value = self._slope(i, t, h, at, y)
                found.append(_jacobian(value, at))
            values.append(value.detach())
        return found, values

    def _solve(self, t, h, y, slope):
        """The stages' slopes, real vectors: Newton's method, whose matrix is kept while it converges fast."""
        count = len(self.c)
        stages = [_real(slope)] * count
        factors, before = None, math.inf
        epsilon = torch.finfo(stages[0].dtype).eps
        for _ in range(self.max_iters):
            vectors = self._states(h, y, stages)
            if factors is None:
                jacobians, values = self._jacobians(t, h, y, vectors)
                factors = torch.linalg.lu_factor(self._matrix(h, jacobians))
            else:
                values = [self._slope(i, t, h, vector, y) for i, vector in enumerate(vectors)]
            residual = torch.cat([value - stage for value, stage in zip(values, stages)])
            change = torch.linalg.lu_solve(*factors, residual[:, None])[:, 0]
            stages = [stage + part for stage, part in zip(stages, change.chunk(count))]
            size = float(change.abs().max()) / (1 + float(torch.stack(stages).abs().max()))
            if size <= 4 * epsilon or (size <= 1e3 * epsilon and size >= before / 2):
                return stages
            if not size < before / 4:
                factors = None
            before = size
        warnings.warn("Functional iteration did not converge. Solution may be incorrect.")
        return stages

    def _differentiable(self, t, h, y, stages):
        """The same slopes, with the derivatives of a root of the stages' equations."""
        stages = [stage.detach() for stage in stages]
        size = number(h)
        with torch.no_grad():
            vectors = self._states(size, y.detach(), stages)
        jacobians, _ = self._jacobians(number(t), size, y.detach(), vectors)
        inverse = torch.linalg.inv(self._matrix(size, jacobians).detach())
        fitted = h.to(stages[0].dtype) if isinstance(h, torch.Tensor) else h
        for _ in range(2):
            slopes = [self._slope(i, t, h, vector, y) for i, vector in enumerate(self._states(fitted, y, stages))]
            residual = torch.cat([slope - stage for slope, stage in zip(slopes, stages)])
            stages = [stage + part for stage, part in zip(stages, (inverse @ residual).chunk(len(stages)))]
        return stages
