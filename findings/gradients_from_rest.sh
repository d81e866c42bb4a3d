#!/usr/bin/env bash
# Shows that the default gradient of other ODE libraries is wrong, without a warning, where a solve starts at rest or
# where part of its state does.
#
# An adaptive solver chooses its steps by the error of the state alone. At rest that error is 0 whatever the step, so
# the steps grow past what the method is stable for. The state does not notice: it stays where it is. The derivative
# does: it is taken through these very steps, each of which multiplies it by a factor far above 1 where it should decay.
# Libraries that take the derivative of the steps ("discretize, then optimize": diffrax's default adjoint and
# torchdiffeq's odeint) return numbers that have nothing to do with the true derivative. Those that solve the adjoint
# equation with steps of its own (BacksolveAdjoint and odeint_adjoint) are right here.
#
# Runs diffrax 0.7.2 (with jax 0.10.2) and torchdiffeq 0.2.5 (with torch 2.13.0) on six small problems, at rtol =
# atol = 1e-6 in f64 and otherwise with their defaults, prints each gradient beside the right one, and fails if one is no
# longer what it was: a right one if it is off by more than 1e-3 of it and 1e-5, a wrong one if it moves by more than the
# factor that its problem states. Nothing of Costate takes part.
#
# Needs Python 3.11 or later, the network and, while it runs, 2 GB of disk (7 GB where pip takes torch with CUDA).
set -euo pipefail
cd "$(dirname "$0")"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
  diffrax==0.7.2 jax==0.10.2 jaxlib==0.10.2 equinox==0.13.8 torchdiffeq==0.2.5 torch==2.13.0 numpy==2.4.6 scipy==1.17.1
JAX_PLATFORMS=cpu "$environment/bin/python" gradients_from_rest.py
