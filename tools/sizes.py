#!/usr/bin/env python3
"""Sizes of files and functions in costate/ and cli/, beside those of codebases that people find easy to enter: a file
has a median of 60-150 lines and a p90 of 300-550, a function a median of 4-10 and a p90 of 14-40, and under 3 % of the
functions have more than 60 lines. Fails on a file over 1000 lines or a function over 120.
"""

import pathlib
import re
import sys

FILE_LIMIT, FUNCTION_LIMIT, LONG_FUNCTION = 1000, 120, 60
NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#(?:\\\n|[^\n])*',
    re.DOTALL | re.MULTILINE,
)
DIGIT_SEPARATOR = re.compile(r"(?<=\d)'(?=\d)")


def strip_noise(text: str) -> str:
    """The text without comments, strings and preprocessor lines, with every line break kept."""
    return NOISE.sub(lambda match: "\n" * match.group().count("\n"), DIGIT_SEPARATOR.sub("", text))


def brace_kind(head: str) -> str:
    """What a brace after `head`, at namespace or class level, opens: a function, a scope or a part of an expression."""
    head = re.sub(r"operator\s*[^\s\w(]+|template\s*<[^(){}]*>", "", head)
    while (shorter := re.sub(r"\([^()]*\)", "@", head)) != head:
        head = shorter
    if "(" in head or "=" in head:
        return "expression"
    return "function" if "@" in head else "scope"


def functions(text: str) -> list[tuple[int, int]]:
    """(first line, number of lines) of each function with a body. Lambdas and local classes count within theirs."""
    code = strip_noise(text)
    found, open_braces, head_start = [], [], 0
    for mark in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:", code):
        if mark.group() == "}" and open_braces:
            kind, start = open_braces.pop()
            is_initializer = kind == "function" and code[mark.end() :].lstrip()[:1] in (",", "{")
            if kind == "expression" or is_initializer:
                head_start = start  # what came before the brace goes on after it
                continue
            if kind == "function":
                first_line = code.count("\n", 0, start + re.match(r"\s*", code[start:]).end()) + 1
                found.append((first_line, code.count("\n", 0, mark.start()) + 2 - first_line))
        elif mark.group() == "{":
            inside = any(kind != "scope" for kind, _ in open_braces)
            open_braces.append(("expression" if inside else brace_kind(code[head_start : mark.start()]), head_start))
        head_start = mark.end()
    return found


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0


def print_statistics(what: str, sizes: dict[str, int], bands: str) -> None:
    values = list(sizes.values())
    print(f"{len(values)} {what}s: median {percentile(values, 0.5)}, p90 {percentile(values, 0.9)} lines ({bands})")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:10]:
        print(f"  {size:5} {name}")


def measure(root: pathlib.Path) -> tuple[dict[str, int], dict[str, int]]:
    """Lines of each file and of each function (by file and line)."""
    files, bodies = {}, {}
    for path in sorted(path for folder in ("costate", "cli") for path in (root / folder).rglob("*")):
        if path.suffix in (".h", ".cpp"):
            text, name = path.read_text(), path.relative_to(root).as_posix()
            files[name] = text.count("\n")
            bodies.update({f"{name}:{line}": length for line, length in functions(text)})
    return files, bodies


def too_long(files: dict[str, int], bodies: dict[str, int]) -> list[str]:
    """A sentence for each file and function over its limit."""
    over = [(name, size, FILE_LIMIT) for name, size in files.items() if size > FILE_LIMIT]
    over += [(name, size, FUNCTION_LIMIT) for name, size in bodies.items() if size > FUNCTION_LIMIT]
    return [f"sizes: {name} has {size} lines; the limit is {limit}, split it." for name, size, limit in over]


def main() -> int:
    files, bodies = measure(pathlib.Path(__file__).resolve().parent.parent)
    print_statistics("file", files, "band: median 60-150, p90 300-550")
    print_statistics("function", bodies, "band: median 4-10, p90 14-40")
    long_share = sum(size > LONG_FUNCTION for size in bodies.values()) / max(1, len(bodies))
    print(f"functions over {LONG_FUNCTION} lines: {100 * long_share:.1f} % (band: under 3 %)")
    errors = too_long(files, bodies)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
