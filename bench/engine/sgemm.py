#!/usr/bin/env python3
"""What the BLAS of PyTorch gives on one core at the sizes of a layer: [m, k] times [k, n], f32. Prints one JSON object.

usage: sgemm.py SECONDS
"""

import json
import sys
import time

import torch

torch.set_num_threads(1)


def rate(m, k, n, seconds):
    a, b, c = torch.rand(m, k), torch.rand(k, n), torch.empty(m, n)
    best = float("inf")
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        begin = time.perf_counter()
        for _ in range(20):
            torch.mm(a, b, out=c)
        best = min(best, (time.perf_counter() - begin) / 20)
    return 2 * m * k * n / best / 1e9


def main():
    seconds = max(0.05, float(sys.argv[1]))
    print(json.dumps({f"{m} × {k} × {n}": rate(m, k, n, seconds) for m, k, n in ((256, 256, 64), (256, 256, 1024))}))


if __name__ == "__main__":
    main()
