#!/usr/bin/env python3
"""Costate beside its peers, in one run on one pinned core: same weights, inputs, method and tolerances.

Builds Costate's side, installs the peers into .venv-bench, checks that all agree on loss and gradient, and writes the
table to docs/benchmarks.md.

usage: bench/run.py [--core N] [--seconds S] [--tiny] [--peers NAMES] [--no-write]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-bench"
PEERS = {  # what pip installs for each
    "diffrax": ["jax", "diffrax==0.7.2"],
    "torchdiffeq": ["torch", "torchdiffeq==0.2.5"],
    "heyoka": ["heyoka"],
    "scipy": ["scipy"],
}
WORKLOADS = {
    "spiral": "2-50-2 tanh on z³, batch 20, 10 times in [0, 1], dopri5 1e-4/1e-6",
    "single": "2-64-64-2 tanh, batch 1, 100 times in [0, 10], dopri5 1e-6",
    "mlp128": "16-128-128-16 tanh, batch 512, [0, 1], dopri5 1e-4",
    "rk4": "the same net, 100 rk4 steps",
    "medium": "64-256-256-64 tanh, batch 1024, 20 rk4 steps",
    "cnf2d": "2-D flow, exact trace, net 3-64-64-64-2, batch 512, dopri5 1e-5, −mean log p",
}
# Costate chooses its first step and its growth otherwise, and steps tiles of the batch where the peers step all of it: the
# difference is of the order of the tolerance, seen through the loss.
AGREEMENT = {"loss": 1e-3, "gradient_norm": 1e-2}


PANELS = "Flow past an airfoil of 400 linear vortex panels, f64: a dense system of 402 equations; the gradient is that of the lift by all 802 coordinates"
HEAT = "Heat that turns and spreads on a square of 256² cells (65,025 unknowns, differences of fourth order, f64), 100 steps of the classical method of fourth order; the gradient is that of half the sum of squares at the end by the whole field at the start and the coefficient"
BLOCKS = ("The block of an ODE-Net on 64 feature maps: norm, relu, conv 3 × 3 with t as one more channel, twice, and norm; batch 128, dopri5 at 1e-3, "
          "f32, the gradient by the 75,392 parameters. Costate without the gradient guard, as `ode_block` solves. Memory is what a first gradient took at "
          "most beyond what its process held before. Losses and gradients were compared at a tolerance of 1e-5")
BALLS = {"without drag": "0", "with drag": "0.1"}
BALLS_TEXT = ("10,000 balls dropped from heights between 0.5 and 2, [0, 2], each with its own bounces (speed times 0.8), f64, dopri5, tolerances 1e-6 and "
              "1e-8, per-sample steps, one thread. diffrax: vmap over the balls, eight solves from bounce to bounce, which is as many as any ball needs")
ENSEMBLE = "Lotka–Volterra, f64, 10,000 different starts and parameters, [0, 10], tolerances 1e-8, per-sample steps, end state"


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def measure(command, cores, threads=1):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT / "bench")}
    out = run(["taskset", "-c", cores, "/usr/bin/env", *command], env=environment)
    return json.loads(out[out.index("{"):])


def prepare(arguments, data):
    build = ROOT / "build/bench"
    run(["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCOSTATE_BUILD_BENCH=ON",
         "-DCOSTATE_BUILD_CLI=ON", "-DCOSTATE_BUILD_TESTS=OFF"])
    run(["cmake", "--build", build, "--target", "costate_cli", "ensemble_costate_side", "balls_costate_side", "panels_costate_side",
         "blocks_costate_side", "heat_costate_side", "scaling"])
    if not (VENV / "bin/python").exists():
        run([sys.executable, "-m", "venv", VENV])
    run([VENV / "bin/pip", "install", "--quiet", "numpy", *(package for peer in arguments.peers for package in PEERS[peer])])
    run([VENV / "bin/python", ROOT / "bench/engine/make_data.py", data, *(["--tiny"] if arguments.tiny else [])])
    return build


def costate_side(build, data, name, arguments):
    return [build / "cli/costate", "bench", name, "--json", "--data", data, "--threads", "1", "--seconds", arguments.seconds]


def disagreements(name, sides):
    mine = sides["costate"]
    for peer, theirs in sides.items():
        for key, tolerance in AGREEMENT.items():
            difference = abs(theirs[key] - mine[key]) / max(abs(mine[key]), 1e-12)
            if difference > tolerance:
                yield f"{name}: {key} of {peer} is {theirs[key]:.6g}, of costate {mine[key]:.6g}"


def ensemble(arguments, build):
    number = "200" if arguments.tiny else "10000"
    sides = {"costate": measure([build / "bench/ensemble_costate_side", number, arguments.seconds], arguments.core)}
    for peer in [peer for peer in ("heyoka", "diffrax", "scipy") if peer in arguments.peers]:
        script = ROOT / f"bench/ensemble/{peer}_side.py"
        sides[peer] = measure([VENV / "bin/python", script, number, arguments.seconds], arguments.core)
    print("ensemble", json.dumps(sides), flush=True)
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
    print("balls", json.dumps(kinds), flush=True)
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
    print("panels", json.dumps(sides), flush=True)
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
    print("heat", json.dumps(sides), flush=True)
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


def blocks(arguments, build, data):
    """By (rows and columns, threads), the sides' results; on two threads where there is a second core."""
    second = next((str(core) for core in sorted(os.sched_getaffinity(0)) if str(core) != arguments.core), None)
    results = {}
    for side, threads in [(7, 1), (7, 2), (14, 1), (14, 2)]:
        if threads == 2 and (second is None or arguments.tiny):
            continue
        cores = arguments.core if threads == 1 else f"{arguments.core},{second}"
        given = [f"{data}/block{side}.npz", arguments.seconds, threads]
        sides = {"costate": measure([build / "bench/blocks_costate_side", *given], cores, threads)}
        if "torchdiffeq" in arguments.peers:
            for solver in ("odeint", "odeint_adjoint"):
                sides[solver] = measure([VENV / "bin/python", ROOT / "bench/blocks/torchdiffeq_side.py", *given, solver], cores, threads)
        name = f"{side} × {side}, {'one thread' if threads == 1 else 'two threads'}"
        print("block", name, json.dumps(sides), flush=True)
        results[name] = sides
    return results


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


def milliseconds(timing):
    median, low, high = timing
    return f"{median:.3g} ({low:.3g}–{high:.3g})"


def ratio(theirs, mine):
    return f"{theirs[0] / mine[0]:.3g}×"


def table(results):
    lines = ["| workload | | Costate | diffrax | torchdiffeq | torchdiffeq adjoint | against diffrax | against torchdiffeq |",
             "|---|---|---|---|---|---|---|---|"]
    for name, sides in results.items():
        mine, jax, torch = sides["costate"], sides["diffrax"], sides["torchdiffeq"]
        lines.append(f"| {name} | forward | {milliseconds(mine['forward_ms'])} | {milliseconds(jax['forward_ms'])} | "
                     f"{milliseconds(torch['forward_ms'])} | | {ratio(jax['forward_ms'], mine['forward_ms'])} | "
                     f"{ratio(torch['forward_ms'], mine['forward_ms'])} |")
        lines.append(f"| | gradient | {milliseconds(mine['gradient_ms'])} | {milliseconds(jax['gradient_ms'])} | "
                     f"{milliseconds(torch['gradient_ms'])} | {milliseconds(torch['adjoint_ms'])} | "
                     f"{ratio(jax['gradient_ms'], mine['gradient_ms'])} | {ratio(torch['gradient_ms'], mine['gradient_ms'])} |")
    return lines


def first_gradients(results):
    lines = ["| workload | Costate | diffrax | torchdiffeq | NFE Costate forward, backward | NFE diffrax | NFE torchdiffeq |",
             "|---|---|---|---|---|---|---|"]
    for name, sides in results.items():
        cells = [f"{sides[side]['first_gradient_ms']:.3g}" for side in ("costate", "diffrax", "torchdiffeq")]
        mine = sides["costate"]
        lines.append(f"| {name} | {' | '.join(cells)} | {mine['nfe_forward']:.3g}, {mine['nfe_backward']:.3g} | "
                     f"{sides['diffrax']['nfe_forward']} | {sides['torchdiffeq']['nfe_forward']} |")
    return lines


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def rates_table(results, blas, startup):
    lines = ["| workload | forward, GFLOP/s | of peak | gradient, GFLOP/s | of peak | Adam's share of a training step |",
             "|---|---|---|---|---|---|"]
    for name, sides in results.items():
        mine = sides["costate"]
        share = lambda rate: f"{100 * rate / mine['peak_gflops']:.0f} %"
        lines.append(f"| {name} | {mine['forward_gflops']:.3g} | {share(mine['forward_gflops'])} | {mine['gradient_gflops']:.3g} | "
                     f"{share(mine['gradient_gflops'])} | {100 * mine['optimizer_share']:.1f} % |")
    peak = next(iter(results.values()))["costate"]["peak_gflops"]
    products = "; ".join(f"{size}: {rate:.3g}" for size, rate in blas.items())
    return [*lines, "", f"Products alone are counted (`costate bench`). Peak: {peak:.4g} GFLOP/s of fused multiply-adds on registers. "
            f"PyTorch's sgemm on the same core, GFLOP/s: {products}. Starting and ending the process takes {startup:.2g} ms more than "
            "what stands under the first gradient."]


def scaling(build, folder, arguments):
    """Draws the plots into a folder; the lines that tell of all cores and of parameters."""
    tiny = ["--tiny"] if arguments.tiny else []
    out = run([build / "bench/scaling", folder, *tiny])
    return [line for line in out.splitlines() if "all cores" in line or "parameters p" in line]


def scaling_section(lines):
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return ["![Cost over batch, width, state size, steps and parameters, and memory over steps](scaling.png)", "",
            "| study | curve | at | |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows if row[1] != "ideal"), "",
            "Forward sensitivities are the time of one tangent solve, p times. `bench/scaling FOLDER` draws this."]


def startup_time(build):
    """Milliseconds of a process that does nothing."""
    times = []
    for _ in range(20):
        begin = time.perf_counter()
        run([build / "cli/costate", "--version"])
        times.append(1e3 * (time.perf_counter() - begin))
    return min(times)


def page(results, systems, more, arguments):
    versions = run([VENV / "bin/pip", "list", "--format", "freeze"]).splitlines()
    peers = ", ".join(v for v in versions if v.split("==")[0] in ("torch", "torchdiffeq", "jax", "diffrax", "heyoka", "scipy"))
    head = [
        "# Benchmarks", "",
        "Written by `bench/run.py`; do not edit the tables by hand. Median (quartiles) in milliseconds on one pinned core, all sides in "
        "one run, with the same weights, inputs, methods and tolerances; losses and gradients were checked to agree before a ratio "
        "was printed.", "",
        f"- Command: `bench/run.py --core {arguments.core} --seconds {arguments.seconds:g}`",
        f"- Date: {datetime.date.today().isoformat()}",
        f"- Machine: {cpu_name()}, {os.cpu_count()} cores; SIMD target {next(iter(results.values()))['costate']['simd']}",
        f"- Peers: {peers}; diffrax is jitted, takes the batch as one state, and is plain `lax.scan` where the steps are fixed", "",
        "## Forward and gradient, f32", "", *table(results), "",
        *(f"- **{name}**: {text}." for name, text in WORKLOADS.items()), "",
        "## From a loaded process to the first gradient, ms, and evaluations a sample", "", *first_gradients(results), "",
        "Costate's and diffrax's include compiling; torchdiffeq has nothing to compile. Interpreter start and imports are in none.", "",
        "## Share of the machine", "", *rates_table(results, more["blas"], more["startup"]), "",
        "## All cores, scaling and memory", "", *scaling_section(more["scaling"]), "",
        "## An ensemble of plain ODEs", "", ENSEMBLE + ". SciPy's time is that of 200 of them, scaled.", "",
        *ensemble_table(systems), "",
        "## Bouncing balls", "", BALLS_TEXT + ".", "", *balls_table(more["balls"]), "",
        "## Vortex panels", "", PANELS + ".", "", *panels_table(more["panels"]), "",
        "## A field of heat", "", HEAT + ".", "", *heat_table(more["heat"]), "",
        "## The block of an ODE-Net", "", BLOCKS + ".", "", *blocks_table(more["blocks"]), ""]
    tail = ROOT / "bench/notes.md"
    return "\n".join(head) + "\n" + tail.read_text()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", default="0", help="core to pin to (0)")
    parser.add_argument("--seconds", type=float, default=2, help="at least this long per timing (2)")
    parser.add_argument("--tiny", action="store_true", help="small batches, to check agreement and not time")
    parser.add_argument("--peers", type=lambda text: [name for name in text.split(",") if name], default=list(PEERS),
                        help="some of " + ",".join(PEERS) + "; the page is written with all of them only")
    parser.add_argument("--no-write", action="store_true", help="print the page instead of writing it")
    arguments = parser.parse_args()
    unknown = set(arguments.peers) - set(PEERS)
    if unknown:
        parser.error(f"unknown peers: {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    results, faults = {}, []
    with tempfile.TemporaryDirectory() as data:
        build = prepare(arguments, data)
        for name in WORKLOADS:
            sides = {"costate": measure(costate_side(build, data, name, arguments), arguments.core)}
            for peer in [peer for peer in ("diffrax", "torchdiffeq") if peer in arguments.peers]:
                script = ROOT / f"bench/engine/{peer}_side.py"
                sides[peer] = measure([VENV / "bin/python", script, data, name, arguments.seconds], arguments.core)
            print(name, json.dumps(sides), flush=True)
            faults += disagreements(name, sides)
            results[name] = sides
        systems = ensemble(arguments, build)
        faults += ensemble_disagreements(systems)
        bounces = balls(arguments, build)
        faults += balls_disagreements(bounces)
        flows = panels(arguments, build)
        faults += panels_disagreements(flows)
        fields = heat(arguments, build)
        faults += heat_disagreements(fields)
        odenets = blocks(arguments, build, data)
        for name, sides in odenets.items():
            faults += disagreements(f"block {name}", sides)
        more = {"balls": bounces, "panels": flows, "heat": fields, "blocks": odenets, "scaling": scaling(build, data, arguments), "startup": startup_time(build)}
        if "torchdiffeq" in arguments.peers:
            more["blas"] = measure([VENV / "bin/python", ROOT / "bench/engine/sgemm.py", arguments.seconds], arguments.core)
        pictures = pathlib.Path(data, "scaling.png").read_bytes()
    if faults:
        sys.exit("bench: answers differ, so no ratio is printed:\n" + "\n".join(faults))
    if arguments.tiny or set(arguments.peers) != set(PEERS):
        return
    text = page(results, systems, more, arguments)
    if arguments.no_write:
        print(text)
    else:
        (ROOT / "docs/benchmarks.md").write_text(text)
        (ROOT / "docs/scaling.png").write_bytes(pictures)


if __name__ == "__main__":
    main()
