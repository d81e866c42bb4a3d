"""Solves of captured fields by the core: programs of a solve and of its gradient, kept for each field, shape and dtype."""

import atexit
import math
import types
import weakref

import torch

import costate
from costate import _core
from costate.torch import _card
from costate.torch._callbacks import ADAPTIVE
from costate.torch._capture import captured_ways
from costate.torch._checks import check
from costate.torch._recorder import CannotCapture
from costate.torch._translate import Translation
from costate.torch._values import BATCHED, SHARED, Mixing, Value

METHODS = (*ADAPTIVE, "euler", "midpoint", "heun2", "heun3", "ralston", "rk4")
TAKEN = {"first_step", "min_step", "max_step", "step_t", "jump_t", "safety", "ifactor", "dfactor", "dtype", "controller", "step_size",
         "grid_constructor", "interp"}
KINDS = {torch.float32: "f32", torch.float64: "f64"}


class Plan:
    """A captured field with its programs, by the number of times and the options of the solve."""

    def __init__(self, captured, parts):
        self.capture = captured
        sizes, self.shapes = [], []
        for part in parts:
            self.shapes.append(tuple(part.shape[1:] if captured.is_per_sample else part.shape))
            sizes.append(math.prod(self.shapes[-1]))
        self.bounds = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
        self.dtype, self.kind, self.is_on_card = parts[0].dtype, KINDS[parts[0].dtype], _card.is_on_card(parts[0])
        self.functions, self.programs, self.counts = {}, {}, {}
        living.add(self)
        self.names = [f"p{i}" for i in range(len(captured.shared))]
        self.shared_shapes = [tuple(captured.tensor(i).shape) for i in captured.shared]
        # Whether the program is given the very tensors that the field reads, and not what PyTorch computes from them.
        self.reads_shared = captured.read == captured.shared and all(captured.dtype(i) is self.dtype for i in captured.shared)

    def fits(self, func, parts):
        """Whether the field does the same on as many samples as these are; each number is tried once."""
        count = len(parts[0]) if self.capture.is_per_sample else None
        if count not in self.counts:
            make_room(self.counts, MOST_COUNTS)
            self.counts[count] = count is None or self.capture.holds_for(func, parts)
        return self.counts[count]

    def drop(self):
        self.functions.clear()
        self.programs.clear()

    def field(self, t, z, shared):
        """The captured field in a trace: on the flat state of one sample."""
        captured = self.capture
        inputs = {captured.inputs[0]: Value(t, SHARED)}
        for index, shape, a, b in zip(captured.inputs[1:], self.shapes, self.bounds, self.bounds[1:]):
            inputs[index] = Value(costate.reshape(z[a:b], shape), BATCHED if captured.is_per_sample else SHARED)
        inputs |= {index: Value(array, SHARED) for index, array in zip(captured.shared, shared)}
        translation = Translation(captured, inputs)
        slopes = []
        for output, index, shape in zip(captured.outputs, captured.inputs[1:], self.shapes):
            value = translation.value(output)
            if tuple(captured.tensor(output).shape) != tuple(captured.tensor(index).shape):
                raise CannotCapture("it returns another shape than that of its state")
            if captured.dtype(output) != captured.dtype(index):
                raise CannotCapture("it returns another dtype than that of its state")
            slopes.append(costate.reshape(costate.broadcast_to(value.array, shape), (math.prod(shape),)))
        return slopes[0] if len(slopes) == 1 else costate.concat(slopes)

    def _function(self, count, options):
        key = (count, options)
        if key not in self.functions:
            make_room(self.functions, MOST_PROGRAMS)
            def model(z0, times, *shared):
                return costate.solve(lambda t, z: self.field(t, z, shared), z0, times, **dict(options))

            shapes = {"z0": (self.bounds[-1],), "times": (count,), **dict(zip(self.names, self.shared_shapes))}
            self.functions[key] = costate.trace(model, shapes, shared=["times", *self.names])
        return self.functions[key]

    def program(self, count, options, wanted=(), samples=1):
        """Of the states, on the memory of tensors; with a pull-back, of the inputs that are named. `samples` are those that share their steps."""
        lanes = _lanes_together(samples) if ("control", "joint") in options and not self.is_on_card else 0
        key = (None if self.is_on_card else count, options, wanted, lanes)
        if key not in self.programs and self.is_on_card:
            make_room(self.programs, MOST_PROGRAMS)
            self.programs[key] = _card.CardSolve(self, options, wanted)
        if key not in self.programs:
            make_room(self.programs, MOST_PROGRAMS)
            function = self._function(count, options)
            kind = {"dtype": self.kind, "lanes": lanes}
            program = costate.compile_pullback(function, wrt=list(wanted), **kind) if wanted else costate.compile(function, **kind)
            sizes = [b - a for a, b in zip(self.bounds, self.bounds[1:])]
            self.programs[key] = _core._TensorSolve(program, sizes, is_f32=self.kind == "f32")
        return self.programs[key]


def _lanes_together(samples):
    """As many as hold a batch side by side, which then takes the same steps; 0 for one sample. Batches of about one size have one program."""
    unit = next((unit for most, unit in ((64, 16), (512, 64)) if samples <= most), 256)
    return -(-samples // unit) * unit if samples > 1 else 0


_MOST_FIELDS, _MOST_ORPHANS, MOST_PROGRAMS, MOST_COUNTS = 256, 8, 64, 1024  # that are kept, the latest ones
living = weakref.WeakSet()  # what holds programs


class Kept:
    """What is kept for an object as long as it lives: its plans, and the Readies (_ready.py) of solves that were made."""

    def __init__(self, owner):
        self.reference, self.plans, self.ready = None, {}, {}
        self.kind, self.solves = _kind_of(owner), 0  # those that were not like one before
        self.stale = self.refused = 0  # captures in a row that no solve used twice, and solves without one since
        self.code = (owner.__code__, id(owner.__globals__), owner.__defaults__, owner.__kwdefaults__) if isinstance(owner, types.FunctionType) else None


kept = {}  # by the id of a field, or of the object whose method it is
_wasted = {}  # how many objects of a kind, one after the other, were captured and solved once
_MOST_WASTED, SOLVES_OF_ONE, _MOST_STALE, _NEXT_TRY = 16, 3, 4, 64
_orphans = {}  # what was kept for functions that are gone, by their code: programs often make the field anew for each solve


@atexit.register
def _drop_programs():
    """They must go before the extension module does."""
    for holder in list(living):
        holder.drop()


def make_room(entries, most):
    """Drops the oldest entries of a dict, so that it takes one more."""
    while len(entries) >= most:
        entries.pop(next(iter(entries)))


def kept_of(owner):
    """What is kept for an object. TypeError if it cannot be referred to weakly."""
    key = id(owner)
    found = kept.get(key)
    if found is None or found.reference() is not owner:
        make_room(kept, _MOST_FIELDS)
        found = _adopted(owner) or Kept(owner)
        found.reference = weakref.ref(owner, lambda gone: _forget(key, gone))
        kept[key] = found
    return found


def _forget(key, gone):
    found = kept.get(key)
    if found is None or found.reference is not gone:
        return
    del kept[key]
    if any(plan is not None for plan, _, _ in found.plans.values()):
        wasted = _wasted.pop(found.kind, 0) + 1 if found.solves == 1 else 0
        make_room(_wasted, _MOST_FIELDS)
        _wasted[found.kind] = wasted
    if found.code is not None and found.code[2:] == (None, None) and found.plans:
        make_room(_orphans, _MOST_ORPHANS)
        _orphans[found.code[:2]] = found


def _kind_of(owner):
    return owner.__code__ if isinstance(owner, types.FunctionType) else type(owner)


def is_wasted_on(func, is_solve):
    """Whether a capture would be: programs that make their field anew for each solve wait for each capture, and use it once."""
    owner = getattr(func, "__self__", func)
    if _wasted.get(_kind_of(owner), 0) < _MOST_WASTED:
        return False
    try:
        found = kept_of(owner)
    except TypeError:
        return False
    found.solves += is_solve
    return found.solves < SOLVES_OF_ONE


def _adopted(func):
    """What was kept for a function of the same code that is gone, its plans now this one's; None if there is nothing."""
    if type(func) is not types.FunctionType or func.__defaults__ or func.__kwdefaults__ or vars(func):
        return None
    found = _orphans.pop((func.__code__, id(func.__globals__)), None)
    if found is None or not all(plan is None or plan.capture.rebind(func) for plan, _, _ in found.plans.values()):
        return None
    return found


def plan_for(func, parts, is_tuple, span=(0.0, 1.0), insists=True):
    """(Plan, "") or (None, why not), kept for a field and the shapes of a sample. The trials are made at times within the span.

    insists   on a capture, though what the field reads has been another at each of the last solves.
    """
    is_method = isinstance(func, types.MethodType)
    try:
        of_owner = kept_of(func.__self__ if is_method else func)
    except TypeError:
        return None, "it is an object that cannot be remembered"
    of_func = of_owner.plans
    can_split = all(part.ndim > 0 for part in parts)
    shapes = tuple(tuple(part.shape) for part in parts)
    key = (func.__func__ if is_method else None, is_tuple, parts[0].dtype, parts[0].device, tuple(shape[1:] for shape in shapes) if can_split else shapes)
    before = [of_func[k] for k in (key, (key, shapes)) if k in of_func]
    for found in before:
        if _is_fresh(found, func) and (found[0] is None or (found[0].capture.is_current() and found[0].fits(func, parts))):
            of_owner.stale = 0
            return found[0], found[1]
    if not insists and of_owner.stale >= _MOST_STALE:
        of_owner.refused += 1
        if of_owner.refused % _NEXT_TRY:
            return None, "what it reads in Python is another at each solve, so that no capture serves twice; a number in a tensor may change"
    of_owner.stale += any(plan is not None for plan, _, _ in before)
    plan, why = captured_ways(func, parts, is_tuple, span, lambda captured: _checked_plan(captured, func, parts))
    of_func[key if plan is not None and plan.capture.is_per_sample else (key, shapes)] = (plan, why, _mode(func))
    return plan, why


def _mode(func):
    func = getattr(func, "__self__", func)
    return func.training if isinstance(func, torch.nn.Module) else None


def _is_fresh(found, func):
    """A refusal stands as long as the module is in the same mode: in evaluation dropout is idle."""
    return found[0] is not None or found[2] == _mode(func)


def _checked_plan(captured, func, parts):
    """A Plan that does what the field does; CannotCapture or Mixing."""
    plan = Plan(captured, parts)
    if not plan.fits(func, parts):
        raise Mixing("it does other operations for this number of samples")
    check(plan)
    return plan
