"""What smoothing_by_index.sh runs: the oscillator x' = v, v' = -4 x, without noise, at even and at random times."""

import sys
import warnings

import numpy as np
import pysindy

TRUE = np.array([[0.0, 0.0, 1.0], [0.0, -4.0, 0.0]])  # of 1, x and v in x' and v'
DIFFERENTIATION = {"FiniteDifference": pysindy.FiniteDifference, "SmoothedFiniteDifference": pysindy.SmoothedFiniteDifference}
# The largest error of the slopes, as a root mean square, and of a coefficient, where they are right; the least where not.
RIGHT = {"slopes": 0.005, "coefficients": 0.01}
WRONG = {"slopes": 100.0, "coefficients": 10.0}


def study(times: np.ndarray, differentiation: type) -> tuple[dict[str, float], np.ndarray, int]:
    states = np.stack([np.cos(2 * times), -2 * np.sin(2 * times)], axis=1)
    slopes = states @ TRUE[:, 1:].T
    model = pysindy.SINDy(
        differentiation_method=differentiation(),
        feature_library=pysindy.PolynomialLibrary(degree=1),
        optimizer=pysindy.STLSQ(threshold=0.05),
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = differentiation()(states, times)
        model.fit(states, t=times)
    coefficients = np.asarray(model.coefficients())
    errors = {
        "slopes": float(np.sqrt(np.mean(np.square(found - slopes)[5:-5]))),
        "coefficients": float(np.abs(coefficients - TRUE).max()),
    }
    return errors, coefficients, len(caught)


def main() -> int:
    rng = np.random.default_rng(0)
    times = {"even": np.linspace(0, 20, 800), "random": np.sort(rng.uniform(0, 20, 800))}
    as_seen = True
    for when, at in times.items():
        for name, differentiation in DIFFERENTIATION.items():
            errors, coefficients, warned = study(at, differentiation)
            print(f"{when} times, {name}: error of the slopes {errors['slopes']:.2g}, warnings {warned}, coefficients")
            print("   ", np.array2string(coefficients, precision=4, suppress_small=True).replace("\n", "\n    "))
            is_wrong = when == "random" and name == "SmoothedFiniteDifference"
            limits = WRONG if is_wrong else RIGHT
            as_seen &= warned == 0
            as_seen &= all(errors[key] >= limits[key] if is_wrong else errors[key] <= limits[key] for key in limits)
    print("as seen before" if as_seen else "NOT as seen before")
    return 0 if as_seen else 1


if __name__ == "__main__":
    sys.exit(main())
