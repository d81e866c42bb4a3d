#!/usr/bin/env bash
# Installs what is missing, builds, runs every test: ctest for C++, pytest for Python. Fails if either does.
set -euo pipefail
cd "$(dirname "$0")"

export CCACHE_BASEDIR="$PWD"
export COSTATE_ONNX_PYTHON="${COSTATE_ONNX_PYTHON:-$PWD/.venv/bin/python}"
tools/install_deps.sh
cmake --preset release >/dev/null
cmake --build --preset release
# By the compiler's name, the paths and the CMake of the build above, so that ccache serves what that has compiled already: FMPy brings a
# CMake of its own into .venv, which scikit-build-core would take, and whose flags stand in another order.
CMAKE_EXECUTABLE=$(command -v cmake) CXX=c++ .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps .

result=0
ctest --preset release || result=1
.venv/bin/python -m pytest -q --numprocesses 2 --dist worksteal tools tests/cli python/tests || result=1
exit $result
