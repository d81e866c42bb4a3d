"""odeint on tensors, the field called from Python: every method, option and callback of torchdiffeq.

Autograd records the steps, so that gradients flow to y0, t and everything that the field uses, exactly for the steps taken.
"""

import warnings

import torch

from costate import _core
from costate._names import nearest
from costate.torch import _adams, _adaptive, _events, _field, _fixed, _implicit, _scipy
from costate.torch._field import CALLBACKS, Field, Structure, Times

# Methods by name, and what torchdiffeq calls their class, in the order of its messages.
METHODS = {"dopri8": "Dopri8Solver", "dopri5": "Dopri5Solver", "tsit5": "Tsit5Solver", "bosh3": "Bosh3Solver", "fehlberg2": "Fehlberg2",
           "adaptive_heun": "AdaptiveHeunSolver", "euler": "Euler", "midpoint": "Midpoint", "heun2": "Heun2", "heun3": "Heun3", "rk4": "RK4",
           "explicit_adams": "AdamsBashforth", "implicit_adams": "AdamsBashforthMoulton", "fixed_adams": "AdamsBashforthMoulton",
           "implicit_euler": "ImplicitEuler", "implicit_midpoint": "ImplicitMidpoint", "trapezoid": "Trapezoid", "radauIIA3": "RadauIIA3",
           "gl4": "GaussLegendre4", "radauIIA5": "RadauIIA5", "gl6": "GaussLegendre6", "sdirk2": "SDIRK2", "trbdf2": "TRBDF2",
           "scipy_solver": "ScipyWrapperODESolver", "vern7": "Vern7", "vern9": "Vern9", "dop853": "Dop853", "ralston": "Ralston"}
_CORE = _core.methods()
ADAPTIVE = tuple(name for name in METHODS if name in _CORE and _CORE[name]["adaptive"] and _CORE[name]["family"] == "explicit")
_ADAMS = ("explicit_adams", "implicit_adams", "fixed_adams")


def check_method(method):
    """The method's name, dopri5 by default. ValueError, with the nearest name, for one that there is not."""
    if method is None:
        return "dopri5"
    if method not in METHODS:
        near = nearest(str(method), METHODS)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise ValueError(f'Invalid method "{method}". Must be one of {{"' + '", "'.join(METHODS) + f'"}}.{hint}')
    return method


def options_of(method):
    """The options that a method takes, and what they are by default."""
    if method in ADAPTIVE:
        return _adaptive.OPTIONS
    if method == "scipy_solver":
        return _scipy.OPTIONS
    if method in _ADAMS:
        return _fixed.OPTIONS | _adams.OPTIONS
    return _fixed.OPTIONS | ({"max_iters": 100} if method in _implicit.METHODS else {})


def check_options(method, options):
    """The options with their defaults; a warning for those that the method does not take."""
    if options is not None and not isinstance(options, dict):
        raise TypeError(f"[odeint] options must be a dict; got {_field.type_of(options)}.")
    known, given = options_of(method), dict(options or {})
    unknown = {key: value for key, value in given.items() if key not in known}
    if unknown:
        near = [f"'{key}': did you mean '{match[0]}'?" for key in unknown if (match := nearest(str(key), known))]
        warnings.warn(f"{METHODS[method]}: Unexpected arguments {unknown}" + "".join(f" {hint}" for hint in near))
    return known | {key: value for key, value in given.items() if key in known}


class Callbacks:
    """The callbacks that a field's object has, called with tensors as torchdiffeq's are."""

    def __init__(self, func, method, structure, time_dtype):
        found = {name: getattr(func, name) for name in CALLBACKS if callable(getattr(func, name, None))}
        known = CALLBACKS if method in ADAPTIVE else () if method == "scipy_solver" else CALLBACKS[:1]
        unused = set(found) - set(known)
        if unused:
            warnings.warn(f"Solver '{method}' does not support callbacks {unused}")
        self.found = {name: callback for name, callback in found.items() if name in known}
        self.structure, self.time_dtype = structure, time_dtype

    def __call__(self, name, t, y, size):
        callback = self.found.get(name)
        if callback is not None:
            t, size = (torch.tensor(x, dtype=self.time_dtype, device=y.device) for x in (t, size))
            callback(t, self.structure.split(y), size)


class Solve:
    """One call of odeint, its arguments checked and its state flat."""

    def __init__(self, func, y0, t, *, rtol=1e-7, atol=1e-9, method=None, options=None, event_fn=None, controller="costate"):
        if event_fn is not None and len(t) != 2:
            raise ValueError(f"We require len(t) == 2 when in event handling mode, but got len(t)={len(t)}.")
        if not callable(func):
            raise TypeError(f"[odeint] func must be a callable f(t, y); got {_field.type_of(func)}.")
        _field.check_state(y0)
        self.structure = Structure(y0)
        self.y0 = self.structure.flatten(y0)
        like = self.structure.widened(self.y0)
        self.tolerances = tuple(_field.tolerance(name, value, self.structure, like) for name, value in (("rtol", rtol), ("atol", atol)))
        self.method = check_method(method)
        if self.method in ADAPTIVE:
            _field.check_tolerances(*self.tolerances)
        self.options = check_options(self.method, options)
        self.given_options, self.controller = options or {}, controller
        if self.method in ADAPTIVE and "controller" not in self.given_options:
            self.options["controller"] = controller
        if self.method != "scipy_solver":
            (_adaptive if self.method in ADAPTIVE else _fixed).check(self.options)
        self.times = Times(t)
        if t.device != self.y0.device:
            warnings.warn("t is not on the same device as y0. Coercing to y0.device.")
            t = t.to(self.y0.device)
            self.times = Times(t)
        self.func, self.given_y0, self.t = func, y0, t
        self.field = Field(func, self.structure, self.y0, self.times.direction)
        clock = t.dtype if self.y0.device.type == "mps" else torch.float64
        self.callbacks = Callbacks(func, self.method, self.structure, clock)
        self.event_fn, self.found = event_fn, None

    def norm(self, flat):
        """The size of a flat state: of a tuple, the largest of its members' root mean squares."""
        norm = self.options["norm"]
        if norm is not None:
            return norm(self.structure.parts(flat))
        return _field.mixed_norm(self.structure.parts(flat)) if self.structure.is_tuple else _field.rms_norm(flat)

    def adaptive(self):
        return _adaptive.Adaptive(self.method, self.options, self.field, self.norm, self.tolerances, self.callbacks)

    def fixed(self):
        options, perturb = self.options, bool(self.options["perturb"])
        if self.method in _implicit.METHODS:
            stepper = _implicit.ImplicitStepper(self.method, self.field, perturb, options["max_iters"])
        elif self.method in _ADAMS:
            stepper = _adams.AdamsStepper(self.field, perturb, self.method != "explicit_adams", self.tolerances,
                                          options["max_order"], options["max_iters"])
        else:
            stepper = _fixed.ExplicitStepper(self.method, self.field, perturb)
        return _fixed.Fixed(stepper, options, self.field, self.callbacks)

    def states(self):
        """The flat states at the times [time, ...]."""
        if self.method == "scipy_solver":
            return _scipy.integrate(self.field, self.y0, self.times, self.tolerances, self.options)
        if len(self.times) == 1 or self.y0.numel() == 0:
            return torch.stack([self.y0] * len(self.times))
        if self.method in ADAPTIVE:
            return self.structure.narrowed(torch.stack(self.adaptive().integrate(self.structure.widened(self.y0), self.times)))
        return torch.stack(self.fixed().integrate(self.y0, self.times, self.func, self.given_y0))

    def event(self):
        """The time of the event, a 0-d tensor as t, and the flat states at the start and there [2, ...]."""
        self.found = event = _events.Event(self.event_fn, self.structure, self.field)
        if self.method == "scipy_solver":
            raise AttributeError("[odeint] scipy_solver finds no events; use another method, such as dopri5.")
        is_adaptive = self.method in ADAPTIVE
        solver = self.adaptive() if is_adaptive else self.fixed()
        time, state = event.find(solver, self.times, self.structure.widened(self.y0) if is_adaptive else self.y0)
        return time, torch.stack([self.y0, self.structure.narrowed(state)])

    def run(self):
        """What odeint gives."""
        if self.event_fn is None:
            return self.structure.split(self.states(), (len(self.times),))
        time, states = self.event()
        return time.to(self.t), self.structure.split(states, (2,))
