#!/usr/bin/env bash
# Installs the build tree given as $1 into a fresh prefix, then configures, builds and runs the project beside this
# script against it: what a user of find_package(Costate) does.
set -euo pipefail
build_dir=$(realpath "${1:?usage: run.sh BUILD_DIR}")
cd "$(dirname "$0")"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build_dir" --prefix "$scratch/prefix" >/dev/null
cmake -S . -B "$scratch/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$scratch/prefix" >/dev/null
cmake --build "$scratch/build"
"$scratch/build/consumer"
