"""Layers whose weights are functions of the depth: sums over a basis, of which the coefficients are trained.

Massaroli et al., Dissecting Neural ODEs (2020), arXiv:2002.08071.
"""

import math

import torch

from costate.torchdyn.nn._node_layers import current_depth


class Basis(torch.nn.Module):
    """`deg` functions of the depth, `n_eig` kinds of each: gives [deg, n_eig] numbers at a depth."""

    n_eig = 1

    def __init__(self, deg, adaptive=False):
        super().__init__()
        if not isinstance(deg, int) or deg < 1:
            raise ValueError(f"[{type(self).__name__}] deg must be a whole number from 1 on; got {deg!r}.")
        self.deg = deg
        self.register_buffer("n", self._places(), persistent=False)

    def _places(self):
        return torch.linspace(0, self.deg, self.deg)


class Fourier(Basis):
    """cos(n s) and sin(n s)."""

    n_eig = 2

    def forward(self, s):
        return torch.stack([torch.cos(self.n * s), torch.sin(self.n * s)], dim=1)


class Polynomial(Basis):
    """1, s, s^2, …"""

    def forward(self, s):
        powers = [torch.ones_like(s)]
        for _ in range(1, self.deg):
            powers.append(powers[-1] * s)
        return torch.stack(powers).reshape(self.deg, 1)


class Chebychev(Basis):
    """Chebyshev's polynomials of the first kind."""

    def forward(self, s):
        found = [torch.ones_like(s), s]
        while len(found) < self.deg:
            found.append(2 * s * found[-1] - found[-2])
        return torch.stack(found[:self.deg]).reshape(self.deg, 1)


class RadialBasis(Basis):
    """A function of n |s - center| / eps; centers and eps are trained if adaptive."""

    def __init__(self, deg, adaptive=False, eps_scales=2, centers=0):
        super().__init__(deg)
        for name, value in (("centers", centers), ("eps_scales", eps_scales)):
            numbers = torch.full((deg,), float(value))
            self.register_parameter(name, torch.nn.Parameter(numbers)) if adaptive else self.register_buffer(name, numbers, persistent=False)

    def forward(self, s):
        return self.shape(self.n * (s - self.centers).abs() / self.eps_scales)[:, None]


class VanillaRBF(RadialBasis):
    """r itself, r = n |s - center| / eps."""

    @staticmethod
    def shape(r):
        return r


class GaussianRBF(RadialBasis):
    """exp(-r^2), with n measured from the center."""

    def forward(self, s):
        r = (s - self.centers).abs() * (self.n - self.centers) / self.eps_scales
        return torch.exp(-r.square())[:, None]


class MultiquadRBF(RadialBasis):
    """1 + sqrt(1 + r^2)."""

    @staticmethod
    def shape(r):
        return 1 + torch.sqrt(1 + r.square())


class GalLayer(torch.nn.Module):
    """A layer of `count` weights at the depth s: coeffs [count, deg, n_eig] times the basis at dilation s + shift, which are trained, too."""

    def __init__(self, count, basis, dilation, shift):
        super().__init__()
        self.expfunc = Fourier(5) if basis is None else basis
        for name, value, is_trained in (("dilation", 1.0, dilation), ("shift", 0.0, shift)):
            number = torch.full((1,), value)
            self.register_parameter(name, torch.nn.Parameter(number)) if is_trained else self.register_buffer(name, number, persistent=False)
        self.coeffs = torch.nn.Parameter(torch.empty(count, self.expfunc.deg, self.expfunc.n_eig))
        self.reset_parameters()

    def reset_parameters(self):
        torch.nn.init.zeros_(self.coeffs)

    def calculate_weights(self, s):
        """All weights at the depth s, 0-d: [count]."""
        basis = self.expfunc((s * self.dilation + self.shift).reshape(()))
        return self.coeffs.flatten(1) @ basis.to(self.coeffs.dtype).flatten()

    def split(self, x):
        """(depth, x without it): DepthCat has put the depth behind the last channel."""
        if x.shape[1] != self.channels + 1:
            raise ValueError(f"[{type(self).__name__}] must have {self.channels} numbers and the depth along axis 1, as DepthCat(1) before it makes them; "
                             f"got {x.shape[1]}.")
        s = current_depth()
        return x[-1, -1].reshape(-1)[0] if s is None else s, x[:, :-1]


class GalLinear(GalLayer):
    """Linear, with weights that are functions of the depth, which DepthCat(1) puts beside its input."""

    def __init__(self, in_features, out_features, bias=True, expfunc=None, dilation=True, shift=True):
        super().__init__((in_features + bool(bias)) * out_features, expfunc, dilation, shift)
        self.in_features, self.out_features, self.has_bias = in_features, out_features, bool(bias)
        self.channels = in_features

    def forward(self, x):
        s, x = self.split(x)
        weights = self.calculate_weights(s)
        size = self.in_features * self.out_features
        return torch.nn.functional.linear(x, weights[:size].reshape(self.out_features, self.in_features), weights[size:] if self.has_bias else None)


class GalConv2d(GalLayer):
    """Conv2d, with weights that are functions of the depth, which DepthCat(1) puts behind the channels of its input."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=0, bias=True, expfunc=None, dilation=True, shift=True):
        self_shape = (out_channels, in_channels, kernel_size, kernel_size)
        super().__init__(math.prod(self_shape) + (out_channels if bias else 0), expfunc, dilation, shift)
        self.kernel_shape, self.has_bias = self_shape, bool(bias)
        self.stride, self.padding, self.channels = stride, padding, in_channels

    def forward(self, x):
        s, x = self.split(x)
        weights, size = self.calculate_weights(s), math.prod(self.kernel_shape)
        return torch.nn.functional.conv2d(x, weights[:size].reshape(self.kernel_shape), weights[size:] if self.has_bias else None,
                                          stride=self.stride, padding=self.padding)
