#!/usr/bin/env bash
# Shows that a step which is there to make slopes better makes the equations found from data worthless, without a
# warning, where samples are not evenly spaced in time.
#
# pysindy finds an equation from a measured course by regressing slopes on states. For the slopes it offers
# SmoothedFiniteDifference, which smooths before it takes differences, and takes any increasing times. But its smoother,
# SciPy's Savitzky-Golay filter, is given the values alone: it smooths over the number of a sample, as if all were one
# unit apart. The differences after it do use the times. At random times a course over the number of a sample is rough,
# though it is smooth in time; what the filter takes away there is divided by small time steps.
#
# 800 samples of an oscillator without noise, in 20 units of time: at even times both ways of taking slopes are right. At
# random times plain differences still are (error of the slopes 0.002, of a coefficient 0.002), and smoothed ones are off by
# 600, where the slopes themselves are of order 3; the matrix that should hold 1 and -4 has numbers from -72 to 34.
#
# Runs pysindy 2.1.0 with numpy 2.4.6, scipy 1.17.1 and scikit-learn 1.9.1, and fails if that is no longer so. Needs
# Python 3.11 or later, the network and, while it runs, 500 MB of disk; a minute.
set -euo pipefail
cd "$(dirname "$0")"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
  pysindy==2.1.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
"$environment/bin/python" smoothing_by_index.py
