#!/usr/bin/env python3
"""Writes one .npz a workload: weights, starts, times and target, the same for every competitor."""

import argparse
import pathlib

import numpy as np
from workloads import WORKLOADS


def layers(rng, widths):
    arrays = {}
    for i, (fan_in, fan_out) in enumerate(zip(widths, widths[1:])):
        bound = np.sqrt(6 / (fan_in + fan_out))
        arrays[f"w{i}"] = rng.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32)
        arrays[f"b{i}"] = rng.uniform(-0.1, 0.1, fan_out).astype(np.float32)
    return arrays


def arrays_of(workload, batch):
    rng = np.random.default_rng(workload.seed)
    arrays = layers(rng, workload.widths)
    arrays["z0"] = rng.normal(0, 0.7, (batch, workload.state)).astype(np.float32)
    arrays["times"] = np.linspace(0, workload.end, workload.num_times)
    arrays["target"] = rng.normal(0, 1, (batch, workload.num_times, workload.state)).astype(np.float32)
    return arrays


def block(seed, batch, channels, side):
    """The ODE block of an ODE-Net: parameters in the order of the authors' state dict."""
    rng = np.random.default_rng(seed)
    bound = 1 / np.sqrt(9 * (channels + 1))
    norm = lambda: [rng.uniform(0.5, 1.5, channels), rng.uniform(-0.2, 0.2, channels)]
    conv = lambda: [rng.uniform(-bound, bound, (channels, channels + 1, 3, 3)), rng.uniform(-bound, bound, channels)]
    arrays = {f"p{i}": p.astype(np.float32) for i, p in enumerate([*norm(), *conv(), *norm(), *conv(), *norm()])}
    for name in ("z0", "target"):
        arrays[name] = rng.normal(0, 1, (batch, channels, side, side)).astype(np.float32)
    return arrays


def all_workloads(tiny):
    batch = lambda n: min(n, 8) if tiny else n
    for name, workload in WORKLOADS.items():
        yield name, arrays_of(workload, batch(workload.batch))
    for side in (7, 14):
        yield f"block{side}", block(6, batch(128), 8 if tiny else 64, side)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tiny", action="store_true", help="batches of at most 8")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, arrays in all_workloads(arguments.tiny):
        np.savez(arguments.folder / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
