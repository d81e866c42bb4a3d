"""Neural ordinary differential equations at native speed.

Write a right-hand side for one sample's state, on costate Arrays; the engine runs it over batches:

>>> import costate, numpy as np
>>> pendulum = lambda t, z: costate.stack([z[1], -costate.sin(z[0])])
>>> starts = np.array([[0.1, 0.0], [1.0, 0.0], [2.0, 0.0]])
>>> solution = costate.solve(pendulum, starts, np.linspace(0, 10, 101))
>>> solution.states.shape
(3, 101, 2)

A solve is an operation like any other, and can be differentiated:

>>> rate = costate.Parameter("rate", [0.5])
>>> loss = costate.trace(lambda z0: costate.sum(costate.solve(lambda t, z: -rate * z, z0, [0.0, 1.0])[1]), {"z0": (1,)})
>>> gradient = costate.compile(costate.value_and_grad(loss, wrt=[rate]))
>>> value, by_rate = gradient(np.ones((1, 1)))
>>> bool(np.allclose(by_rate, -np.exp(-0.5), atol=1e-5))
True
"""

import typing

from costate import _calls, _core

_calls.check_calls()
from costate import _copies, _hints, _numpy  # noqa: E402

_numpy.dispatch_numpy()
_copies.refuse_copies()
_hints.hint_at_attributes()
from costate import _run  # noqa: E402
from costate._core import *  # noqa: E402, F403
from costate._core import __version__, abs, max, min, sum  # noqa: A004, E402, F401
from costate._forecast import Forecast  # noqa: E402
from costate._run import Run  # noqa: E402

if typing.TYPE_CHECKING:
    from costate._regressor import NeuralODERegressor as NeuralODERegressor

_run.show_in_notebooks()


def __getattr__(name):
    if name == "NeuralODERegressor":  # needs scikit-learn
        from costate._regressor import NeuralODERegressor

        return NeuralODERegressor
    raise _hints.missing_in_module(name)


__all__ = ["Forecast", "Run", "__version__", *(name for name in vars(_core) if not name.startswith("_"))]
