"""The numbers of tests/support/stiff_problems.h by a third method, for comparison: SciPy's Radau at rtol 1e-12 with exact Jacobians by the complex step.

    python tests/solve/stiff_references.py

Robertson, Van der Pol (mu = 1000, time in units of mu), HIRES, OREGO, E5 and POLLU are those of the Bari test set (Mazzia and Magherini, Test Set for
Initial Value Problem Solvers, 2008), with its spans.
"""

import numpy as np
from scipy.integrate import solve_ivp


def robertson(t, y):
    a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] * y[1]
    return np.array([b - a, a - b - c, c])


def van_der_pol(t, y):
    return np.array([y[1], 1e6 * ((1 - y[0] ** 2) * y[1] - y[0])])


def hires(t, y):
    f = np.empty(8, dtype=y.dtype)
    f[0] = -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007
    f[1] = 1.71 * y[0] - 8.75 * y[1]
    f[2] = -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4]
    f[3] = 8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3]
    f[4] = -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6]
    f[5] = -280 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6]
    f[6] = 280 * y[5] * y[7] - 1.81 * y[6]
    f[7] = -f[6]
    return f


def orego(t, y):
    return np.array([77.27 * (y[1] + y[0] * (1 - 8.375e-6 * y[0] - y[1])), (y[2] - (1 + y[0]) * y[1]) / 77.27, 0.161 * (y[0] - y[2])])



def e5(t, y):
    a, b, c, d = 7.89e-10 * y[0], 1.1e7 * y[0] * y[2], 1.13e9 * y[1] * y[2], 1.13e3 * y[3]
    return np.array([-a - b, a - c, a - b - c + d, b - d])


RATES = [0.35, 0.266e2, 0.123e5, 0.86e-3, 0.82e-3, 0.15e5, 0.13e-3, 0.24e5, 0.165e5, 0.9e4, 0.22e-1, 0.12e5, 0.188e1, 0.163e5, 0.48e7, 0.35e-3,
         0.175e-1, 0.1e9, 0.444e12, 0.124e4, 0.21e1, 0.578e1, 0.474e-1, 0.178e4, 0.312e1]
# Reactions: what goes in and what comes out, species from 1 on.
REACTIONS = [([1], [2, 3]), ([2, 4], [1]), ([5, 2], [1, 6]), ([7], [5, 5, 8]), ([7], [8]), ([7, 6], [5, 8]), ([9], [10, 5, 8]), ([9, 6], [11]),
             ([11, 2], [10, 12, 1]), ([11, 1], [13]), ([13], [11, 1]), ([10, 2], [14, 1]), ([14], [7, 5]), ([1, 6], [15]), ([3], [4]), ([4], [16]),
             ([4], [3]), ([16], [6, 6]), ([16], [3]), ([17, 6], [18, 5]), ([19], [2]), ([19], [1, 3]), ([1, 4], [19]), ([19, 1], [20]), ([20], [19, 1])]


def pollu(t, y):
    f = np.zeros(20, dtype=y.dtype)
    for rate, (taken, made) in zip(RATES, REACTIONS):
        speed = rate * np.prod(y[np.array(taken) - 1])
        for species in taken:
            f[species - 1] -= speed
        for species in made:
            f[species - 1] += speed
    return f


def jacobian(f):
    def columns(t, y):
        return np.stack([np.imag(f(t, y + 1e-30j * unit)) / 1e-30 for unit in np.eye(len(y))], axis=1)
    return columns


POLLU_START = np.zeros(20)
POLLU_START[[1, 3, 6, 7, 8, 16]] = [0.2, 0.04, 0.1, 0.3, 0.01, 0.007]
PROBLEMS = [("robertson", robertson, [1, 0, 0], [40, 1e4, 1e11], 1e-22), ("van_der_pol", van_der_pol, [2, 0], [0.5, 2], 1e-14),
            ("hires", hires, [1, 0, 0, 0, 0, 0, 0, 0.0057], [10, 321.8122], 1e-16), ("orego", orego, [1, 2, 3], [30, 360], 1e-14),
            ("e5", e5, [1.76e-3, 0, 0, 0], [10, 1e3], 1e-24), ("pollu", pollu, POLLU_START, [1, 60], 1e-20)]

if __name__ == "__main__":
    for name, f, y0, times, atol in PROBLEMS:
        found = solve_ivp(f, (0, times[-1]), np.array(y0, dtype=float), method="Radau", t_eval=times, rtol=1e-12, atol=atol, jac=jacobian(f))
        print(name, found.message)
        for t, y in zip(found.t, found.y.T):
            print(f"  t = {t:g}: {', '.join(f'{value:.12e}' for value in y)}")
