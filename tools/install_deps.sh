#!/usr/bin/env bash
# Installs what Costate needs on Debian 12 or 13, as root or with sudo. Does nothing, fast, where all is there.
#
#   tools/install_deps.sh build    what the library and the command line need to build and run, by apt
#   tools/install_deps.sh python   also what `pip install .` needs, in an environment of your own
#   tools/install_deps.sh deb      also what tools/package.sh needs
#   tools/install_deps.sh fuzz     also the compiler that brings libFuzzer
#   tools/install_deps.sh          also what the tests, benchmarks and the Python package need, and its environment in .venv
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(build-essential cmake pkgconf ninja-build ccache
  libhwy-dev libtbb-dev libeigen3-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libhowardhinnant-date-dev
  libzip-dev zlib1g-dev libmatio-dev gnuplot-nox)
python_packages=(python3 python3-dev python3-venv)
# SUNDIALS is by far the largest: it brings MPI and PETSc.
test_packages=(libsundials-dev libgtest-dev librapidcheck-dev libbenchmark-dev dataset-fashion-mnist)
# CPack asks `file` which libraries a package needs; the bill of materials is made by Python.
deb_packages=(file python3)
fuzz_packages=(clang-19 libclang-rt-19-dev python3)

fail() {
  echo "install_deps.sh: $1" >&2
  exit 1
}

case "${1:-all}" in
  build) ;;
  python) packages+=("${python_packages[@]}") ;;
  deb) packages+=("${deb_packages[@]}") ;;
  fuzz) packages+=("${fuzz_packages[@]}") ;;
  all) packages+=("${python_packages[@]}" "${test_packages[@]}" "${deb_packages[@]}") ;;
  *) fail "expected 'build', 'python', 'deb', 'fuzz' or nothing; got '$1'." ;;
esac

command -v apt-get >/dev/null || fail "needs Debian's apt-get; elsewhere install by hand: ${packages[*]}."

installed=$(dpkg-query -W -f='${Package} ${Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qx "$package install ok installed" <<<"$installed" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "needs root or sudo to install ${missing[*]}."
    as_root=(sudo)
  fi
  echo "Installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || fail "apt-get update failed; is the machine online?"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install ${missing[*]}; is the machine online?"
fi

[ "${1:-all}" = all ] || exit 0

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
