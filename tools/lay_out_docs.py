#!/usr/bin/env python3
"""Lays the pages of the documentation's site in a folder: docs/, the README and findings/ as pages, and the API of the costate that can be
imported. tools/build_docs.sh calls it."""

import importlib.util
import inspect
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Pages that come from elsewhere in the repository.
ELSEWHERE = {"README.md": "index.md", "findings/README.md": "findings.md"}

GROUPS = {
    "Solves": ["solve", "vector_field", "Solution", "VectorField", "steady_state", "interpolate"],
    "Traced code and derivatives": ["trace", "compile", "compile_pullback", "value_and_grad", "jacobian", "hessian", "vjp", "jvp", "check_gradient", "gradient",
                                    "tighten", "Function", "Program", "PullbackProgram", "Pullback", "Array", "Parameter"],
    "Fits of data": ["fit", "fit_table", "Fit", "Forecast", "Run", "NeuralODERegressor", "fan_out"],
    "Training": ["train", "fit_trajectories", "fit_classifier", "Optimizer", "OptimizerOptions", "Schedule", "TrainResult", "TrajectoryWindows", "MappedWindows", "cut_windows",
                 "mean_over_batch", "Evaluation"],
}


def moved(page, source, known):
    """The page with links as the site has them: those that lead out of it become their text."""
    def link(match):
        text, target = match.groups()
        path, hash_mark, anchor = target.partition("#")
        if "://" in target or not path:
            return match.group(0)
        file = (source.parent / path).resolve()
        name = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else ""
        if name in known:
            here = known[source.relative_to(ROOT).as_posix()]
            steps = "../" * here.count("/")
            return f"[{text}]({steps}{known[name]}{hash_mark}{anchor})"
        return f"`{text}`" if "`" not in text and text == path else text
    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, page)


def signature_of(thing):
    try:
        return str(inspect.signature(thing))
    except (TypeError, ValueError):
        return ""


def entry(name, thing, level):
    lines = [f"{'#' * level} {name}", ""]
    parameters = signature_of(thing) if callable(thing) else ""
    if parameters:
        lines += ["```python", f"{name}{parameters}", "```", ""]
    text = inspect.getdoc(thing) or ""
    lines += ["```text", text, "```", ""] if text else []
    return lines


def members(name, kind):
    lines = []
    for attribute, value in vars(kind).items():
        text = getattr(value, "__doc__", None)
        if not attribute.startswith("_") and text:
            lines += [f"- `{name}.{attribute}` – {inspect.cleandoc(text).splitlines()[0]}"]
    return [*lines, ""] if lines else []


def api_page():
    import costate

    known = {name: getattr(costate, name) for name in costate.__all__}
    if importlib.util.find_spec("sklearn"):
        known["NeuralODERegressor"] = costate.NeuralODERegressor
    grouped = {name for names in GROUPS.values() for name in names}
    classes = [name for name, thing in known.items() if inspect.isclass(thing)]
    rest = {"Nets, models and other classes": [n for n in classes if n not in grouped and not issubclass(known[n], BaseException)],
            "Errors": [n for n in classes if issubclass(known[n], BaseException)],
            "Functions": [n for n, thing in known.items() if callable(thing) and n not in classes and n not in grouped]}
    lines = ["# API reference", "", f"Of costate {costate.__version__}, as `help` shows it.", ""]
    for title, names in {**GROUPS, **rest}.items():
        lines += [f"## {title}", ""]
        for name in sorted(set(names) & set(known), key=names.index):
            lines += entry(name, known[name], 3)
            lines += members(name, known[name]) if inspect.isclass(known[name]) else []
    return "\n".join(lines)


def lay_out(folder):
    shutil.rmtree(folder, ignore_errors=True)
    pages = {page.relative_to(ROOT).as_posix(): page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    known = {**pages, **ELSEWHERE}
    for source, name in known.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(moved((ROOT / source).read_text(), ROOT / source, known))
    for picture in (ROOT / "docs").rglob("*.png"):
        target = folder / picture.relative_to(ROOT / "docs")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, target)
    shutil.copy(ROOT / "tools/site.css", folder)
    (folder / "api.md").write_text(api_page())
    return known


if __name__ == "__main__":
    lay_out(pathlib.Path(sys.argv[1]))
