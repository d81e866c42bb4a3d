#!/usr/bin/env python3
"""From full runs of experiments to the repository: experiments/NAME/RESULT.md and docs/experiments/NAME.png.

What a person wrote under "## Remarks" of a RESULT.md stays.

usage: tools/collect_experiments.py [RUN_FOLDER …]   (default: each runs/NAME of an experiment)
"""

import datetime
import json
import os
import pathlib
import platform
import shutil
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
REMARKS = "## Remarks\n"


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores"


def must_be(metric: dict) -> str:
    for key, words in (("at_most", "at most"), ("at_least", "at least")):
        if key in metric:
            return f"{words} {metric[key]:.4g}"
    return ""


def page(name: str, config: dict, found: dict, remarks: str) -> str:
    rows = [
        f"| {metric_name} | {metric['value']:.4g} | {must_be(metric)} | {metric.get('published', '')} |"
        for metric_name, metric in found["metrics"].items()
        if metric["value"] is not None
    ]
    return "\n".join([
        f"# {name}: measured", "",
        f"- Command: `costate reproduce {name} --seed {config['seed']}`",
        f"- Time: {found['seconds']:.0f} s with {config['threads']} threads, {datetime.date.today().isoformat()}",
        f"- Machine: {machine()}", "",
        "| metric | measured | must be | published |", "|---|---|---|---|", *rows, "",
        f"![{name}](../../docs/experiments/{name}.png)", "",
        REMARKS + remarks,
    ])


def collect(run: pathlib.Path) -> None:
    config = tomllib.loads((run / "config.toml").read_text())
    name = config["experiment"]
    if config["quick"]:
        sys.exit(f"collect_experiments: {run} is a quick run; results are those of full ones")
    result = ROOT / "experiments" / name / "RESULT.md"
    remarks = result.read_text().split(REMARKS, 1)[1] if result.exists() and REMARKS in result.read_text() else "\n"
    result.write_text(page(name, config, json.loads((run / "metrics.json").read_text()), remarks))
    pictures = ROOT / "docs/experiments"
    pictures.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "figure.png", pictures / f"{name}.png")


def main() -> None:
    names = sorted(path.name for path in (ROOT / "experiments").iterdir() if path.is_dir())
    runs = [pathlib.Path(argument) for argument in sys.argv[1:]]
    for run in runs or [ROOT / "runs" / name for name in names if (ROOT / "runs" / name / "metrics.json").exists()]:
        collect(run)
        print(run)


if __name__ == "__main__":
    main()
