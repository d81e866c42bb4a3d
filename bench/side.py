"""What the peers' sides of the benchmarks share. bench/run.py puts this folder on PYTHONPATH; whoever runs a side alone has to, too."""

import contextlib
import os
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


@contextlib.contextmanager
def undisturbed(wanted=True):
    """Real-time priority on a machine that others use, while something is timed; needs root."""
    if not wanted:
        yield
        return
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def fastest(calls, rounds, realtime=False):
    """Milliseconds of the fastest call of each, one after the other in each round: what else runs on a machine comes and goes."""
    best = [float("inf")] * len(calls)
    for call in calls:
        call()
    with undisturbed(realtime):
        for _ in range(rounds):
            for i, call in enumerate(calls):
                begin = time.perf_counter()
                call()
                best[i] = min(best[i], 1e3 * (time.perf_counter() - begin))
    return best
