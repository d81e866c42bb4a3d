"""Fields that are made of an energy.

Greydanus et al., Hamiltonian Neural Networks (2019), arXiv:1906.01563; Cranmer et al., Lagrangian Neural Networks (2020), arXiv:2003.04630;
Massaroli et al., Stable Neural Flows (2020), arXiv:2003.08063.
"""

import torch


def _gradient(energy, x):
    """The gradient of an energy [batch, 1] by x [batch, d], through which gradients flow."""
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_(True)
        return torch.autograd.grad(energy(x).sum(), x, create_graph=True)[0]


class HNN(torch.nn.Module):
    """Hamilton's equations of H = net(x), x = (q, p) side by side [batch, 2 n]: q' = dH/dp, p' = -dH/dq."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        by_q, by_p = _gradient(self.net, x).chunk(2, dim=1)
        return torch.cat([by_p, -by_q], dim=1)


class GNF(torch.nn.Module):
    """Steepest descent: x' = -d energy / dx."""

    def __init__(self, energy):
        super().__init__()
        self.energy = energy

    def forward(self, x):
        return -_gradient(self.energy, x)


class ConservativeLinearSNF(torch.nn.Module):
    """x' = S(x) d energy / dx, S = (M - M') / 2 antisymmetric, M = J(x) of d numbers squared: the energy stays what it was."""

    def __init__(self, energy, J):
        super().__init__()
        self.energy, self.J = energy, J

    def forward(self, x):
        by_x = _gradient(self.energy, x)
        matrix = self.J(x).reshape(len(x), x.shape[1], x.shape[1])
        return 0.5 * torch.einsum("bij,bj->bi", matrix - matrix.transpose(1, 2), by_x)


class LNN(torch.nn.Module):
    """Euler's and Lagrange's equations of L = net(x), x = (q, v) side by side [batch, 2 n]: q' = v, L_vv v' = L_q - L_vq v.

    By the pseudoinverse of L_vv, so that v' is the smallest one where that is singular.
    """

    def __init__(self, net):
        super().__init__()
        self.net = net

    def _lagrangian(self, x):
        return self.net(x[None]).sum()

    def forward(self, x):
        n = x.shape[1] // 2
        with torch.enable_grad():
            slope = torch.func.vmap(torch.func.grad(self._lagrangian))(x)
            curvature = torch.func.vmap(torch.func.hessian(self._lagrangian))(x)
        v = x[:, n:]
        force = slope[:, :n] - torch.einsum("bij,bj->bi", curvature[:, n:, :n], v)
        return torch.cat([v, torch.einsum("bij,bj->bi", torch.linalg.pinv(curvature[:, n:, n:]), force)], dim=1)
