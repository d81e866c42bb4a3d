#!/usr/bin/env bash
# Shows that a step size and a tolerance that a user gives are both left aside, without a warning, by implicit methods of
# desolver that have no error estimate.
#
# desolver lists them as methods of fixed steps (is_adaptive is False), as it does RK4. Yet every implicit method goes through
# the control of steps, which also answers to Newton's iteration. Without a companion method the estimate of the error is 0,
# and so each step is followed by a longer one, for as long as Newton's iteration converges, which it does whatever the step on
# a linear equation.
#
# y' = -y from 1 to t = 1, with steps of 0.001 and rtol = atol = 1e-8: backward Euler takes 9 steps in place of 1000, the
# longest of 0.53, and is off by 0.054 (steps of 0.001 would leave 1.8e-4); `success` is True. Smaller steps do not help: the
# error is 0.072, 0.049 and 0.054 for 0.1, 0.01 and 0.001. The same with the implicit midpoint rule, Crank-Nicolson,
# Gauss-Legendre and Radau IA. Explicit methods keep to their steps, and implicit ones with a companion (Radau IIA of order 5)
# keep to the tolerance.
#
# Runs desolver 5.1.0 with numpy 2.4.6 and scipy 1.17.1, and fails if that is no longer so. Needs Python 3.11 or later, the
# network and, while it runs, 400 MB of disk; a minute.
set -euo pipefail
cd "$(dirname "$0")"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
  desolver==5.1.0 autoray==0.11.0 numpy==2.4.6 scipy==1.17.1
"$environment/bin/python" step_size_that_grows.py
