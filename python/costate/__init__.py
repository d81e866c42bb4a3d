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

import importlib
import typing

from costate import _calls, _core

_calls.check_calls()
from costate import _copies, _hints, _numpy  # noqa: E402

_numpy.dispatch_numpy()
_copies.refuse_copies()
_hints.hint_at_attributes()
from costate._core import *  # noqa: E402, F403
from costate._core import __version__, abs, max, min, sum  # noqa: A004, E402, F401

from costate._fan_out import fan_out  # noqa: E402

if typing.TYPE_CHECKING:
    from costate._forecast import Forecast as Forecast
    from costate._regressor import NeuralODERegressor as NeuralODERegressor
    from costate._run import Run as Run

# What an import would wait for, and NeuralODERegressor needs scikit-learn.
_LATER = {"Forecast": "_forecast", "Run": "_run", "NeuralODERegressor": "_regressor"}


def __getattr__(name):
    if name in _LATER:
        return getattr(importlib.import_module(f"costate.{_LATER[name]}"), name)
    raise _hints.missing_in_module(name)


def __dir__():
    return [*globals(), *_LATER]


def _show_fit(fit):
    from costate import _html

    return _html.of_fit(fit)


Fit._repr_html_ = _show_fit  # noqa: F405


__all__ = ["Forecast", "Run", "__version__", "fan_out", *(name for name in vars(_core) if not name.startswith("_"))]
