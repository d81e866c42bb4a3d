"""SciPy's side: solve_ivp(DOP853), one sample after the other (a share of them, scaled up). usage: scipy_side.py NUMBER SECONDS"""

import json
import sys
import time

from data import ensemble, lotka_volterra
from scipy.integrate import solve_ivp

SHARE = 50  # one in so many is solved for the time


def main():
    number = int(sys.argv[1])
    z0, rates = ensemble(number)
    start = time.perf_counter()
    for z, p in zip(z0[::SHARE], rates[::SHARE]):
        solve_ivp(lambda t, z: lotka_volterra(z, p), (0, 10), z, method="DOP853", rtol=1e-8, atol=1e-8)
    ms = 1e3 * (time.perf_counter() - start) * number / len(z0[::SHARE])
    print(json.dumps({"sum": None, "ms": [ms, ms, ms]}))


if __name__ == "__main__":
    main()
