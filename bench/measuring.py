"""What the benchmarks share: where things are, how a side is run, and how what it prints is compared and shown."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-bench"
# Costate chooses its first step and its growth otherwise, and steps tiles of the batch where the peers step all of it: the
# difference is of the order of the tolerance, seen through the loss.
AGREEMENT = {"loss": 1e-3, "gradient_norm": 1e-2}


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def measure(command, cores, threads=1):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT / "bench")}
    out = run(["taskset", "-c", cores, "/usr/bin/env", *command], env=environment)
    return json.loads(out[out.index("{"):])


def disagreements(name, sides):
    mine = sides["costate"]
    for peer, theirs in sides.items():
        for key, tolerance in AGREEMENT.items():
            difference = abs(theirs[key] - mine[key]) / max(abs(mine[key]), 1e-12)
            if difference > tolerance:
                yield f"{name}: {key} of {peer} is {theirs[key]:.6g}, of costate {mine[key]:.6g}"


def milliseconds(timing):
    median, low, high = timing
    return f"{median:.3g} ({low:.3g}–{high:.3g})"


def ratio(theirs, mine):
    return f"{theirs[0] / mine[0]:.3g}×"
