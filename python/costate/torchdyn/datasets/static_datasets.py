"""Points in classes, drawn by PyTorch's generator."""

import math

import numpy as np
import torch

from costate._names import nearest
from costate.torchdyn.numerics._solve import odeint


def _on_circle(angles, radius=1.0):
    return radius * torch.stack([torch.cos(angles), torch.sin(angles)], dim=-1)


def generate_moons(n_samples=100, noise=1e-4):
    """Two half circles that interlock: points [n_samples, 2] and classes 0, 1. Both coordinates of a point are moved by up to `noise`, or not for None."""
    upper, lower = (torch.linspace(0, math.pi, n) for n in (n_samples // 2, n_samples - n_samples // 2))
    points = torch.cat([_on_circle(upper), torch.tensor([1.0, 0.5]) - _on_circle(lower)])
    return points + (noise or 0.0) * torch.rand(n_samples, 1), torch.arange(n_samples).ge(len(upper)).long()


def generate_spirals(n_samples=100, noise=1e-4):
    """Two spirals about 0, n_samples points each: points [2 n_samples, 2] and classes 0, 1."""
    angle = torch.rand(n_samples).sqrt() * 780 * 2 * math.pi / 360
    arm = torch.stack([-torch.cos(angle) * angle, torch.sin(angle) * angle], dim=1) + noise * torch.rand(n_samples, 2)
    return torch.cat([arm, -arm]), torch.arange(2 * n_samples).ge(n_samples).long()


def randnsphere(dim, radius):
    """A point [dim] on a sphere about 0, where each is as likely."""
    return radius * torch.nn.functional.normalize(torch.randn(dim), dim=0)


def generate_concentric_spheres(n_samples=100, noise=1e-4, dim=3, inner_radius=0.5, outer_radius=1):
    """Points [n_samples, dim] on two spheres; the inner one is class 1."""
    direction = torch.nn.functional.normalize(torch.randn(n_samples, dim), dim=1)
    is_inner = torch.arange(n_samples) < n_samples // 2
    return torch.where(is_inner, inner_radius, outer_radius)[:, None] * direction + noise * torch.randn(n_samples, dim), is_inner.float()


def _blobs(n_samples, centers, deviations, dim, noise):
    """n_samples normal points about each center in the plane of the first two axes; noise moves each blob as a whole."""
    count = len(centers)
    middle = torch.nn.functional.pad(centers, (0, dim - 2)) + noise * torch.randn(count, dim)
    points = middle[:, None] + deviations[:, None, None] * torch.randn(count, n_samples, dim)
    return points.reshape(-1, dim), torch.arange(count).repeat_interleave(n_samples)


def generate_gaussians(n_samples=100, n_gaussians=7, dim=2, radius=0.5, std_gaussians=0.1, noise=1e-3):
    """Normal distributions on a circle, n_samples points of each class."""
    angles = torch.arange(1, n_gaussians + 1) * 2 * math.pi / n_gaussians
    return _blobs(n_samples, _on_circle(angles, radius), torch.full((n_gaussians,), float(std_gaussians)), dim, noise)


def generate_gaussians_spiral(n_samples=100, n_gaussians=7, n_gaussians_per_loop=4, dim=2, radius_start=1, radius_end=0.2, std_gaussians_start=0.3,
                              std_gaussians_end=0.1, noise=1e-3):
    """Normal distributions on a spiral that winds inwards, n_samples points of each class."""
    angles = torch.arange(1, n_gaussians + 1) * 2 * math.pi / n_gaussians_per_loop
    centers = _on_circle(angles) * torch.linspace(radius_start, radius_end, n_gaussians)[:, None]
    return _blobs(n_samples, centers, torch.linspace(std_gaussians_start, std_gaussians_end, n_gaussians), dim, noise)


def generate_diffeqml(n_samples=100, noise=1e-3):
    """Points [n_samples, 2] about the logo of DiffEqML, a circle and three arms that wind onto one within it; and None, since they have no classes."""
    starts, times = torch.tensor([[0.0, 2.0], [-1.6, -1.2], [1.6, -1.2]]), torch.linspace(0, 3.2, 500)

    def winds(t, x):
        return x * (1 - x.square().sum(dim=1, keepdim=True)) + torch.stack([-x[:, 1], x[:, 0]], dim=1)

    arms = odeint(winds, starts, times, "dopri5", rtol=1e-6, atol=1e-6)[1].reshape(-1, 2)
    places = torch.cat([arms, _on_circle(torch.linspace(0, 2 * math.pi, 1000), 2.0)])
    chosen = places[torch.randint(len(places), (n_samples,))]
    return chosen + math.hypot(0.01, noise) * torch.randn(n_samples, 2), None


_KINDS = {"moons": generate_moons, "spirals": generate_spirals, "spheres": generate_concentric_spheres, "gaussians": generate_gaussians,
          "gaussians_spiral": generate_gaussians_spiral, "diffeqml": generate_diffeqml}


class ToyDataset:
    """Points and their classes, by the kind's name."""

    def generate(self, n_samples, dataset_type, **options):
        """(points, classes) by the function generate_<kind>, which has the options. ValueError for a kind that there is not."""
        if dataset_type not in _KINDS:
            near = nearest(str(dataset_type), _KINDS)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"[ToyDataset] dataset_type must be one of {', '.join(_KINDS)}; got {dataset_type!r}.{hint}")
        return _KINDS[dataset_type](n_samples=n_samples, **options)
