"""Systems beside their peers, a section of docs/benchmarks.md each: how the sides are run, whether they agree, and the table."""

import os
import pathlib
import tempfile
from dataclasses import dataclass
from typing import Callable

import numpy as np
from measuring import ROOT, VENV, disagreements, measure, milliseconds, ratio

BALLS = {"without drag": "0", "with drag": "0.1"}


@dataclass(frozen=True)
class System:
    """What bench/run.py does of a section: measure(arguments, build), then its faults and its table."""

    title: str
    text: str
    peers: tuple[str, ...]
    targets: tuple[str, ...]
    measure: Callable
    disagreements: Callable
    table: Callable


def ensemble(arguments, build):
    number = "200" if arguments.tiny else "10000"
    sides = {"costate": measure([build / "bench/ensemble_costate_side", number, arguments.seconds], arguments.core)}
    for peer in [peer for peer in ("heyoka", "diffrax", "scipy") if peer in arguments.peers]:
        script = ROOT / f"bench/ensemble/{peer}_side.py"
        sides[peer] = measure([VENV / "bin/python", script, number, arguments.seconds], arguments.core)
    return sides


def ensemble_disagreements(sides):
    for peer, theirs in sides.items():
        if theirs["sum"] is not None and abs(theirs["sum"] / sides["costate"]["sum"] - 1) > 1e-6:
            yield f"ensemble: the states of {peer} add up to {theirs['sum']:.10g}, of costate to {sides['costate']['sum']:.10g}"


def ensemble_table(sides):
    methods = {"costate": "Costate, dopri8", "heyoka": "heyoka, Taylor, batch mode", "diffrax": "diffrax, Dopri8, vmap",
               "scipy": "SciPy, DOP853, one after the other"}
    lines = ["| | ms | trajectories/s | Costate is faster by |", "|---|---|---|---|"]
    for side, result in sides.items():
        rate = 1e4 / (result["ms"][0] / 1e3)
        faster = "" if side == "costate" else ratio(result["ms"], sides["costate"]["ms"])
        lines.append(f"| {methods[side]} | {milliseconds(result['ms'])} | {rate:.3g} | {faster} |")
    return lines


def balls(arguments, build):
    number = "200" if arguments.tiny else "10000"
    kinds = {}
    for kind, drag in BALLS.items():
        sides = {"costate": measure([build / "bench/balls_costate_side", number, drag, arguments.seconds], arguments.core)}
        if "diffrax" in arguments.peers:
            script = ROOT / "bench/balls/diffrax_side.py"
            sides["diffrax"] = measure([VENV / "bin/python", script, number, drag, arguments.seconds], arguments.core)
        kinds[kind] = sides
    return kinds


def balls_disagreements(kinds):
    for kind, sides in kinds.items():
        mine, theirs = sides["costate"], sides.get("diffrax", sides["costate"])
        # Tolerances 1e-6, and a bounce at the very end may be on either side of it.
        if abs(theirs["sum"] / mine["sum"] - 1) > 1e-4 or abs(theirs["events"] / mine["events"] - 1) > 1e-3:
            yield f"balls {kind}: diffrax has {theirs['events']} bounces and the sum {theirs['sum']:.8g}, costate {mine['events']} and {mine['sum']:.8g}"


def balls_table(kinds):
    lines = ["| | Costate, ms | diffrax, ms | Costate is faster by |", "|---|---|---|---|"]
    for kind, sides in kinds.items():
        mine, theirs = sides["costate"]["ms"], sides["diffrax"]["ms"]
        lines.append(f"| {kind}, {sides['costate']['events']} bounces | {milliseconds(mine)} | {milliseconds(theirs)} | {ratio(theirs, mine)} |")
    return lines


def panels(arguments, build):
    number = "100" if arguments.tiny else "400"
    sides = {"costate": measure([build / "bench/panels_costate_side", number, arguments.seconds], arguments.core)}
    if "scipy" in arguments.peers:
        script = ROOT / "bench/panels/numpy_side.py"
        sides["numpy"] = measure([VENV / "bin/python", script, number, arguments.seconds], arguments.core)
    return sides


def panels_disagreements(sides):
    mine, theirs = sides["costate"], sides.get("numpy", sides["costate"])
    if abs(theirs["lift"] / mine["lift"] - 1) > 1e-9:
        yield f"panels: the lift of NumPy is {theirs['lift']:.12g}, of costate {mine['lift']:.12g}"


def panels_table(sides):
    mine, theirs = sides["costate"], sides["numpy"]
    return ["| | assembly and solve, ms | with the gradient, ms | Costate is faster by |", "|---|---|---|---|",
            f"| Costate | {milliseconds(mine['ms'])} | {milliseconds(mine['gradient_ms'])} | |",
            f"| NumPy, SciPy's LU | {milliseconds(theirs['ms'])} | | {ratio(theirs['ms'], mine['ms'])} |"]


def heat(arguments, build):
    size = ["32", "10"] if arguments.tiny else ["256", "100"]
    sides = {"costate": measure([build / "bench/heat_costate_side", *size, arguments.seconds], arguments.core)}
    if "diffrax" in arguments.peers:
        script = ROOT / "bench/heat/diffrax_side.py"
        sides["diffrax"] = measure([VENV / "bin/python", script, *size, arguments.seconds], arguments.core)
    return sides


def heat_disagreements(sides):
    mine, theirs = sides["costate"], sides.get("diffrax", sides["costate"])
    for key in ("value", "field_norm", "by_logarithm"):
        if abs(theirs[key] / mine[key] - 1) > 1e-9:
            yield f"heat: {key} of diffrax is {theirs[key]:.12g}, of costate {mine[key]:.12g}"


def heat_table(sides):
    mine, theirs = sides["costate"], sides["diffrax"]
    lines = ["| | Costate | diffrax | Costate is faster by |", "|---|---|---|---|"]
    for key, name in (("ms", "forward"), ("gradient_ms", "gradient")):
        lines.append(f"| {name}, ms | {milliseconds(mine[key])} | {milliseconds(theirs[key])} | {ratio(theirs[key], mine[key])} |")
    return lines


def blocks(arguments, build):
    """By (rows and columns, threads), the sides' results; on two threads where there is a second core."""
    second = next((str(core) for core in sorted(os.sched_getaffinity(0)) if str(core) != arguments.core), None)
    results = {}
    for side, threads in [(7, 1), (7, 2), (14, 1), (14, 2)]:
        if threads == 2 and (second is None or arguments.tiny):
            continue
        cores = arguments.core if threads == 1 else f"{arguments.core},{second}"
        given = [f"{arguments.data}/block{side}.npz", arguments.seconds, threads]
        sides = {"costate": measure([build / "bench/blocks_costate_side", *given], cores, threads)}
        if "torchdiffeq" in arguments.peers:
            for solver in ("odeint", "odeint_adjoint"):
                sides[solver] = measure([VENV / "bin/python", ROOT / "bench/blocks/torchdiffeq_side.py", *given, solver], cores, threads)
        name = f"{side} × {side}, {'one thread' if threads == 1 else 'two threads'}"
        results[name] = sides
    return results


def blocks_disagreements(results):
    for name, sides in results.items():
        yield from disagreements(f"block {name}", sides)


def blocks_table(results):
    lines = ["| | | Costate | torchdiffeq | torchdiffeq adjoint | against torchdiffeq | against its adjoint |", "|---|---|---|---|---|---|---|"]
    for name, sides in results.items():
        mine, torch, adjoint = (sides[side] for side in ("costate", "odeint", "odeint_adjoint"))
        lines.append(f"| {name} | forward, ms | {milliseconds(mine['forward_ms'])} | {milliseconds(torch['forward_ms'])} | | "
                     f"{ratio(torch['forward_ms'], mine['forward_ms'])} | |")
        lines.append(f"| | gradient, ms | {' | '.join(milliseconds(side['gradient_ms']) for side in (mine, torch, adjoint))} | "
                     f"{ratio(torch['gradient_ms'], mine['gradient_ms'])} | {ratio(adjoint['gradient_ms'], mine['gradient_ms'])} |")
        lines.append(f"| | memory, MB | {' | '.join(format(side['mb'], '.3g') for side in (mine, torch, adjoint))} | "
                     f"{torch['mb'] / mine['mb']:.3g}× | {adjoint['mb'] / mine['mb']:.3g}× |")
        lines.append(f"| | evaluations | {mine['nfe_forward']:.3g} | {torch['nfe_forward']} | | | |")
    return lines


# The tolerances at which the sides' errors are about equal; the truth is CVODE's at a far tighter one.
STIFF = {"costate": ("rodas5p", "1e-7"), "cvode": ("cvode", "1e-8"), "diffrax": ("diffrax", "1e-6")}


def stiff(arguments, build):
    number = "200" if arguments.tiny else "10000"
    results, ends = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "end.bin"
        commands = {"costate": [build / "bench/stiff_costate_side", "rodas5p"], "cvode": [build / "bench/stiff_cvode_side"],
                    "diffrax": [VENV / "bin/python", ROOT / "bench/stiff/diffrax_side.py"]}
        for side in [side for side in STIFF if side != "diffrax" or "diffrax" in arguments.peers]:
            results[side] = measure([*commands[side], number, STIFF[side][1], arguments.seconds, file], arguments.core)
            ends[side] = np.fromfile(file)
        measure([*commands["cvode"], number, "1e-11", "0", file], arguments.core)
        truth = np.fromfile(file)
    for side, end in ends.items():
        results[side]["error"] = float(np.max(np.abs(end / truth - 1)))
    return results


def stiff_disagreements(sides):
    for side, result in sides.items():
        if result["error"] > 1e-5:
            yield f"stiff: the largest relative error of {side} is {result['error']:.2g}"


def stiff_table(sides):
    names = {"costate": "Costate, rodas5p, rtol 1e-7", "cvode": "CVODE, rtol 1e-8, one after the other", "diffrax": "diffrax, Kvaerno5, vmap, rtol 1e-6"}
    lines = ["| | largest relative error | steps | ms | Costate is faster by |", "|---|---|---|---|---|"]
    for side, result in sides.items():
        faster = "" if side == "costate" else ratio(result["ms"], sides["costate"]["ms"])
        lines.append(f"| {names[side]} | {result['error']:.1e} | {result['steps']:.0f} | {milliseconds(result['ms'])} | {faster} |")
    return lines


SYSTEMS = {
    "ensemble": System(
        "An ensemble of plain ODEs",
        "Lotka–Volterra, f64, 10,000 different starts and parameters, [0, 10], tolerances 1e-8, per-sample steps, end state. SciPy's time is that of 200 of "
        "them, scaled", ("heyoka", "diffrax", "scipy"), ("ensemble_costate_side",), ensemble, ensemble_disagreements, ensemble_table),
    "balls": System(
        "Bouncing balls",
        "10,000 balls dropped from heights between 0.5 and 2, [0, 2], each with its own bounces (speed times 0.8), f64, dopri5, tolerances 1e-6 and "
        "1e-8, per-sample steps, one thread. diffrax: vmap over the balls, eight solves from bounce to bounce, which is as many as any ball needs",
        ("diffrax",), ("balls_costate_side",), balls, balls_disagreements, balls_table),
    "panels": System(
        "Vortex panels",
        "Flow past an airfoil of 400 linear vortex panels, f64: a dense system of 402 equations; the gradient is that of the lift by all 802 coordinates",
        ("scipy",), ("panels_costate_side",), panels, panels_disagreements, panels_table),
    "heat": System(
        "A field of heat",
        "Heat that turns and spreads on a square of 256² cells (65,025 unknowns, differences of fourth order, f64), 100 steps of the classical method of "
        "fourth order; the gradient is that of half the sum of squares at the end by the whole field at the start and the coefficient",
        ("diffrax",), ("heat_costate_side",), heat, heat_disagreements, heat_table),
    "blocks": System(
        "The block of an ODE-Net",
        "The block of an ODE-Net on 64 feature maps: norm, relu, conv 3 × 3 with t as one more channel, twice, and norm; batch 128, dopri5 at 1e-3, "
        "f32, the gradient by the 75,392 parameters. Costate without the gradient guard, as `ode_block` solves. Memory is what a first gradient took at "
        "most beyond what its process held before. Losses and gradients were compared at a tolerance of 1e-5",
        ("torchdiffeq",), ("blocks_costate_side",), blocks, blocks_disagreements, blocks_table),
    "stiff": System(
        "Stiff systems",
        "10,000 Robertson systems with rates of their own, [0, 1e4], f64, one core, atol = rtol (1e-4, 1e-8, 1e-4), at tolerances that give about equal "
        "errors at the end. CVODE has the right-hand side and the Jacobian in C; the truth is its own at rtol 1e-11",
        ("diffrax",), ("stiff_costate_side", "stiff_cvode_side"), stiff, stiff_disagreements, stiff_table),
}
