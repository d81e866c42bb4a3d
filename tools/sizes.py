#!/usr/bin/env python3
"""Sizes of files and functions, against the bands of readable codebases: p90 of files under 550 lines and of functions
under 60. Fails on a file over 1000 lines or a function over 120 in costate/ or cli/."""

import pathlib
import re
import sys

FILE_LIMIT, FUNCTION_LIMIT = 1000, 120
OPENS = re.compile(r"^(?!\s*(?:namespace|struct|class|enum|extern|union|if|for|while|switch|else|do|#|//))\S?.*\)[^;]*\{\s*$")


def functions(text: str) -> list[tuple[int, int]]:
    """(first line, length) of each function body that starts at the outermost or a class's level, found by its braces."""
    found, lines = [], text.splitlines()
    row = 0
    while row < len(lines):
        if OPENS.match(lines[row]) and len(lines[row]) - len(lines[row].lstrip()) <= 2:
            depth, end = 0, row
            while end < len(lines):
                depth += lines[end].count("{") - lines[end].count("}")
                if depth <= 0:
                    break
                end += 1
            found.append((row + 1, end - row + 1))
            row = end
        row += 1
    return found


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    files, bodies = {}, {}
    for folder in ("costate", "cli"):
        for path in (root / folder).rglob("*"):
            if path.suffix in (".h", ".cpp"):
                text, name = path.read_text(), path.relative_to(root).as_posix()
                files[name] = text.count("\n")
                bodies.update({f"{name}:{line}": length for line, length in functions(text)})
    for what, sizes in (("file", files), ("function", bodies)):
        values = list(sizes.values())
        worst = ", ".join(f"{name} {size}" for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:10])
        print(f"{what}s: {len(values)}, median {percentile(values, 0.5)}, p90 {percentile(values, 0.9)}; largest: {worst}")
    too_long = [name for name, size in files.items() if size > FILE_LIMIT]
    too_long += [name for name, size in bodies.items() if size > FUNCTION_LIMIT]
    for name in too_long:
        print(f"sizes: {name} is too long to read", file=sys.stderr)
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
