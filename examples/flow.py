# A continuous normalizing flow learns the density of two moons by maximum likelihood. Whatever the weights, what it
# learns is a density: its integral, here a sum over a grid, is 1.
from typing import Any

import costate
import numpy as np

moons = costate.sample_density("moons", 512, seed=1)
net = costate.Mlp(3, [16], 2, seed=1)
flow = costate.Cnf(lambda t, z: net(np.append(z, t)))
minus_log_density = costate.trace(lambda x: -flow.density(x).log_density, {"x": (2,)})
program = costate.compile(costate.value_and_grad(minus_log_density, wrt=net.parameters))


def evaluate(rows: Any) -> costate.Evaluation:
    return costate.mean_over_batch(*program.run(moons[rows]))


schedule = costate.Schedule(kind="cosine", base=0.02)
result = costate.train(net, len(moons), evaluate, epochs=40, batch=128, schedule=schedule)

side = np.arange(-6, 6, 0.1)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
integral = np.exp(-costate.compile(minus_log_density)(grid)[0]).sum() * 0.1**2
first, best = result.history["loss"][0], result.best_loss
print(f"-log density of a moon {first:.2f} at first, {best:.2f} after 40 epochs; integral {integral:.4f}")
assert abs(integral - 1) < 0.01 and best < first - 0.5
