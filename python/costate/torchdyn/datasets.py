"""Points in classes, drawn by PyTorch's generator."""

import math

import numpy as np
import torch

from costate._names import nearest


def _on_circle(angles, radius=1.0):
    return radius * torch.stack([torch.cos(angles), torch.sin(angles)], dim=-1)


def generate_moons(n_samples=100, noise=1e-4):
    """Two half circles that interlock: points [n_samples, 2] and classes 0, 1. Both coordinates of a point are moved by up to `noise`."""
    upper, lower = (torch.linspace(0, math.pi, n) for n in (n_samples // 2, n_samples - n_samples // 2))
    points = torch.cat([_on_circle(upper), torch.tensor([1.0, 0.5]) - _on_circle(lower)])
    return points + noise * torch.rand(n_samples, 1), torch.arange(n_samples).ge(len(upper)).long()


def generate_spirals(n_samples=100, noise=1e-4):
    """Two spirals about 0, n_samples points each: points [2 n_samples, 2] and classes 0, 1."""
    angle = torch.rand(n_samples).sqrt() * 780 * 2 * math.pi / 360
    arm = torch.stack([-torch.cos(angle) * angle, torch.sin(angle) * angle], dim=1) + noise * torch.rand(n_samples, 2)
    return torch.cat([arm, -arm]), torch.arange(2 * n_samples).ge(n_samples).long()


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


_KINDS = {"moons": generate_moons, "spirals": generate_spirals, "spheres": generate_concentric_spheres, "gaussians": generate_gaussians,
          "gaussians_spiral": generate_gaussians_spiral}


class ToyDataset:
    """Points and their classes, by the kind's name."""

    def generate(self, n_samples, dataset_type, **options):
        """(points, classes) by the function generate_<kind>, which has the options. ValueError for a kind that there is not."""
        if dataset_type not in _KINDS:
            near = nearest(str(dataset_type), _KINDS)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"[ToyDataset] dataset_type must be one of {', '.join(_KINDS)}; got {dataset_type!r}.{hint}")
        return _KINDS[dataset_type](n_samples=n_samples, **options)


# Programs that import all of torchdyn.datasets take np, torch and math from it, too.
__all__ = ["ToyDataset", "generate_concentric_spheres", "generate_gaussians", "generate_gaussians_spiral", "generate_moons", "generate_spirals", "math", "np",
           "torch"]
