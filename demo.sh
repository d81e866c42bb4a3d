#!/usr/bin/env bash
# Fits a neural ODE to the Hudson's Bay Company's hare and lynx pelts of 1900-1920, holds out the last years, forecasts
# them and writes a report to open. Installs and builds what is missing first.
set -euo pipefail
cd "$(dirname "$0")"

tools/install_deps.sh build
cmake --preset release -DCOSTATE_BUILD_TESTS=OFF -DCOSTATE_BUILD_EXPERIMENTS=OFF >/dev/null
cmake --build --preset release --target costate_cli

costate=build/release/cli/costate
run=runs/hare-lynx
"$costate" fit examples/data/hare_lynx.csv --time year --state hare,lynx --hold-out 20% --seed 1 --out "$run" --replace
"$costate" forecast "$run" --until 1930
