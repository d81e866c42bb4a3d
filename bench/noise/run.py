#!/usr/bin/env python3
"""SDEs by Euler and Maruyama on one core, f32: Costate beside torchsde and diffrax, in turns, of each the least of the medians.

The noise of the three differs, so that losses agree up to its mean: they must, to 5 %. Prints a table in Markdown.

usage: bench/noise/run.py --peers PYTHON [--core N] [--rounds N] [--seconds S] [--build FOLDER] [--prefix WORDS]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = {"f = -z, 128 steps": (1024, 128, 0), "f = -z, 100 steps": (1024, 100, 0), "4-64-64-4, 128 steps": (1024, 128, 64), "4-64-64-4, 100 steps": (1024, 100, 64)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, help="a Python that has torchsde and diffrax")
    parser.add_argument("--core", default="0")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="a build with COSTATE_BUILD_BENCH=ON")
    parser.add_argument("--prefix", default="", help="words before each command, such as 'nice -n -15'")
    arguments = parser.parse_args()
    sides = {
        "Costate": [arguments.build / "bench/noise_costate_side"],
        "torchsde": [arguments.peers, ROOT / "bench/noise/torchsde_side.py"],
        "diffrax": [arguments.peers, ROOT / "bench/noise/diffrax_side.py"],
    }
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT / "bench")}
    print("| | | Costate, ms | torchsde | diffrax | against torchsde | against diffrax |\n|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        found = {side: [] for side in sides}
        for _ in range(arguments.rounds):
            for side, command in sides.items():
                words = [*arguments.prefix.split(), "taskset", "-c", arguments.core, *command, *case, arguments.seconds]
                out = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment, check=True).stdout
                found[side].append(json.loads(out[out.index("{"):]))
        losses = {side: runs[0]["loss"] for side, runs in found.items()}
        if max(losses.values()) - min(losses.values()) > 0.05 * max(losses.values()):
            sys.exit(f"bench: the losses differ by more than the noise: {losses}")
        for what in ("forward", "gradient"):
            ours, *others = (min(run[what][0] for run in found[side]) for side in sides)
            print(f"| {name} | {what} | {ours:.3g} | " + " | ".join(f"{ms:.3g}" for ms in others) + " | "
                  + " | ".join(f"{ms / ours:.1f}×" for ms in others) + " |", flush=True)


if __name__ == "__main__":
    main()
