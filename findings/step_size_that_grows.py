"""What step_size_that_grows.sh runs: y' = -y from 1, by implicit and explicit methods with steps that are given."""

import sys
import warnings

import desolver
import numpy as np

TOLERANCE = 1e-8
STEPS = [0.1, 0.01, 0.001]
GROWING = ["BackwardEuler", "ImplicitMidpoint", "CrankNicolson", "GaussLegendre4", "RadauIA3"]


def solve(method: str, step: float) -> dict:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        system = desolver.OdeSystem(
            lambda t, y: -y, y0=np.array([1.0]), t=(0, 1), dt=step, rtol=TOLERANCE, atol=TOLERANCE, dense_output=False
        )
        system.method = method
        system.integrate()
    return {
        "is_adaptive": bool(system.integrator.is_adaptive),
        "steps": len(system.t) - 1,
        "longest": float(np.diff(system.t).max()),
        "error": float(abs(system.y[-1][0] - np.exp(-1))),
        "success": bool(system.success),
        "warnings": sum(issubclass(w.category, (UserWarning, RuntimeWarning)) for w in caught),
    }


def main() -> int:
    as_seen = True
    for method in [*GROWING, "Euler", "RK4", "RadauIIA5"]:
        for step in STEPS:
            found = solve(method, step)
            print(f"{method:17s} step {step:<6g}", ", ".join(f"{name} {value:.3g}" for name, value in found.items()))
            as_seen &= found["success"] and found["warnings"] == 0
            if method in GROWING:
                as_seen &= not found["is_adaptive"] and found["steps"] < 20 and found["longest"] > 3 * step
                as_seen &= found["error"] > 100 * TOLERANCE
            elif method == "RadauIIA5":
                as_seen &= found["is_adaptive"] and found["error"] < TOLERANCE
            else:
                as_seen &= not found["is_adaptive"] and found["steps"] == round(1 / step)
    print("as seen before" if as_seen else "NOT as seen before")
    return 0 if as_seen else 1


if __name__ == "__main__":
    sys.exit(main())
