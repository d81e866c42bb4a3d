#!/usr/bin/env python3
"""Derives the dense output of dopri8 and prints it for costate/solve/methods/internal/dopri8.h.

The 13 stages of RK8(7)13M and the closing stage f(t + h, y1) support y(t + theta h) of order 6 only at
theta = 1/2 -+ 1/sqrt(28). Two extra stages there and a third at 1/2, each of order 6, make the order conditions up to
order 7 solvable for every theta, with one degree of freedom left in each power of theta. It is spent on slopes equal to
the first and the closing stage at the two ends, then on the smallest defect in the order conditions of order 8.
Needs mpmath.
"""

from collections import Counter
from math import factorial

import mpmath as mp

mp.mp.dps = 50

A_ROWS = """
1/18
1/48 1/16
1/32 0 3/32
5/16 0 -75/64 75/64
3/80 0 0 3/16 3/20
29443841/614563906 0 0 77736538/692538347 -28693883/1125000000 23124283/1800000000
16016141/946692911 0 0 61564180/158732637 22789713/633445777 545815736/2771057229 -180193667/1043307555
39632708/573591083 0 0 -433636366/683701615 -421739975/2616292301 100302831/723423059 790204164/839813087 800635310/3783071287
246121993/1340847787 0 0 -37695042795/15268766246 -309121744/1061227803 -12992083/490766935 6005943493/2108947869 393006217/1396673457 123872331/1001029789
-1028468189/846180014 0 0 8478235783/508512852 1311729495/1432422823 -10304129995/1701304382 -48777925059/3047939560 15336726248/1032824649 -45442868181/3398467696 3065993473/597172653
185892177/718116043 0 0 -3185094517/667107341 -477755414/1098053517 -703635378/230739211 5731566787/1027545527 5232866602/850066563 -4093664535/808688257 3962137247/1805957418 65686358/487910083
403863854/491063109 0 0 -5068492393/434740067 -411421997/543043805 652783627/914296604 11173962825/925320556 -13158990841/6184727034 3936647629/1978049680 -160528059/685178525 248638103/1413531060 0
14005451/335480064 0 0 0 0 -59238493/1068277825 181606767/758867731 561292985/797845732 -1041891430/1371343529 760417239/1151165299 118820643/751138087 -528747749/2220607170 1/4
"""
CLOSING = 13  # index of the stage f(t + h, y1)
LOW_ORDER = (1, 2, 3, 4)  # stages of too low an order to be used after the sixth stage, as in b
DEGREE = 7


def ratio(text):
    top, _, bottom = text.partition("/")
    return mp.mpf(int(top)) / int(bottom or 1)


def trees(size, cache={1: [()]}):
    """All rooted trees with `size` nodes, each the sorted tuple of its root's subtrees."""
    if size not in cache:
        found = set()

        def extend(left, children):
            if left == 0:
                found.add(tuple(sorted(children)))
            for part in range(1, left + 1):
                for child in trees(part):
                    extend(left - part, [*children, child])

        extend(size - 1, [])
        cache[size] = sorted(found)
    return cache[size]


def nodes(tree):
    return 1 + sum(map(nodes, tree))


def density(tree):
    return nodes(tree) * mp.fprod(map(density, tree))


def symmetry(tree):
    return mp.fprod(factorial(count) * symmetry(child) ** count for child, count in Counter(tree).items())


def trees_up_to(order):
    return [tree for size in range(1, order + 1) for tree in trees(size)]


def elementary_weights(rows, chosen):
    """One row a tree: the weight that each stage gives to it."""
    known = {}

    def weigh(tree):
        if tree not in known:
            value = [mp.mpf(1)] * len(rows)
            for child in tree:
                inner = weigh(child)
                value = [v * mp.fdot(row, inner[: len(row)]) for v, row in zip(value, rows)]
            known[tree] = value
        return known[tree]

    return mp.matrix([weigh(tree) for tree in chosen])


class LeastSquares:
    """Minimum-norm solutions of matrix * x = target. Published digits end at 1e-18: tiny singular values are noise."""

    def __init__(self, matrix):
        self.size = matrix.cols
        self.used = [i for i in range(matrix.cols) if i not in LOW_ORDER]
        used_columns = mp.matrix([[matrix[row, i] for i in self.used] for row in range(matrix.rows)])
        self.u, self.s, self.v = mp.svd_r(used_columns, full_matrices=True)
        self.rank = sum(1 for value in self.s if value > self.s[0] * mp.mpf("1e-14"))

    def solve(self, target):
        answer = mp.zeros(self.v.cols, 1)
        for i in range(self.rank):
            answer += self.v[i, :].T * ((self.u[:, i].T * target)[0] / self.s[i])
        return self.spread(answer)

    def null_vector(self):
        assert self.rank == self.v.cols - 1
        return self.spread(self.v[self.rank, :].T)

    def spread(self, short):
        full = mp.zeros(self.size, 1)
        for i, stage in enumerate(self.used):
            full[stage] = short[i]
        return full


def add_stage(rows, node, order=6):
    chosen = trees_up_to(order)
    matrix = elementary_weights(rows, chosen)
    target = mp.matrix([node ** nodes(tree) / density(tree) for tree in chosen])
    weights = LeastSquares(matrix).solve(target)
    assert mp.norm(matrix * weights - target, mp.inf) < mp.mpf("1e-17")
    return [*rows, list(weights)]


def order_seven_solution(rows):
    """Coefficient columns of theta^1 .. theta^7 before the freedom is spent, and the direction that is free."""
    chosen = trees_up_to(7)
    matrix = elementary_weights(rows, chosen)
    system = LeastSquares(matrix)
    columns = []
    for power in range(1, DEGREE + 1):
        target = mp.matrix([1 / density(tree) if nodes(tree) == power else 0 for tree in chosen])
        column = system.solve(target)
        assert mp.norm(matrix * column - target, mp.inf) < mp.mpf("1e-14")
        columns.append(column)
    columns[0] = mp.matrix([1 if i == 0 else 0 for i in range(len(rows))])
    return columns, system.null_vector()


def spend_freedom(rows, columns, free):
    """Adds multiples of `free` to the columns of theta^2 .. theta^7: ends exactly, order-8 defect by least squares."""
    chosen = trees(8)
    scale = [symmetry(tree) for tree in chosen]
    weights = elementary_weights(rows, chosen)
    amounts = DEGREE - 1
    powers = range(1, DEGREE + 1)
    normal, right = mp.zeros(amounts + 2), mp.zeros(amounts + 2, 1)
    push = weights * free
    for step in range(1, 41):
        theta = mp.mpf(step) / 41
        plain = mp.zeros(len(rows), 1)
        for power in powers:
            plain += columns[power - 1] * theta**power
        reached = weights * plain
        for k, tree in enumerate(chosen):
            defect = (reached[k] - theta**8 / density(tree)) / scale[k]
            slope = [push[k] / scale[k] * theta**power for power in powers[1:]]
            for i in range(amounts):
                right[i] -= slope[i] * defect
                for j in range(amounts):
                    normal[i, j] += slope[i] * slope[j]
    final = mp.matrix([*rows[CLOSING], *[0] * (len(rows) - CLOSING)])
    closing = mp.matrix([1 if i == CLOSING else 0 for i in range(len(rows))])
    for i in range(amounts):
        for k, factor in enumerate((1, i + 2)):
            normal[i, amounts + k] = normal[amounts + k, i] = factor
    for column, power in zip(columns, powers):
        final -= column
        closing -= column * power
    right[amounts] = (free.T * final)[0]
    right[amounts + 1] = (free.T * closing)[0]
    amount = mp.lu_solve(normal, right)
    return [columns[0], *[columns[i + 1] + free * amount[i] for i in range(amounts)]]


def close_ends(rows, columns):
    """Moves the last two columns by the noise (1e-12) that is left in y(t + h) = y1 and y'(t + h) = k_closing."""
    value = mp.matrix([*rows[CLOSING], *[0] * (len(rows) - CLOSING)])
    slope = mp.matrix([1 if i == CLOSING else 0 for i in range(len(rows))])
    for power, column in enumerate(columns, start=1):
        value -= column
        slope -= column * power
    assert mp.norm(value, mp.inf) < mp.mpf("1e-11") and mp.norm(slope, mp.inf) < mp.mpf("1e-11")
    last = slope - value * (DEGREE - 1)
    return [*columns[:-2], columns[-2] + value - last, columns[-1] + last]


def show(name, values):
    print(f"  static constexpr Number {name}[] = {{")
    for row in values:
        print("      " + ", ".join("0" if v == 0 else mp.nstr(v, 21) + "L" for v in row) + ",")
    print("  };")


def main():
    rows = [[], *[[ratio(entry) for entry in line.split()] for line in A_ROWS.split("\n") if line]]
    half, offset = mp.mpf(1) / 2, 1 / mp.sqrt(28)
    extra_nodes = [half - offset, half + offset, half]
    first, second = (add_stage(rows, node)[-1] for node in extra_nodes[:2])
    rows = add_stage([*rows, first, [*second, mp.mpf(0)]], extra_nodes[2])
    columns = close_ends(rows, spend_freedom(rows, *order_seven_solution(rows)))
    show("extra_c", [extra_nodes])
    show("extra_a", rows[CLOSING + 1 :])
    show("dense", [[column[i] for column in columns] for i in range(len(rows))])


if __name__ == "__main__":
    main()
