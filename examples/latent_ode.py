# A latent ODE of 64 points on circles, each seen at 12 irregular times with noise of 0.1: a recurrent encoder reads
# what was seen into the start of a path, a learned field carries it on, a decoder makes points of it.
from typing import Any

import costate
import numpy as np

random = np.random.default_rng(1)
times = np.sort(random.uniform(0, 3, (64, 12)), axis=1)
angles = random.uniform(0, 2 * np.pi, (64, 1)) + times
circles = np.stack([np.cos(angles), np.sin(angles)], axis=2)
seen = circles + 0.1 * random.normal(size=circles.shape)

model = costate.LatentOde(observed=2, latent=2, encoder_units=12, field_hidden=[16], decoder_hidden=[], seed=1)


def minus_elbo(times: Any, x: Any, noise: Any) -> Any:
    return model.loss(costate.Observations(times, x), noise, sd=0.1)


def points(times: Any, x: Any) -> Any:
    return model.predict(model.encode(costate.Observations(times, x)).mean, times)


shapes = {"times": (12,), "x": (12, 2)}
traced = costate.trace(minus_elbo, {**shapes, "noise": (2,)})
program = costate.compile(costate.value_and_grad(traced, wrt=model.parameters))


def evaluate(rows: Any) -> costate.Evaluation:
    return costate.mean_over_batch(*program.run(times[rows], seen[rows], random.normal(size=(len(rows), 2))))


costate.train(model, 64, evaluate, epochs=800, schedule=costate.Schedule(kind="cosine", base=0.02), keep="last")
error = np.sqrt(np.mean((costate.compile(costate.trace(points, shapes))(times, seen)[0] - circles) ** 2))
print(f"points are off by {error:.3f}; what was seen, by 0.100")
assert error < 0.07
