#!/usr/bin/env python3
"""Holds every #include to the layer table of costate/README.md.

The table is the truth; costate/CMakeLists.txt must name the same stages and each folder of costate/ must have its row.
- A stage includes what its row names and all that those rows name in turn, by the path from the root.
- Within the library, headers in internal/ and exec/kernels/ are open to the same and later stages, but not to public
  headers: they are not installed. The doors (cli, python, experiments, examples) see public headers only.
- A type of the library has a name of its own in its namespace: two of one name are one to the linker, which calls the one's
  destructor for the other.
- The stages up to adjoint, and nn, use no library but the system's, Highway, oneTBB and Eigen; ranks, which is MPI behind
  an interface, is the exception.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", re.MULTILINE)
CMAKE_ROW = re.compile(r"^costate_stage\((\w+)([^)]*)\)", re.MULTILINE)
DOORS = ("cli", "python", "experiments", "examples")
LEAN = ("base", "array", "graph", "diff", "plan", "exec", "source", "cuda", "operations", "check", "solve", "adjoint", "nn")
# No slash and no dot: std. pthread.h: forks, dlfcn.h: optional libraries, and unistd.h: processes, of which std knows nothing.
LEAN_LIBRARIES = re.compile(r"^([a-z_0-9]+$|pthread\.h$|dlfcn\.h$|unistd\.h$|hwy/|tbb/|oneapi/tbb/|Eigen/|unsupported/Eigen/)")
NAMESPACE = re.compile(r"^(?:inline )?namespace ?([\w:]*) \{$(?!\n.*\n\}$)|^\}  // namespace", re.MULTILINE)
TYPE = re.compile(r"^(?:struct|class|enum class) (\w+)(?: final)?(?: : [^;]*)? \{", re.MULTILINE)
PRIVATE_FOLDERS = {"internal", "kernels"}
SOURCES = {".h", ".cpp", ".def"}


def layer_table(readme: str) -> dict[str, set[str]]:
    """Direct includes of each stage, as the README's table lists them."""
    rows = {name: cell.strip() for name, cell in ROW.findall(readme)}
    return {name: set() if cell == "–" else {part.strip() for part in cell.split(",")} for name, cell in rows.items()}


def cmake_table(text: str) -> dict[str, set[str]]:
    """What costate/CMakeLists.txt says: the STAGES of each costate_stage row."""
    found = {}
    for name, rest in CMAKE_ROW.findall(text):
        match = re.search(r"\bSTAGES ([^A-Z]*)", rest)
        found[name] = set(match.group(1).split()) if match else set()
    return found


def closure(table: dict[str, set[str]], stage: str) -> set[str]:
    """The stage itself and everything that it may include."""
    reached, todo = set(), [stage]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(table[name])
    return reached


def is_private(path: str) -> bool:
    """True for a header that is not installed."""
    return bool(PRIVATE_FOLDERS.intersection(path.split("/")))


def check_stage_file(path: str, stage: str, includes: list[tuple[str, str]], table: dict[str, set[str]]) -> list[str]:
    """The broken rules of one file of a stage."""
    if stage not in table:
        return [f"{path}: costate/README.md has no row for '{stage}'"]
    errors, allowed = [], closure(table, stage)
    is_public_header = path.endswith(".h") and not is_private(path)
    for quote, target in includes:
        steps = target.split("/")
        if quote == "<":
            if stage in LEAN and not LEAN_LIBRARIES.match(target):
                errors.append(f"{path}: stage '{stage}' must not use <{target}>")
        elif steps[0] != "costate":
            errors.append(f'{path}: include "{target}" by its path from the root')
        elif steps[1] not in allowed:
            errors.append(f"{path}: stage '{stage}' must not include {target}")
        elif is_public_header and is_private(target):
            errors.append(f"{path}: a public header must not include {target}, which is not installed")
    return errors


def check_file(path: str, text: str, table: dict[str, set[str]]) -> list[str]:
    """The broken rules of one file; `path` is relative to the root."""
    includes = INCLUDE.findall(text)
    parts = path.split("/")
    if parts[0] == "costate" and len(parts) > 2:
        return check_stage_file(path, parts[1], includes, table)
    if parts[0] in DOORS:
        return [
            f"{path}: only the library itself and its tests include {target}"
            for _, target in includes
            if target.startswith("costate/") and is_private(target)
        ]
    return []


def types_of(text: str) -> list[str]:
    """The types that a file defines, with their namespaces; those of anonymous ones are its own and left out."""
    found, spaces = [], []
    for match in sorted([*NAMESPACE.finditer(text), *TYPE.finditer(text)], key=lambda match: match.start()):
        if match.re is TYPE:
            found.append("::".join([*spaces, match.group(1)]))
        elif match.group(0).startswith("}"):
            spaces = spaces[:-1]
        else:
            spaces.append(match.group(1))
    return [name for name in found if "" not in name.split("::")]


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    table = layer_table((root / "costate/README.md").read_text())
    errors = []
    if cmake_table((root / "costate/CMakeLists.txt").read_text()) != table:
        errors.append("costate/CMakeLists.txt and the table of costate/README.md name different stages or includes")
    files = [path for folder in ("costate", *DOORS) for path in (root / folder).rglob("*") if path.suffix in SOURCES]
    defined: dict[str, str] = {}
    for path in sorted(files):
        name, text = path.relative_to(root).as_posix(), path.read_text()
        errors += check_file(name, text, table)
        for type_name in types_of(text) if name.startswith("costate/") else ():
            if type_name in defined:
                errors.append(f"{name}: {type_name} is defined in {defined[type_name]}, too")
            defined[type_name] = name
    for error in errors:
        print(error, file=sys.stderr)
    print(f"check_layers: {len(files)} files, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
