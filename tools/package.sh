#!/usr/bin/env bash
# Builds the Debian packages of Costate into build/package/packages: costate_*.deb and libcostate-dev_*.deb. Two runs on one commit
# give the same bytes, in whatever folder: no time, path or order of the machine goes into them.
#
#   tools/package.sh
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install_deps.sh deb
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH CCACHE_BASEDIR="$PWD"
cmake --preset package >/dev/null
cmake --build --preset package
python3 tools/sbom.py build/package build/package/costate.spdx.json
cmake -E rm -rf build/package/packages
(umask 022 && cd build/package && cpack >/dev/null)
sha256sum build/package/packages/*.deb
