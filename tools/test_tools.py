"""The structure checks can fail: each rule is broken once here."""

import check_layers
import sizes

TABLE = {"base": set(), "graph": {"base"}, "io": {"base"}, "solve": {"graph"}}


def test_a_stage_includes_what_its_row_reaches():
    assert check_layers.check_file("costate/solve/a.h", '#include "costate/base/error.h"\n', TABLE) == []


def test_an_upward_include_is_an_error():
    errors = check_layers.check_file("costate/graph/a.h", '#include "costate/solve/solve.h"\n', TABLE)
    assert "must not include costate/solve/solve.h" in errors[0]


def test_a_door_must_not_see_internals():
    errors = check_layers.check_file("cli/a.cpp", '#include "costate/io/internal/x.h"\n', TABLE)
    assert "internal" in errors[0]


def test_core_stages_use_no_formats():
    assert check_layers.check_file("costate/graph/a.cpp", "#include <fmt/format.h>\n", TABLE)
    assert not check_layers.check_file("costate/io/a.cpp", "#include <fmt/format.h>\n", TABLE)


def test_tables_are_read_alike():
    readme = "| `io` | reads → gives | base |\n| `base` | errors | – |\n"
    cmake = "costate_stage(base LINK x)\ncostate_stage(io STAGES base)\n"
    assert check_layers.layer_table(readme) == check_layers.cmake_table(cmake)


def test_function_lengths_are_counted():
    body = "int f(int x) {\n" + "  x += 1;\n" * 130 + "}\n"
    assert sizes.functions(body) == [(1, 132)]
