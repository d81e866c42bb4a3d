#!/usr/bin/env bash
# Installs what building and testing Costate needs on Debian 12: packages by apt (as root or with sudo) and a Python
# environment in .venv. Does nothing, fast, where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(build-essential cmake ninja-build ccache
  python3 python3-dev python3-venv
  libhwy-dev libtbb-dev libeigen3-dev libsundials-dev
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libspdlog-dev libfmt-dev zlib1g-dev
  libgtest-dev librapidcheck-dev libbenchmark-dev gnuplot-nox dataset-fashion-mnist)

fail() {
  echo "install_deps.sh: $1" >&2
  exit 1
}

command -v apt-get >/dev/null || fail "needs Debian's apt-get; elsewhere install by hand: ${packages[*]}."

installed=$(dpkg-query -W -f='${Package} ${Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qx "$package install ok installed" <<<"$installed" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "needs root or sudo to install ${missing[*]}."
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq || fail "apt-get update failed; is the machine online?"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install ${missing[*]}; is the machine online?"
fi

# Debian's Python, whose headers are installed above, and not another one that comes first on PATH.
python=/usr/bin/python3
requirements=tools/requirements.txt
stamp=.venv/requirements.stamp
wanted=$("$python" --version && cat "$requirements")
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || ! .venv/bin/python -c '' 2>/dev/null; then
  echo "Making the Python environment .venv"
  "$python" -m venv --clear .venv || fail "$python could not make .venv."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
    fail "pip could not install $requirements; is the machine online?"
  echo "$wanted" >"$stamp"
fi
