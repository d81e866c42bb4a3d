#!/usr/bin/env bash
# Installs what building and testing Costate needs on Debian 12: packages by apt (as root or with sudo) and a Python
# environment in .venv. Does nothing, fast, where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(build-essential cmake ninja-build ccache pkg-config git
  python3 python3-dev python3-venv
  libhwy-dev libtbb-dev libeigen3-dev libsundials-dev
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libspdlog-dev libfmt-dev zlib1g-dev
  libgtest-dev librapidcheck-dev libbenchmark-dev gnuplot-nox)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install_deps.sh: needs root or sudo to install ${missing[*]}." >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq ||
    { echo "install_deps.sh: apt-get update failed; is the machine online?" >&2; exit 1; }
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    { echo "install_deps.sh: apt-get could not install ${missing[*]}." >&2; exit 1; }
fi

requirements=tools/requirements.txt
stamp=.venv/requirements.stamp
if ! cmp -s "$requirements" "$stamp"; then
  echo "Making the Python environment .venv"
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
    { echo "install_deps.sh: pip could not install $requirements; is the machine online?" >&2; exit 1; }
  cp "$requirements" "$stamp"
fi
