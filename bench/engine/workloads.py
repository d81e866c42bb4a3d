"""The workloads of bench/run.py, for all sides; Costate's own are those of the same names in cli/bench_workloads.cpp."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    """A tanh net of these widths as a field, its batch of starts, and how it is solved to the last of even times in [0, end]."""

    text: str
    seed: int
    widths: tuple
    batch: int
    state: int
    end: float = 1
    num_times: int = 2
    tolerances: tuple = ()  # rtol and atol of dopri5
    steps: int = 0  # of rk4 in their place
    is_cubed: bool = False  # the net reads z³
    is_flow: bool = False  # of (z, log density), by the exact trace


WORKLOADS = {
    "spiral": Workload("2-50-2 tanh on z³, batch 20, 10 times in [0, 1], dopri5 1e-4/1e-6", 1, (2, 50, 2), 20, 2, num_times=10,
                       tolerances=(1e-4, 1e-6), is_cubed=True),
    "single": Workload("2-64-64-2 tanh, batch 1, 100 times in [0, 10], dopri5 1e-6", 2, (2, 64, 64, 2), 1, 2, end=10, num_times=100,
                       tolerances=(1e-6, 1e-6)),
    "mlp128": Workload("16-128-128-16 tanh, batch 512, [0, 1], dopri5 1e-4", 3, (16, 128, 128, 16), 512, 16, tolerances=(1e-4, 1e-4)),
    "rk4": Workload("the same net, 100 rk4 steps", 3, (16, 128, 128, 16), 512, 16, steps=100),
    "medium": Workload("64-256-256-64 tanh, batch 1024, 20 rk4 steps", 4, (64, 256, 256, 64), 1024, 64, steps=20),
    "cnf2d": Workload("2-D flow, exact trace, net 3-64-64-64-2, batch 512, dopri5 1e-5, −mean log p", 5, (3, 64, 64, 64, 2), 512, 2,
                      tolerances=(1e-5, 1e-5), is_flow=True),
}
