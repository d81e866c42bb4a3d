#!/usr/bin/env python3
"""Writes one .npz a workload: weights, starts, times and target, the same for every competitor."""

import argparse
import pathlib

import numpy as np


def layers(rng, widths):
    arrays = {}
    for i, (fan_in, fan_out) in enumerate(zip(widths, widths[1:])):
        bound = np.sqrt(6 / (fan_in + fan_out))
        arrays[f"w{i}"] = rng.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32)
        arrays[f"b{i}"] = rng.uniform(-0.1, 0.1, fan_out).astype(np.float32)
    return arrays


def workload(seed, widths, batch, state, times):
    rng = np.random.default_rng(seed)
    arrays = layers(rng, widths)
    arrays["z0"] = rng.normal(0, 0.7, (batch, state)).astype(np.float32)
    arrays["times"] = np.asarray(times, np.float64)
    arrays["target"] = rng.normal(0, 1, (batch, len(times), state)).astype(np.float32)
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
    yield "spiral", workload(1, [2, 50, 2], batch(20), 2, np.linspace(0, 1, 10))
    yield "single", workload(2, [2, 64, 64, 2], 1, 2, np.linspace(0, 10, 100))
    yield "mlp128", workload(3, [16, 128, 128, 16], batch(512), 16, [0, 1])
    yield "rk4", workload(3, [16, 128, 128, 16], batch(512), 16, [0, 1])
    yield "medium", workload(4, [64, 256, 256, 64], batch(1024), 64, [0, 1])
    yield "cnf2d", workload(5, [3, 64, 64, 64, 2], batch(512), 2, [0, 1])
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
