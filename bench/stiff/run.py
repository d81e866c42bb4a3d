#!/usr/bin/env python3
"""Many Robertson systems with rates of their own, [0, 1e4], f64, on one core: Costate beside CVODE and diffrax.

Each side runs at several tolerances; its error is the largest relative one of a number at the end, against CVODE at rtol 1e-11, so that
times can be compared at equal error. Prints a table in Markdown.

usage: bench/stiff/run.py [--core N] [--number N] [--seconds S] [--diffrax PYTHON] [--prefix WORDS]
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from measuring import ROOT, run  # noqa: E402


class Sides:
    def __init__(self, arguments, build, folder):
        self.arguments, self.build, self.file = arguments, build, folder / "end.bin"

    def measure(self, side, rtol, seconds):
        """The side's JSON and its states at the end."""
        number = self.arguments.number
        if side == "cvode":
            command = [self.build / "bench/stiff_cvode_side", number, rtol, seconds, self.file]
        elif side == "diffrax":
            command = [self.arguments.diffrax, ROOT / "bench/stiff/diffrax_side.py", number, rtol, seconds, self.file]
        else:
            command = [self.build / "bench/stiff_costate_side", side, number, rtol, seconds, self.file]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT / "bench")}
        out = run([*self.arguments.prefix.split(), "taskset", "-c", self.arguments.core, *command], env=environment)
        return json.loads(out[out.index("{"):]), np.fromfile(self.file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", default="0")
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="a build with COSTATE_BUILD_BENCH=ON")
    parser.add_argument("--diffrax", help="the Python that has diffrax; left out without one")
    parser.add_argument("--prefix", default="", help="words before each command, such as 'nice -n -15'")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sides = Sides(arguments, arguments.build, pathlib.Path(folder))
        truth = sides.measure("cvode", 1e-11, 0)[1]
        print("| | rtol | largest relative error | steps | ms | us a system |\n|---|---|---|---|---|---|")
        names = ["rodas5p", "kvaerno5", "radau5", "cvode"] + (["diffrax"] if arguments.diffrax else [])
        for side in names:
            for rtol in (1e-4, 1e-6) if side == "diffrax" else (1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
                found, end = sides.measure(side, rtol, arguments.seconds)
                error = np.max(np.abs(end / truth - 1))
                ms = found["ms"][0]
                print(f"| {side} | {rtol:g} | {error:.1e} | {found['steps']:.0f} | {ms:.4g} | {1e3 * ms / arguments.number:.3g} |", flush=True)


if __name__ == "__main__":
    main()
