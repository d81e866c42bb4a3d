"""heyoka's side: Taylor's method in batch mode. usage: heyoka_side.py NUMBER SECONDS"""

import json
import sys

import heyoka as hy
import numpy as np
from data import ensemble
from side import timed


def main():
    number, seconds = int(sys.argv[1]), float(sys.argv[2])
    z0, rates = ensemble(number)
    x, y = hy.make_vars("x", "y")
    p = [hy.par[i] for i in range(4)]
    system = [(x, p[0] * x - p[1] * x * y), (y, p[3] * x * y - p[2] * y)]
    width = hy.recommended_simd_size()
    solver = hy.taylor_adaptive_batch(system, np.ones((2, width)), tol=1e-8, pars=np.ones((4, width)))
    end = np.empty((number, 2))

    def run():
        for first in range(0, number, width):
            count = min(width, number - first)
            index = np.minimum(np.arange(first, first + width), number - 1)
            solver.set_time(np.zeros(width))
            solver.state[:] = z0[index].T
            solver.pars[:] = rates[index].T
            solver.propagate_until(10.0)
            end[first : first + count] = solver.state.T[:count]

    ms = timed(run, seconds)
    print(json.dumps({"sum": end.sum(), "ms": ms}))


if __name__ == "__main__":
    main()
