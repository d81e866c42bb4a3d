#!/usr/bin/env python3
"""Error reached against time, beside the peers: a picture for docs, and the numbers behind it.

1,000 two-body orbits (eccentricities 0 to 0.5, one and a half times around) and tolerances from 1e-3 to 1e-9: dopri5, tsit5 and dopri8 in f32
and f64, Costate with steps of each orbit's own, diffrax under vmap and as one system, torchdiffeq (which has no tsit5) as one system, SciPy's RK45 and DOP853 on the
first ten orbits one after the other, times a hundred. The error is the root mean square of the end states' errors, against vern9 at 1e-13. Calls
alternate, and the fastest counts.

usage: taskset -c 0 python bench/work_precision.py [--rounds N] [--realtime] [--out docs/work_precision]
       writes OUT.csv, and OUT.png by gnuplot
"""

import argparse
import csv
import os
import pathlib
import subprocess
import warnings

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import scipy.integrate  # noqa: E402
import torch  # noqa: E402
import torchdiffeq  # noqa: E402

import costate  # noqa: E402
from side import fastest  # noqa: E402

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)
COUNT, END, OF_SCIPY = 1000, 3 * np.pi, 10
TOLERANCES = [10.0**-k for k in range(3, 10)]
METHODS = {"dopri5": (diffrax.Dopri5, "RK45"), "tsit5": (diffrax.Tsit5, None), "dopri8": (diffrax.Dopri8, "DOP853")}


def starts():
    e = np.linspace(0.0, 0.5, COUNT)
    return np.stack([1 - e, 0 * e, 0 * e, np.sqrt((1 + e) / (1 - e))], axis=1)


def field(t, z):
    r3 = (z[0] ** 2 + z[1] ** 2) ** 1.5
    return costate.stack([z[2], z[3], -z[0] / r3, -z[1] / r3])


def rows(z, stack, power):
    """The slopes of all orbits, as the peers' tensors."""
    r3 = power(z[..., 0] ** 2 + z[..., 1] ** 2)
    return stack([z[..., 2], z[..., 3], -z[..., 0] / r3, -z[..., 1] / r3])


def of_costate(traced, method, tolerance, z0):
    times = np.array([0.0, END])
    return lambda: costate.solve(traced, z0, times, method=method, rtol=tolerance, atol=tolerance).states[:, 1]


def of_diffrax(solver, tolerance, z0, joint):
    term = diffrax.ODETerm(lambda t, y, args: rows(y, lambda parts: jnp.stack(parts, axis=-1), lambda x: x**1.5))

    def end(y0):
        return diffrax.diffeqsolve(term, solver(), 0.0, END, None, y0, max_steps=10**5,
                                   stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance)).ys[0]

    run, y0 = jax.jit(end if joint else jax.vmap(end)), jnp.asarray(z0)
    return lambda: np.asarray(run(y0).block_until_ready())


def of_torchdiffeq(method, tolerance, z0):
    y0, times = torch.tensor(z0), torch.tensor([0.0, END], dtype=torch.float64)
    f = lambda t, y: rows(y, lambda parts: torch.stack(parts, dim=-1), lambda x: x**1.5)  # noqa: E731

    def run():
        with torch.no_grad():
            return torchdiffeq.odeint(f, y0, times, method=method, rtol=tolerance, atol=tolerance)[1].numpy()

    return run


def of_scipy(method, tolerance, z0):
    f = lambda t, z: rows(z, np.stack, lambda x: x**1.5)  # noqa: E731
    return lambda: np.stack([scipy.integrate.solve_ivp(f, (0, END), y, method=method, rtol=tolerance, atol=tolerance).y[:, -1] for y in z0[:OF_SCIPY]])


def measured(rounds, realtime):
    """Rows (dtype, method, library, tolerance, error, milliseconds for all orbits)."""
    traced = costate.vector_field(field, (4,))
    truth = costate.solve(traced, starts(), [0.0, END], method="vern9", rtol=1e-13, atol=1e-14).states[:, 1]
    for dtype in ("float32", "float64"):
        z0 = starts().astype(dtype)
        for method, (solver, of_scipy_name) in METHODS.items():
            for tolerance in TOLERANCES:
                if dtype == "float32" and tolerance < 1e-6:
                    continue
                calls = {"Costate": of_costate(traced, method, tolerance, z0), "diffrax, vmap": of_diffrax(solver, tolerance, z0, False),
                         "diffrax, joint": of_diffrax(solver, tolerance, z0, True)}
                if method != "tsit5":
                    calls["torchdiffeq"] = of_torchdiffeq(method, tolerance, z0)
                if of_scipy_name and dtype == "float64":
                    calls["SciPy"] = of_scipy(of_scipy_name, tolerance, z0)
                errors = {name: np.sqrt(np.mean((np.asarray(call(), float) - truth[:OF_SCIPY if name == "SciPy" else COUNT]) ** 2)) for name, call in calls.items()}
                times = fastest(list(calls.values()), rounds, realtime)
                for (name, error), ms in zip(errors.items(), times):
                    yield dtype, method, name, tolerance, float(error), ms * (COUNT / OF_SCIPY if name == "SciPy" else 1)


def draw(path, table):
    """A sheet of six pictures, a dtype a row and a method a column."""
    libraries = list(dict.fromkeys(row[2] for row in table))
    script = ["set terminal pngcairo size 1500,900 font 'sans,11'", f"set output '{path}.png'", "set multiplot layout 2,3", "set logscale xy",
              "set format xy '10^{%L}'", "set xlabel 'error'", "set ylabel 'ms'", "set xrange [*:*] reverse", "set key outside bottom center horizontal", "set grid"]
    data = []
    for dtype in ("float32", "float64"):
        for method in METHODS:
            script.append(f"set title '{method}, {dtype}'")
            curves = []
            for i, name in enumerate(libraries):
                points = [f"{row[4]} {row[5]}" for row in table if row[:3] == (dtype, method, name)]
                if points:
                    block = f"$d{len(data)}"
                    data.append(f"{block} << END\n" + "\n".join(points) + "\nEND")
                    curves.append(f"{block} with linespoints lc {i + 1} pt {i + 4} title '{name}'")
            script.append("plot " + ", ".join(curves))
    subprocess.run(["gnuplot"], input="\n".join([*data, *script, "unset multiplot"]), text=True, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--realtime", action="store_true", help="real-time priority while calls are timed, on a machine that is busy")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/work_precision"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    costate.set_num_threads(1)
    table = []
    for row in measured(arguments.rounds, arguments.realtime):
        table.append(row)
        print(*row, flush=True)
    with open(arguments.out.with_suffix(".csv"), "w", newline="") as file:
        csv.writer(file).writerows([("dtype", "method", "library", "tolerance", "error", "ms"), *table])
    draw(arguments.out, table)


if __name__ == "__main__":
    main()
