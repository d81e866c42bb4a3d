"""What the peers' sides of the benchmarks share. bench/run.py puts this folder on PYTHONPATH; whoever runs a side alone has to, too."""

import time

import numpy as np


def timed(work, seconds):
    """Milliseconds of work(), which returns when all is done: median and quartiles of at least five calls in at least so many seconds,
    after one call that is not counted.
    """
    work()
    samples = []
    begin = time.perf_counter()
    while len(samples) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        work()
        samples.append(1e3 * (time.perf_counter() - start))
    return [float(np.percentile(samples, q)) for q in (50, 25, 75)]
