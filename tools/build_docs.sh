#!/usr/bin/env bash
# Builds the documentation's site into build/docs/site, with MkDocs in an environment of its own and Debian's doxygen for the C++ reference. Its API
# page is that of the costate that is installed in .venv (./test.sh installs it), or that PYTHONPATH names.
#
#   tools/build_docs.sh
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-.venv/bin/python}
"$python" -c 'import costate' 2>/dev/null || {
  echo "build_docs.sh: $python cannot import costate; run ./test.sh, or 'pip install .' in an environment and name it with PYTHON." >&2
  exit 1
}
command -v doxygen >/dev/null || {
  echo "build_docs.sh: needs doxygen for the C++ reference: apt-get install --no-install-recommends doxygen." >&2
  exit 1
}
environment=build/docs/environment
if ! "$environment/bin/python" -c 'import mkdocs' 2>/dev/null; then
  "$python" -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check 'mkdocs>=1.6,<2'
fi
"$python" tools/lay_out_docs.py build/docs/pages
doxygen tools/Doxyfile
"$environment/bin/mkdocs" build --quiet --strict
echo "build/docs/site/index.html"
