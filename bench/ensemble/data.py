"""Starts and parameters of the ensemble: shares of the way through fixed ranges, as in costate_side.cpp."""

import numpy as np


def ensemble(number):
    low = np.array([0.5, 0.5, 1.0, 0.8, 2.5, 0.8])
    high = np.array([2.0, 2.0, 2.0, 1.2, 3.5, 1.2])
    i = np.arange(number)[:, None]
    k = np.arange(6)[None, :]
    share = ((i * (2 * k + 3) * 7919 + 104729 * k) % 9973) / 9973
    values = low + (high - low) * share
    return values[:, :2], values[:, 2:]


def lotka_volterra(z, p):
    meetings = z[0] * z[1]
    return p[0] * z[0] - p[1] * meetings, p[3] * meetings - p[2] * z[1]
