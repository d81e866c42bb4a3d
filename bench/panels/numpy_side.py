"""NumPy's side: assembly and solve of the vortex panels of an airfoil by the formulas of costate/models/panel_flow.cpp, with
scipy.linalg's LU. usage: numpy_side.py PANELS SECONDS"""

import json
import sys

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from side import timed

ANGLE = 0.05


def outline(panels):
    """The same numbers as in costate_side.cpp."""
    i = np.arange(panels + 1)
    x = (1 + np.cos(2 * np.pi * i / panels)) / 2
    x[[0, -1]] = 1
    return x, np.where(2 * i <= panels, 0.18, -0.12) * np.sqrt(x) * (1 - x)


class Panels:
    def __init__(self, panels):
        self.n = n = panels
        i = np.arange(n)
        self.ends = np.zeros((n, n))
        self.ends[i, (i + 1) % n] = 1
        self.touches = self.ends + np.eye(n)
        self.apart = 1 - self.touches

    def lift(self, x, y):
        n = self.n
        dx, dy = np.diff(x), np.diff(y)
        square = dx * dx + dy * dy
        length = np.sqrt(square)
        ux, uy = (dx / square)[:, None], (dy / square)[:, None]
        px, py = x[None, :n] - x[:n, None], y[None, :n] - y[:n, None]
        tx, ty = px * ux + py * uy, py * ux - px * uy
        before, y_square = tx - 1, ty * ty
        to_end = before * before + y_square + self.ends
        theta = np.arctan2(-ty, tx * before + y_square + self.touches)
        twice_d, log_square = np.log1p((tx + before) * self.apart / to_end), np.log(to_end)
        y_theta, log_length = ty * theta, np.log(length)[:, None]
        whole = 0.5 * (tx * twice_d + log_square) - y_theta + log_length - 1
        twice_end = 0.5 * ((tx * tx - y_square) * twice_d + log_square) + log_length - tx * (2 * y_theta + 1) - 0.5
        scale = (length / (4 * np.pi))[:, None]
        of_end = scale * twice_end
        matrix = np.zeros((n + 2, n + 2))
        matrix[:n, :n] = (2 * scale * whole - of_end).T
        matrix[:n, 1:n + 1] += of_end.T
        matrix[:n, n + 1] = -1
        matrix[n, [0, n]] = 1
        matrix[n + 1, [0, 1, 2, n, n - 1, n - 2]] = 1, -2, 1, -1, 2, -1
        side = np.zeros(n + 2)
        side[:n] = x[:n] * np.sin(ANGLE) - y[:n] * np.cos(ANGLE)
        speed = lu_solve(lu_factor(matrix, overwrite_a=True, check_finite=False), side, check_finite=False)[:n + 1]
        return np.sum((speed[:-1] + speed[1:]) * length)


def main():
    number, seconds = int(sys.argv[1]), float(sys.argv[2])
    x, y = outline(number)
    panels = Panels(number)
    lift = panels.lift(x, y)
    print(json.dumps({"lift": lift, "ms": timed(lambda: panels.lift(x, y), seconds)}))


if __name__ == "__main__":
    main()
