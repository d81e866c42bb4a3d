"""Solves that have been decided: what odeint checks of a call is checked once for each field, shapes, dtypes and options.

The next call of the like goes to the core at once, if what the field reads is as it was.
"""

import types

import torch
from torch.autograd import forward_ad

from costate import _core
from costate.torch import _native
from costate.torch._call import Call, GridFailed, NativeSolve
from costate.torch._callbacks import ADAPTIVE, Solve
from costate.torch._core_options import grid_of, rows_of, solve_options
from costate.torch._runge_kutta import tableau

_apply = super(torch.autograd.Function, NativeSolve).apply  # without PyTorch's looks at transforms, in which no solve comes here
_ATOMS = (int, float, str, bool, type(None), torch.dtype)
_FEW = 64  # numbers of a tensor, as step_t, that are compared
_TENSORS = (torch.Tensor, torch.nn.Parameter)


class Ready:
    """A Plan with the options and times of a solve. `count` is the number of times that the core solves for."""

    def __init__(self, solve, plan, adjoint, counts_reverse):
        self.plan, self.is_tuple, self.num_parts = plan, solve.structure.is_tuple, len(plan.shapes)
        self.grid, steps = grid_of(solve)
        self.options = {flows: solve_options(solve, adjoint, flows, steps) for flows in (False, True)}
        self.is_adaptive = solve.method in ADAPTIVE
        # Side by side for one step of all, where that is asked for: it costs large batches more time than the steps do that parts of it take.
        self.is_together = solve.given_options.get("controller") == "torchdiffeq"
        self.has_own_steps = plan.capture.is_per_sample and ("control", "joint") not in self.options[False]
        self.rows = None if self.grid is None else rows_of(self.grid, solve.times.numbers)
        self.count = len(solve.times) if self.grid is None else len(self.grid)
        own = {} if self.grid is None else ("step_size", "grid_constructor")
        self._arguments = {"rtol": solve.tolerances[0], "atol": solve.tolerances[1], "method": solve.method, "controller": solve.controller,
                           "options": {key: value.clone() if isinstance(value, torch.Tensor) else value
                                       for key, value in solve.given_options.items() if key not in own}}
        # Whether the field's counters count what the reverse takes back, `stages` evaluations a step, as those of a solve backwards would.
        self.counts_reverse, self.stages = counts_reverse and bool(plan.capture.counters), tableau(solve.method).closing
        self.programs = {}  # by which of the times and tensors need gradients
        _native.living.add(self)

    def drop(self):
        self.programs.clear()

    def program(self, needed, shared, samples):
        """The core's solve with the pull-back that gradients of the times, the parts and the shared tensors need: of each, whether they do."""
        wanted = any(needed[1:1 + self.num_parts]), needed[0], *shared
        names = tuple(name for name, is_wanted in zip(("z0", "times", *self.plan.names), wanted) if is_wanted)
        return self.plan.program(self.count, self.options[bool(names)], names, samples if self.is_together else 1)

    def run(self, func, y0, t, wanted=None):
        """The states at the times, as odeint gives them. `wanted` are the tensors besides y0 and t that gradients flow to, 0 where func does not
        read them; by default all that func reads."""
        read, extra = self.plan.capture.read_tensors(), ()
        if wanted is not None:
            known, found = set(map(id, wanted)), set(map(id, read))
            extra = [x for x in wanted if id(x) not in found]
            read = [x.detach() if x.requires_grad and id(x) not in known else x for x in read]
        tensors = (*y0, *read, *extra) if self.is_tuple else (y0, *read, *extra)
        times = t if self.grid is None else self.grid
        if times.dtype not in _native.KINDS or not times.is_contiguous():
            times = times.double().contiguous()
        later = getattr(type(func), "_costate_later", None)
        call = Call(self, func if later is None else later(func), len(extra))
        try:
            found = self._states(call, times, tensors)
        except GridFailed:
            found = self.again(func, times, y0 if self.is_tuple else (y0,))
            found = found if self.is_tuple else found[0]
        if self.rows is None:
            return found
        return tuple(self.rows(states) for states in found) if self.is_tuple else self.rows(found)

    def _states(self, call, times, tensors):
        if torch.is_grad_enabled() and (times.requires_grad or any([x.requires_grad for x in tensors])):
            return _apply(call, times, *tensors)
        found = call.states(times, tensors, (False,) * (1 + len(tensors)))
        return found if self.is_tuple else found[0]

    def again(self, func, times, parts):
        """The same states, one tensor a part, through callbacks, from tensors that gradients flow to."""
        found = Solve(func, parts if self.is_tuple else parts[0], times, **self._arguments).run()
        return found if self.is_tuple else (found,)


def key_of(func, y0, t, options, rest):
    """What tells a call from others of the field, as far as no tensor's numbers do; None for a call that needs a closer look."""
    if type(y0) is tuple:
        shapes = [part.shape for part in y0 if type(part) in _TENSORS and part.is_cpu]
        if len(shapes) < len(y0):
            return None
        dtype = y0[0].dtype if y0 else None
    elif type(y0) in _TENSORS and y0.is_cpu:
        shapes, dtype = (y0.shape,), y0.dtype
    else:
        return None
    if type(t) not in _TENSORS or not t.is_cpu or t.dtype not in _native.KINDS or not t.is_contiguous():
        return None
    if torch._C._functorch.peek_interpreter_stack() is not None or torch.is_autocast_enabled("cpu") or forward_ad._current_level >= 0:
        return None
    for value in rest:
        if type(value) not in _ATOMS:
            return None
    if options:
        if type(options) is not dict:
            return None
        given = tuple([(name, _comparable(value)) for name, value in options.items()])
        if None in [value for _, value in given]:
            return None
        rest = (*rest, given, *(t.tolist() if "step_size" in options else ()))
    return type(y0) is tuple, func.__func__ if type(func) is types.MethodType else None, dtype, t.dtype, t.shape, t.requires_grad, rest, *shapes


def _comparable(value):
    """What tells an option from others, as a tuple; None for one that needs a closer look."""
    if type(value) in _ATOMS:
        return (value,)
    if type(value) in _TENSORS and value.numel() <= _FEW and not value.requires_grad:
        return value.dtype, tuple(value.shape), tuple(value.detach().reshape(-1).tolist())
    return None


def find(func, y0, t, key):
    """The Ready of a call like this, if all that it was decided by is as it was; else None, and odeint looks closely."""
    owner = func if key[1] is None else func.__self__
    kept = _native.kept.get(id(owner))
    if kept is None or kept.reference() is not owner:
        try:
            kept = _native.kept_of(owner)
        except TypeError:
            return None
    ready = kept.ready.get(key)
    if ready is None or not ready.plan.capture.is_current():
        return None
    if not _core._are_times(t.data_ptr(), t.shape[0], t.dtype is torch.float32):
        return None
    for part in y0 if ready.is_tuple else (y0,):
        if part.dtype is not ready.plan.dtype or not _is_finite(part):
            return None
    kept.solves, kept.stale = _native.SOLVES_OF_ONE, 0  # or more solves
    return ready


def _is_finite(part):
    if part.is_contiguous():
        return _core._is_finite(part.data_ptr(), part.numel(), part.dtype is torch.float32)
    return bool(torch.isfinite(part.detach()).all())


def made(solve, plan, adjoint, key=None, counts_reverse=False):
    """A Ready of a solve; kept for calls with the key."""
    ready = Ready(solve, plan, adjoint, counts_reverse)
    kept = _native.kept_of(solve.func.__self__ if isinstance(solve.func, types.MethodType) else solve.func)
    kept.solves += 1
    if key is not None and _looks_up_plainly(type(solve.func)):
        _native.make_room(kept.ready, _native.MOST_PROGRAMS)
        kept.ready[key] = ready
    return ready


def _looks_up_plainly(kind):
    """Whether attributes of a type's objects are where a Watch sees them, callbacks among them."""
    return getattr(kind, "__getattr__", None) in (None, torch.nn.Module.__getattr__)
