#!/usr/bin/env python3
"""From full runs of experiments to the repository: experiments/NAME/seeds.json, experiments/NAME/RESULT.md and
docs/experiments/NAME.png.

seeds.json keeps what each seed gave, so that long runs can be collected one by one. RESULT.md is written from it: the numbers of
the least seed beside the range over all. The picture is the least seed's. What a person wrote under "## Remarks" stays.
"""

import argparse
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


def spread(numbers: list[float | None]) -> str:
    known = [number for number in numbers if number is not None]
    return f"{min(known):.4g} … {max(known):.4g}" if len(known) == len(numbers) else "not in all"


def page(name: str, seeds: dict[int, dict], remarks: str) -> str:
    """`seeds`: what record() kept of each."""
    least = min(seeds)
    found = seeds[least]
    several = len(seeds) > 1
    rows = []
    for metric_name, metric in found["metrics"].items():
        if metric["value"] is None:
            continue
        cells = [metric_name, f"{metric['value']:.4g}", must_be(metric), str(metric.get("published", ""))]
        if several:
            cells.insert(2, spread([each["metrics"].get(metric_name, {"value": None})["value"] for each in seeds.values()]))
        rows.append("| " + " | ".join(cells) + " |")
    titles = ["metric", "measured", "must be", "published"]
    if several:
        titles.insert(2, "range over seeds " + ", ".join(str(seed) for seed in sorted(seeds)))
    return "\n".join([
        f"# {name}: measured", "",
        f"- Command: `costate reproduce {name} --seed {least}`",
        f"- Time: {found['seconds']:.0f} s with {found['threads']} thread{'s' if found['threads'] != 1 else ''}, {found['date']}",
        f"- Machine: {found['machine']}", "",
        "| " + " | ".join(titles) + " |", "|" + "---|" * len(titles), *rows, "",
        f"![{name}](../../docs/experiments/{name}.png)", "",
        REMARKS + remarks,
    ])


def record(folder: pathlib.Path) -> dict:
    found = json.loads((folder / "metrics.json").read_text())
    return {"date": datetime.date.today().isoformat(), "machine": machine(), "threads": configuration(folder)["threads"],
            "seconds": round(found["seconds"], 1), "metrics": found["metrics"]}


def collect(name: str, folders: list[pathlib.Path]) -> None:
    home = ROOT / "experiments" / name
    kept = home / "seeds.json"
    seeds = {int(seed): each for seed, each in json.loads(kept.read_text()).items()} if kept.exists() else {}
    seeds |= {configuration(folder)["seed"]: record(folder) for folder in folders}
    kept.write_text(json.dumps(dict(sorted(seeds.items())), indent=1, ensure_ascii=False) + "\n")
    result = home / "RESULT.md"
    remarks = result.read_text().split(REMARKS, 1)[1] if result.exists() and REMARKS in result.read_text() else "\n"
    result.write_text(page(name, seeds, remarks))
    pictures = ROOT / "docs/experiments"
    pictures.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        if configuration(folder)["seed"] == min(seeds):
            shutil.copyfile(folder / "figure.png", pictures / f"{name}.png")


def configuration(folder: pathlib.Path) -> dict:
    config = tomllib.loads((folder / "config.toml").read_text())
    if config["quick"]:
        sys.exit(f"collect_experiments: {folder} is a quick run; results are those of full ones")
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=pathlib.Path, metavar="RUN_FOLDER", help="by default each runs/NAME of an experiment")
    folders = parser.parse_args().folders
    names = sorted(path.name for path in (ROOT / "experiments").iterdir() if path.is_dir())
    by_name: dict[str, list[pathlib.Path]] = {}
    for folder in folders or [ROOT / "runs" / name for name in names if (ROOT / "runs" / name / "metrics.json").exists()]:
        by_name.setdefault(configuration(folder)["experiment"], []).append(folder)
    for name, runs in by_name.items():
        collect(name, runs)
        print(name, *runs)


if __name__ == "__main__":
    main()
