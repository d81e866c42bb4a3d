#!/usr/bin/env bash
# Installs the build tree given as $1 into a fresh prefix, then builds and runs the program beside this script against it, by
# find_package(Costate) and by pkg-config: what a user does.
set -euo pipefail
build_dir=$(realpath "${1:?usage: run.sh BUILD_DIR}")
cd "$(dirname "$0")"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build_dir" --prefix "$scratch/prefix" >/dev/null
cmake -S . -B "$scratch/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$scratch/prefix" >/dev/null
cmake --build "$scratch/build"
"$scratch/build/consumer"

pc=$(find "$scratch/prefix" -name costate.pc)
export PKG_CONFIG_PATH=${pc%/*}
# shellcheck disable=SC2046
c++ -std=c++20 main.cpp $(pkg-config --cflags --libs costate) -o "$scratch/by_pkg_config"
[ "$("$scratch/by_pkg_config")" = "$("$scratch/build/consumer")" ]
[ "$(pkg-config --modversion costate)" = "$("$scratch/prefix/bin/costate" --version | cut -d' ' -f2)" ]
