#!/usr/bin/env python3
"""Holds every #include to the layer table of costate/README.md.

The table is the truth; costate/CMakeLists.txt must name the same stages. A stage may include what its row names and all
that those rows name in turn. The doors (cli, python, experiments, examples) may include every public header, never one
from an internal/ folder. Stages up to adjoint, and nn, use no library but Highway, oneTBB and Eigen.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", re.MULTILINE)
CMAKE_ROW = re.compile(r"costate_stage\((\w+)([^)]*)\)")
DOORS = ("cli", "python", "experiments", "examples")
LEAN = ("base", "array", "graph", "diff", "plan", "exec", "solve", "adjoint", "nn")
LIBRARIES = re.compile(r"^(fmt|spdlog|CLI|toml\+\+|nlohmann|zlib|nanobind|sundials|cvode)")
SOURCES = {".h", ".cpp", ".def"}


def layer_table(readme: str) -> dict[str, set[str]]:
    """Direct includes of each stage, as the README's table lists them."""
    rows = {name: cell.strip() for name, cell in ROW.findall(readme)}
    return {name: set() if cell == "–" else {part.strip() for part in cell.split(",")} for name, cell in rows.items()}


def closure(table: dict[str, set[str]], stage: str) -> set[str]:
    """The stage itself and everything that it may include."""
    reached, todo = set(), [stage]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(table[name])
    return reached


def cmake_table(text: str) -> dict[str, set[str]]:
    """What costate/CMakeLists.txt says: the STAGES of each costate_stage row."""
    found = {}
    for name, rest in CMAKE_ROW.findall(text):
        match = re.search(r"STAGES ([^A-Z]*)", rest)
        found[name] = set(match.group(1).split()) if match else set()
    return found


def check_file(path: str, text: str, table: dict[str, set[str]]) -> list[str]:
    """The broken rules of one file; `path` is relative to the root."""
    parts = path.split("/")
    errors = []
    for quote, target in INCLUDE.findall(text):
        steps = target.split("/")
        if steps[0] == "costate" and len(steps) > 2:
            if parts[0] == "costate" and len(parts) > 2 and steps[1] not in closure(table, parts[1]):
                errors.append(f"{path}: stage '{parts[1]}' must not include {target}")
            if parts[0] in DOORS and "internal" in steps:
                errors.append(f"{path}: only the library itself includes internal headers, not {target}")
        elif quote == "<" and parts[0] == "costate" and len(parts) > 2 and parts[1] in LEAN and LIBRARIES.match(target):
            errors.append(f"{path}: stage '{parts[1]}' must not use {target}")
    return errors


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    table = layer_table((root / "costate/README.md").read_text())
    errors = []
    if cmake_table((root / "costate/CMakeLists.txt").read_text()) != table:
        errors.append("costate/CMakeLists.txt and the table of costate/README.md name different stages or includes")
    files = [path for folder in ("costate", *DOORS) for path in (root / folder).rglob("*") if path.suffix in SOURCES]
    for path in sorted(files):
        errors += check_file(path.relative_to(root).as_posix(), path.read_text(), table)
    for error in errors:
        print(error, file=sys.stderr)
    print(f"check_layers: {len(files)} files, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
