#!/usr/bin/env bash
# Shows that JAX's own ODE solver gives a number that has nothing to do with the solution, and no sign of it, where it runs out
# of steps.
#
# jax.experimental.ode.odeint takes mxstep, the largest number of steps to take to each time of output. When they are used up it
# does what it does after any last step: it reads its dense output at the time asked for. That polynomial belongs to a
# step which ended far before, and is read outside of it. The result is finite, there is no warning and no flag, and later
# times go on from there. CVODE returns an error there, and diffrax raises one.
#
# y' = -y from 1 to t = 10, rtol = atol = 1e-8: with mxstep = 5 the state at 10 is 62.5, with mxstep = 1 it is 257.5; right is
# 4.5e-5, which the default (no limit) gives. y'' = -100 y, whose solution stays within 1: with mxstep = 20, -3.2e6 at t = 10.
#
# Runs jax 0.10.2 with numpy 2.4.6 on the CPU, and fails if that is no longer so. Needs Python 3.11 or later, the network and,
# while it runs, 700 MB of disk; a minute.
set -euo pipefail
cd "$(dirname "$0")"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
"$environment/bin/python" steps_that_ran_out.py
