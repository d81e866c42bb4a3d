"""What tables_below_their_order.sh runs: order conditions of Butcher tables, and one step with each to see what follows."""

import functools
import sys

import desolver
import nodepy.runge_kutta_method
import numpy as np

HIGHEST = 8
TOLERANCE = 1e-12


@functools.cache
def trees(nodes: int) -> tuple:
    """The rooted trees of that many nodes, each the sorted tuple of its branches."""

    def forests(left: int, largest: int):
        if left == 0:
            yield ()
        for size in range(min(left, largest), 0, -1):
            for tree in trees(size):
                for others in forests(left - size, size):
                    yield (tree, *others)

    return tuple({tuple(sorted(forest, key=repr)) for forest in forests(nodes - 1, nodes - 1)})


def size(tree: tuple) -> int:
    return 1 + sum(size(branch) for branch in tree)


def density(tree: tuple) -> int:
    return size(tree) * int(np.prod([density(branch) for branch in tree]))


def weight(tree: tuple, a: np.ndarray) -> np.ndarray:
    product = np.ones(len(a))
    for branch in tree:
        product = product * (a @ weight(branch, a))
    return product


def order(a: np.ndarray, b: np.ndarray) -> int:
    for p in range(1, HIGHEST + 1):
        if any(abs(b @ weight(tree, a) - 1 / density(tree)) > TOLERANCE for tree in trees(p)):
            return p - 1
    return HIGHEST


def observed(a: np.ndarray, b: np.ndarray) -> float:
    """The order that y' = cos(t) y shows in one step: its error there is of order p + 1."""

    def error(h: float) -> float:
        rates = np.diag(np.cos(h * a.sum(axis=1)))  # stages stand where their rows sum to
        slopes = np.linalg.solve(np.eye(len(a)) - h * rates @ a, rates @ np.ones(len(a)))
        return abs(1 + h * b @ slopes - np.exp(np.sin(h)))

    return float(np.log2(error(0.4) / error(0.2)) - 1)


def desolver_table(name: str) -> tuple[np.ndarray, np.ndarray]:
    method = desolver.available_methods(False)[name]
    return np.asarray(method.tableau_intermediate)[:, 1:], np.asarray(method.tableau_final)[0, 1:]


def nodepy_table(name: str, weights: str = "b") -> tuple[np.ndarray, np.ndarray]:
    method = nodepy.runge_kutta_method.loadRKM(name)
    return np.asarray(method.A, dtype=float), np.asarray(getattr(method, weights), dtype=float)


# The table, the order that is said of it, and the one that it was found to have.
CASES = [
    ("desolver RadauIIA3", desolver_table("RadauIIA3"), 3, 1),
    ("desolver RadauIA3", desolver_table("RadauIA3"), 3, 3),
    ("desolver RadauIIA5", desolver_table("RadauIIA5"), 5, 5),
    ("desolver DOPRI45", desolver_table("DOPRI45"), 5, 5),
    ("nodepy Lambert65", nodepy_table("Lambert65"), 5, 2),
    ("nodepy SS3", nodepy_table("SS3"), 3, 2),
    ("nodepy SS3, companion", nodepy_table("SS3", "bhat"), 2, 3),
    ("nodepy SSP53", nodepy_table("SSP53"), 3, 0),
    ("nodepy BuRK65", nodepy_table("BuRK65"), 5, 5),
    ("nodepy SSP33", nodepy_table("SSP33"), 3, 3),
    ("nodepy PD8", nodepy_table("PD8"), 8, 8),
]


def main() -> int:
    as_seen = True
    for name, (a, b), said, seen in CASES:
        found = order(a, b)
        as_seen &= found == seen
        print(f"{name:22s} said {said}, conditions met up to {found}, order of a step {observed(a, b):.2f}", end="")
        print("" if found == said else "   <- not as said")
    rows = desolver_table("RadauIIA3")[0].sum(axis=1)
    excess = nodepy_table("SSP53")[1].sum() - 1
    print(f"RadauIIA3's rows sum to {rows}; SSP53's weights to 1 + {excess:.2g}")
    as_seen &= abs(rows[1] - 13 / 12) < 1e-12 and 1e-10 < excess < 1e-9
    print("as seen before" if as_seen else "NOT as seen before")
    return 0 if as_seen else 1


if __name__ == "__main__":
    sys.exit(main())
