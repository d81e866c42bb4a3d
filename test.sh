#!/usr/bin/env bash
# Installs what is missing, builds, runs every test: ctest for C++, pytest for Python.
set -euo pipefail
cd "$(dirname "$0")"

tools/install_deps.sh
cmake --preset release >/dev/null
cmake --build --preset release
ctest --preset release

.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps .
.venv/bin/python -m pytest -q python/tests tools
