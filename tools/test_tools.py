"""The structure checks can fail: each rule is broken once here."""

import pathlib
import subprocess

import check_layers
import pytest
import sizes

ROOT = pathlib.Path(__file__).resolve().parents[1]
TABLE = {"base": set(), "graph": {"base"}, "io": {"base"}, "exec": {"graph"}, "source": {"graph"}, "cuda": {"exec", "source"}, "solve": {"exec"}}


def check(path: str, *lines: str) -> str:
    return "\n".join(check_layers.check_file(path, "\n".join(lines) + "\n", TABLE))


@pytest.mark.parametrize(
    "path, line",
    [
        ("costate/solve/a.h", '#include "costate/base/error.h"'),
        ("costate/solve/a.h", "#include <source_location>"),
        ("costate/exec/a.cpp", "#include <hwy/highway.h>"),
        ("costate/exec/a.cpp", '#include "costate/graph/internal/builder.h"'),
        ("costate/exec/internal/a.h", '#include "costate/exec/kernels/kernels.h"'),
        ("costate/io/a.cpp", "#include <nlohmann/json.hpp>"),
        ("cli/a.cpp", '#include "costate/solve/solve.h"'),
        ("tests/solve/a_test.cpp", '#include "costate/solve/internal/x.h"'),
        ("costate/base/a.cpp", "#include <pthread.h>"),
        ("costate/cuda/a.cpp", "#include <dlfcn.h>"),
        ("costate/source/a.cpp", "#include <unistd.h>"),
        ("costate/graph/a.cpp", '// #include "costate/solve/solve.h"'),
    ],
)
def test_what_is_allowed(path, line):
    assert check(path, line) == ""


@pytest.mark.parametrize(
    "path, line, error",
    [
        ("costate/graph/a.h", '#include "costate/solve/solve.h"', "stage 'graph' must not include costate/solve/solve.h"),
        ("costate/io/a.cpp", ' #  include "costate/graph/graph.h"', "stage 'io' must not include"),
        ("costate/solve/a.h", '#include "costate/costate.h"', "must not include costate/costate.h"),
        ("costate/solve/a.h", '#include "a.h"', "by its path from the root"),
        ("costate/solve/a.h", '#include "costate/exec/internal/x.h"', "not installed"),
        ("costate/exec/a.h", '#include "costate/exec/kernels/kernels.h"', "not installed"),
        ("costate/graph/a.cpp", "#include <fmt/format.h>", "must not use <fmt/format.h>"),
        ("costate/cuda/a.cpp", "#include <fmt/format.h>", "must not use <fmt/format.h>"),
        ("costate/source/a.cpp", "#include <fmt/format.h>", "must not use <fmt/format.h>"),
        ("costate/graph/a.cpp", "#include <nlohmann/json.hpp>", "must not use"),
        ("costate/wizard/a.cpp", "#include <vector>", "no row for 'wizard'"),
        ("cli/a.cpp", '#include "costate/io/internal/x.h"', "only the library itself"),
        ("python/bindings/a.cpp", '#include "costate/exec/kernels/kernels.h"', "only the library itself"),
    ],
)
def test_what_is_an_error(path, line, error):
    assert error in check(path, "#include <vector>", line)


def test_tables_are_read_alike():
    readme = "| `io` | reads → gives | base |\n| `base` | errors | – |\n"
    cmake = "# costate_stage(NAME)\ncostate_stage(base LINK x)\ncostate_stage(io STAGES base\n  PRIVATE_LINK ZLIB)\n"
    assert check_layers.layer_table(readme) == check_layers.cmake_table(cmake) == {"io": {"base"}, "base": set()}


def test_types_are_known_by_their_namespaces():
    text = (
        "namespace costate {\nnamespace internal {\nclass Ahead;\n}\n\nnamespace {\nstruct Own {\n};\n}  // namespace\n"
        "template <class T>\nstruct Bound : Base<T> {\n  struct Inner {\n  };\n};\nenum class Kind { kOne };\n"
        "}  // namespace costate\nnamespace costate::internal {\nclass Named final {\n"
    )
    assert check_layers.types_of(text) == ["costate::Bound", "costate::Kind", "costate::internal::Named"]


FUNCTIONS = """\
#define LOOP(x) do { \\
  if (x) {} } while (0)
namespace a {
struct Point { double x = 0; };
constexpr Point kOrigin{.x = 1};
const char* text = "f() {";
template <class T = int>
T wrapped(int first,  // f() {
          std::function<void(int)> second = {}) {
  const auto lambda = [](int x) { return x; };
  struct Local { int g() { return 1'000; } };
  for (;;) {
  }
}
class Counter {
 public:
  Counter(int start) : start_{start}, name_("{") {
    check();
  }
  int next() const { return start_ + 1; }
  Counter& operator=(const Counter& other) = default;
  bool operator==(const Counter& other) const {
    return true;
  }
 private:
  int start_{0};
};
const std::vector<int> kRows = {f(1), f(2)};
}  // namespace a
"""


def test_functions_are_found_with_their_lengths():
    assert sizes.functions(FUNCTIONS) == [(7, 8), (17, 3), (20, 1), (22, 3)]


def test_long_functions_and_files_are_errors():
    body = "int f(int x) {\n" + "  x += 1;\n" * 119 + "}\n"
    (length,) = [size for _, size in sizes.functions(body)]
    assert length == 121
    assert "f.cpp:1 has 121 lines" in sizes.too_long({"f.cpp": 121}, {"f.cpp:1": length})[0]
    assert "the limit is 1000" in sizes.too_long({"f.cpp": 1001}, {})[0]
    assert sizes.too_long({"f.cpp": 1000}, {"f.cpp:1": 120}) == []


def test_percentiles():
    assert sizes.percentile(list(range(1, 11)), 0.9) == 10
    assert sizes.percentile([3, 1, 2], 0.5) == 2
    assert sizes.percentile([], 0.5) == 0


def test_nothing_that_a_program_wrote_astray_is_tracked():
    """A folder called --help of 18 MB of inputs was, once."""
    root = pathlib.Path(__file__).resolve().parent.parent
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and the repository")
    tracked = listed.stdout.split("\0")[:-1]
    assert [name for name in tracked if name.startswith("-") or (root / name).stat().st_size > 1 << 20] == []


def test_every_python_file_of_the_repository_parses():
    """Those that need PyTorch or JAX are imported by no test where these are not installed."""
    files = [file for folder in ("python", "tools", "tests", "bench", "examples", "findings") for file in (ROOT / folder).rglob("*.py")]
    assert ROOT / "python/costate/jax/_operation.py" in files
    for file in files:
        compile(file.read_text(encoding="utf-8"), file, "exec")
