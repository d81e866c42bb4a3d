#!/usr/bin/env python3
"""Costate beside its peers, in one run on one pinned core: same weights, inputs, method and tolerances.

Builds Costate's side, installs the peers into .venv-bench, checks that all agree on loss and gradient, and writes the
tables to docs/benchmarks.md, or the sections of them that are asked for.

usage: bench/run.py [--only SECTIONS] [--core N] [--seconds S] [--tiny] [--peers NAMES] [--no-write]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import sys
import tempfile
import time

from engine.workloads import WORKLOADS
from measuring import ROOT, VENV, disagreements, measure, milliseconds, ratio, run
from systems import SYSTEMS

PAGE = ROOT / "docs/benchmarks.md"
PEERS = {  # what pip installs for each
    "diffrax": ["jax", "diffrax==0.7.2"],
    "torchdiffeq": ["torch", "torchdiffeq==0.2.5"],
    "heyoka": ["heyoka"],
    "scipy": ["scipy"],
}
ENGINE_PEERS = ("diffrax", "torchdiffeq")


def prepare(arguments):
    build = ROOT / "build/bench"
    run(["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCOSTATE_BUILD_BENCH=ON",
         "-DCOSTATE_BUILD_CLI=ON", "-DCOSTATE_BUILD_TESTS=OFF"])
    engine = ["costate_cli", "scaling"] if "engine" in arguments.only else []
    run(["cmake", "--build", build, "--target", *engine, *(target for name in arguments.only if name != "engine" for target in SYSTEMS[name].targets)])
    if not (VENV / "bin/python").exists():
        run([sys.executable, "-m", "venv", VENV])
    run([VENV / "bin/pip", "install", "--quiet", "numpy", *(package for peer in arguments.peers for package in PEERS[peer])])
    run([VENV / "bin/python", ROOT / "bench/engine/make_data.py", arguments.data, *(["--tiny"] if arguments.tiny else [])])
    return build


def costate_side(build, name, arguments):
    return [build / "cli/costate", "bench", name, "--json", "--data", arguments.data, "--threads", "1", "--seconds", arguments.seconds]


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


def scaling(build, arguments):
    """Draws the plots into the folder of the data; the lines that tell of all cores and of parameters."""
    tiny = ["--tiny"] if arguments.tiny else []
    out = run([build / "bench/scaling", arguments.data, *tiny])
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


def peer_versions(packages):
    versions = run([VENV / "bin/pip", "list", "--format", "freeze"]).splitlines()
    return ", ".join(version for version in versions if version.split("==")[0] in packages)


def command_of(arguments, only):
    return f"`bench/run.py --only {only} --core {arguments.core} --seconds {arguments.seconds:g}`"


def engine_head(results, more, arguments):
    """The page up to its first system."""
    return "\n".join([
        "# Benchmarks", "",
        "Written by `bench/run.py`, but for sections that say otherwise; do not edit them by hand. Median (quartiles) in milliseconds on one pinned core, all sides of a table in "
        "one run, with the same weights, inputs, methods and tolerances; losses and gradients were checked to agree before a ratio "
        "was printed. What makes it fast, and what does not, is told in [speed.md](speed.md).", "",
        f"- Command: {command_of(arguments, 'engine')}, up to the scaling plots; further sections say theirs",
        f"- Date: {datetime.date.today().isoformat()}",
        f"- Machine: {cpu_name()}, {os.cpu_count()} cores; SIMD target {next(iter(results.values()))['costate']['simd']}",
        f"- Peers: {peer_versions(('torch', 'torchdiffeq', 'jax', 'diffrax'))}; diffrax is jitted, takes the batch as one state, and is plain `lax.scan` "
        "where the steps are fixed", "",
        "## Forward and gradient, f32", "", *table(results), "",
        *(f"- **{name}**: {workload.text}." for name, workload in WORKLOADS.items()), "",
        "## From a loaded process to the first gradient, ms, and evaluations a sample", "", *first_gradients(results), "",
        "Costate's and diffrax's include compiling; torchdiffeq has nothing to compile. Interpreter start and imports are in none.", "",
        "## Share of the machine", "", *rates_table(results, more["blas"], more["startup"]), "",
        "## All cores, scaling and memory", "", *scaling_section(more["scaling"]), "", ""])


def system_section(name, results, arguments):
    system = SYSTEMS[name]
    peers = peer_versions([package.split("==")[0] for peer in system.peers for package in PEERS[peer]])
    return "\n".join([f"## {system.title}", "", f"{system.text}.", "",
                      f"{datetime.date.today().isoformat()}, {command_of(arguments, name)}, {cpu_name()}; {peers}.", "", *system.table(results), "", ""])


def measure_engine(arguments, build):
    """What the workloads give, what else the page tells of them, and where sides differ."""
    results, faults = {}, []
    for name in WORKLOADS:
        sides = {"costate": measure(costate_side(build, name, arguments), arguments.core)}
        for peer in [peer for peer in ENGINE_PEERS if peer in arguments.peers]:
            script = ROOT / f"bench/engine/{peer}_side.py"
            sides[peer] = measure([VENV / "bin/python", script, arguments.data, name, arguments.seconds], arguments.core)
        print(name, json.dumps(sides), flush=True)
        faults += disagreements(name, sides)
        results[name] = sides
    more = {"scaling": scaling(build, arguments), "startup": startup_time(build)}
    if "torchdiffeq" in arguments.peers:
        more["blas"] = measure([VENV / "bin/python", ROOT / "bench/engine/sgemm.py", arguments.seconds], arguments.core)
    return results, more, faults


def sections_of(page):
    """The page's head, and its sections by their titles."""
    titles = "|".join(re.escape(system.title) for system in SYSTEMS.values())
    head, *rest = re.split(rf"^## ({titles})$", page, flags=re.MULTILINE)
    return head, {title: f"## {title}{text}" for title, text in zip(rest[::2], rest[1::2])}


def measure_all(arguments):
    """The page with what was measured in its place."""
    head, sections = sections_of(PAGE.read_text())
    faults = []
    build = prepare(arguments)
    if "engine" in arguments.only:
        results, more, faults = measure_engine(arguments, build)
        if not arguments.tiny and set(ENGINE_PEERS) <= set(arguments.peers):
            head = engine_head(results, more, arguments)
    for name in [name for name in SYSTEMS if name in arguments.only]:
        system = SYSTEMS[name]
        results = system.measure(arguments, build)
        print(name, json.dumps(results), flush=True)
        faults += system.disagreements(results)
        if not arguments.tiny and set(system.peers) <= set(arguments.peers):
            sections[system.title] = system_section(name, results, arguments)
    if faults:
        sys.exit("bench: answers differ, so no ratio is printed:\n" + "\n".join(faults))
    parts = [head, *(sections[system.title] for system in SYSTEMS.values() if system.title in sections)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def names_from(known):
    def names(text):
        given = [name for name in text.split(",") if name]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return given
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sections = ["engine", *SYSTEMS]
    parser.add_argument("--only", type=names_from(sections), default=sections, help="some of " + ",".join(sections) + "; the page keeps the others")
    parser.add_argument("--core", default="0", help="core to pin to (0)")
    parser.add_argument("--seconds", type=float, default=2, help="at least this long per timing (2)")
    parser.add_argument("--tiny", action="store_true", help="small batches, to check agreement and not time")
    parser.add_argument("--peers", type=names_from(PEERS), default=list(PEERS),
                        help="some of " + ",".join(PEERS) + "; a section is written with all of its peers only")
    parser.add_argument("--no-write", action="store_true", help="print the page instead of writing it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        arguments.data = data
        page = measure_all(arguments)
        if arguments.no_write:
            print(page)
        elif not arguments.tiny:
            PAGE.write_text(page)
            if (picture := pathlib.Path(data, "scaling.png")).exists():
                shutil.copy(picture, ROOT / "docs/scaling.png")


if __name__ == "__main__":
    main()
