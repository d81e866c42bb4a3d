"""Pictures of trajectories and fields of layers, by matplotlib: states are [time, sample, 2], depths [time]."""

import numpy as np
import torch
from torch import nn

try:
    import matplotlib.pyplot as plt
except ImportError as error:
    raise ImportError("[torchdyn.utils] matplotlib must be installed for pictures: pip install matplotlib.") from error

_COLORS = ["tab:orange", "tab:blue"]


def _numbers(values):
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _color(classes, i):
    return _COLORS[int(classes[i]) % 2]


def _grid(low, high, count):
    axes = torch.linspace(float(low), float(high), count)
    return axes, torch.cartesian_prod(axes, axes)


def plot_2d_boundary(model, X, y, mesh, num_classes=2, figsize=(8, 4), alpha=0.8):
    """The class that a model finds at each point of a mesh [point, 2], and the data on it."""
    with torch.no_grad():
        classes = _numbers(model(mesh).argmax(dim=1))
    _, axes = plt.subplots(figsize=figsize)
    axes.scatter(*_numbers(mesh).T, c=classes, cmap="coolwarm", alpha=0.2 * alpha, s=8)
    axes.scatter(*_numbers(X)[:, :2].T, c=_numbers(y), cmap="coolwarm", alpha=alpha, s=8, vmax=num_classes - 1)
    return axes


def plot_2d_flows(trajectory, num_flows=2, figsize=(8, 4), alpha=0.8):
    """Both coordinates of some trajectories over their index."""
    found = _numbers(trajectory)
    _, axes = plt.subplots(1, 2, figsize=figsize)
    for i, axis in enumerate(axes):
        axis.plot(found[:, :num_flows, i], alpha=alpha)
        axis.set(xlabel="Depth", ylabel=f"$h_{i}$")
    return axes


def plot_2D_depth_trajectory(s_span, trajectory, yn, n_samples=128):
    """Both coordinates over the depth, colored by class."""
    s, found = _numbers(s_span), _numbers(trajectory)
    _, axes = plt.subplots(1, 2, figsize=(10, 3))
    for i, axis in enumerate(axes):
        for sample in range(min(n_samples, found.shape[1])):
            axis.plot(s, found[:, sample, i], color=_color(yn, sample), alpha=0.1)
        axis.set(xlabel="$s$ [depth]", ylabel=f"$z_{i}$")
    return axes


def plot_2D_state_space(trajectory, yn, n_samples=128):
    """Trajectories in the plane, colored by class."""
    found = _numbers(trajectory)
    _, axes = plt.subplots(figsize=(6, 3))
    for sample in range(min(n_samples, found.shape[1])):
        axes.plot(found[:, sample, 0], found[:, sample, 1], color=_color(yn, sample), alpha=0.1)
    axes.set(xlabel="$z_0$", ylabel="$z_1$")
    return axes


def plot_2D_space_depth(s_span, trajectory, yn, n_lines):
    """Trajectories in the plane over the depth."""
    s, found = _numbers(s_span), _numbers(trajectory)
    axes = plt.figure(figsize=(6, 3)).add_subplot(projection="3d")
    for sample in range(min(n_lines, found.shape[1])):
        axes.plot(s, found[:, sample, 0], found[:, sample, 1], color=_color(yn, sample), alpha=0.2)
    axes.set(xlabel="$s$ [depth]", ylabel="$z_0$", zlabel="$z_1$")
    return axes


def plot_static_vector_field(model, trajectory, t=0.0, N=50, device="cpu"):
    """The field of a model, model.vf(t, x), at a depth, on a square around the trajectories."""
    rows, points = _grid(trajectory.min(), trajectory.max(), N)
    slopes = _numbers(model.vf(torch.tensor(float(t)).to(device), points.to(device))).reshape(N, N, 2)
    _, axes = plt.subplots(figsize=(6, 3))
    axes.streamplot(_numbers(rows), _numbers(rows), slopes[..., 0].T, slopes[..., 1].T, color="tab:blue")
    axes.set(xlabel="$h_0$", ylabel="$h_1$")
    return axes


def plot_traj_vf_1D(model, s_span, traj, device="cpu", x_span=(-1, 1), n_grid=100, **_):
    """Trajectories of one number over the depth, and the field behind them."""
    s, states = torch.as_tensor(s_span), torch.linspace(float(x_span[0]), float(x_span[1]), n_grid)
    depths = torch.linspace(float(s[0]), float(s[-1]), n_grid)
    slopes = torch.stack([model.vf(depth.to(device), states[:, None].to(device)).detach().cpu()[:, 0] for depth in depths], dim=1)
    _, axes = plt.subplots(figsize=(6, 3))
    axes.contourf(_numbers(depths), _numbers(states), _numbers(slopes), 30, cmap="RdYlBu")
    axes.streamplot(_numbers(depths), _numbers(states), np.ones((n_grid, n_grid)), _numbers(slopes), color="w", linewidth=0.5)
    axes.plot(_numbers(s), _numbers(traj)[:, :, 0], color="k", alpha=0.5)
    axes.set(xlabel="Depth", ylabel="State")
    return axes


def plot_3D_dataset(X, yn):
    """Points in space, colored by class."""
    axes = plt.figure().add_subplot(projection="3d")
    axes.scatter(*_numbers(X)[:, :3].T, c=_numbers(yn), cmap="coolwarm", s=5)
    return axes


# Programs that import all of torchdyn.utils take nn, np, plt and torch from it, too.
__all__ = ["nn", "np", "plot_2D_depth_trajectory", "plot_2D_space_depth", "plot_2D_state_space", "plot_2d_boundary", "plot_2d_flows", "plot_3D_dataset",
           "plot_static_vector_field", "plot_traj_vf_1D", "plt", "torch"]
