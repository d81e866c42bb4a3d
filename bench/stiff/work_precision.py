#!/usr/bin/env python3
"""Work-precision plots of the stiff set: Costate's rodas5p, kvaerno5, radau5 and auto beside CVODE and SciPy's Radau, on one core.

The time is that of one sample: of Costate's methods in a batch of NUMBER, whose samples share SIMD lanes, of the others one by one. CVODE
has the field and its dense Jacobian compiled by Costate (method 'bdf'), SciPy has them in NumPy, with the Jacobian by the complex step.

usage: bench/stiff/work_precision.py SIDE [--number N] [--seconds S] [--picture FILE] [--table FILE]
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/solve"))
ATOLS = {"robertson": [1e-4, 1e-8, 1e-4], "van_der_pol": 1, "hires": 1e-4, "orego": 1, "e5": [1e-4, 1e-11, 1e-12, 1e-11], "pollu": 1e-9}
LEAST = {"van_der_pol": 1e-3, "hires": 1e-4, "orego": 1, "pollu": 1e-10}
COLORS = {"rodas5p": "tab:blue", "kvaerno5": "tab:green", "radau5": "tab:red", "auto": "tab:purple", "bdf": "tab:gray", "scipy": "black"}


def scipy_rows(truths):
    from scipy.integrate import solve_ivp
    from stiff_references import PROBLEMS, jacobian

    for name, f, y0, times, _ in PROBLEMS:
        for rtol in (1e-3, 1e-5, 1e-7, 1e-9):
            begin = time.process_time()
            found = solve_ivp(f, (0, times[-1]), np.array(y0, dtype=float), method="Radau", t_eval=times, rtol=rtol,
                              atol=rtol * np.asarray(ATOLS[name]), jac=jacobian(f))
            ms = 1e3 * (time.process_time() - begin)
            truth = truths[name]
            error = float(np.max(np.abs(found.y.T - truth) / np.maximum(np.abs(truth), LEAST.get(name, 0))))
            yield {"problem": name, "method": "scipy", "rtol": rtol, "ms": [ms], "number": 1, "error": error}


def references():
    """The states at the problems' times, by SciPy at rtol 1e-12: what tests/support/stiff_problems.h has to ten digits."""
    from scipy.integrate import solve_ivp
    from stiff_references import PROBLEMS, jacobian

    return {name: solve_ivp(f, (0, times[-1]), np.array(y0, dtype=float), method="Radau", t_eval=times, rtol=1e-12, atol=atol, jac=jacobian(f)).y.T
            for name, f, y0, times, atol in PROBLEMS}


def draw(rows, file):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    for axis, problem in zip(axes.flat, dict.fromkeys(row["problem"] for row in rows)):
        for method, color in COLORS.items():
            points = [(row["error"], 1e3 * row["ms"][0] / row["number"]) for row in rows
                      if row["problem"] == problem and row["method"] == method and row["error"] < 0.5]
            label = {"bdf": "CVODE (bdf)", "scipy": "SciPy Radau"}.get(method, method)
            if points:
                axis.loglog(*zip(*points), "o-", color=color, markersize=3, label=label)
        axis.set(title=problem, xlabel="largest relative error", ylabel="µs a sample")
        axis.invert_xaxis()
        axis.grid(alpha=0.3)
    axes.flat[0].legend(fontsize=8)
    figure.savefig(file, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", type=pathlib.Path, help="the program stiff_work_precision")
    parser.add_argument("--number", default="64")
    parser.add_argument("--seconds", default="0.1")
    parser.add_argument("--picture", type=pathlib.Path, default=ROOT / "docs/stiff.png")
    parser.add_argument("--table", type=pathlib.Path, help="where the rows go, as JSON lines")
    arguments = parser.parse_args()
    out = subprocess.run([arguments.side, arguments.number, arguments.seconds], capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()] + list(scipy_rows(references()))
    if arguments.table:
        arguments.table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    draw(rows, arguments.picture)


if __name__ == "__main__":
    main()
