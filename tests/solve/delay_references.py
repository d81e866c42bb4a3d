"""The numbers of tests/solve/delays_test.cpp: SciPy's DOP853 at rtol 3e-14 from lag to lag, each piece reading the dense output of the one before.

    python tests/solve/delay_references.py
"""

import numpy as np
from scipy.integrate import solve_ivp


def solve(f, history, lag, end):
    past, start, z = history, 0.0, np.array([history(0.0)])
    while start < end - 1e-12:
        stop = min(start + lag, end)
        piece = solve_ivp(lambda t, y: [f(y[0], float(np.squeeze(past(t - lag))))], (start, stop), z, method="DOP853", rtol=3e-14, atol=1e-15,
                          max_step=lag / 40, dense_output=True)
        past, start, z = piece.sol, stop, piece.y[:, -1]
    return z[0]


print("Hutchinson, z' = 1.7 z (1 - z(t - 1)), z = 0.5 before, at 10:", repr(solve(lambda z, d: 1.7 * z * (1 - d), lambda t: 0.5, 1.0, 10.0)))
print("Mackey-Glass, z' = 0.2 d / (1 + d^10) - 0.1 z, d = z(t - 17), z = 1.2 before, at 100:",
      repr(solve(lambda z, d: 0.2 * d / (1 + d**10) - 0.1 * z, lambda t: 1.2, 17.0, 100.0)))
