#!/usr/bin/env bash
# Shows four named Runge-Kutta methods in public packages whose tables do not have the order of their name.
#
# A table has order p if it meets one condition for each rooted tree of at most p nodes (Butcher). The program computes them all
# and compares with what each package says of its methods:
#
#   desolver, RadauIIA3   order 3 by its name, 1 by its table: the last weight of the second stage is 1/3
#                         where the method has 1/4, so that the row sums to 13/12 and not to its time, 1
#   nodepy, Lambert65     six stages, order 5; 2 by its table: the third row is (1/8, 1/8), of another method, where Lawson's has
#                         (3/16, 1/16). Its own order() says 2
#   nodepy, SS3           "Sharp-Smart RK3(2)4": the method has order 2 and the companion 3, the wrong way round
#   nodepy, SSP53         order 3 but for its digits: the weights sum to 1 + 3.2e-10, so that no step size brings the error of
#                         y' = 1 below 3.2e-10. Its own order() says 0
#
# Seven others of the two, which the program computes beside them, have the order of their name.
#
# Runs desolver 5.1.0 and nodepy 1.1.1 with numpy 2.4.6, scipy 1.17.1 and sympy 1.14.0, and fails if that is no longer so.
# (nodepy needs six and networkx, which it does not ask for.) Needs Python 3.11 or later, the network and, while it runs,
# 500 MB of disk; a minute.
set -euo pipefail
cd "$(dirname "$0")"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
  desolver==5.1.0 autoray==0.11.0 nodepy==1.1.1 six==1.17.0 networkx==3.6.1 sympy==1.14.0 matplotlib==3.11.2 numpy==2.4.6 scipy==1.17.1
"$environment/bin/python" tables_below_their_order.py
