"""Solves of captured fields by the core: programs of a solve and of its gradient, kept for each field, shape and dtype."""

import atexit
import math
import types
import weakref

import torch

import costate
from costate.torch import _effects
from costate.torch._adaptive import OF_TORCHDIFFEQ
from costate.torch._callbacks import ADAPTIVE
from costate.torch._capture import captured_ways
from costate.torch._checks import check
from costate.torch._recorder import CannotCapture
from costate.torch._translate import Translation
from costate.torch._values import Mixing, Value

METHODS = (*ADAPTIVE, "euler", "midpoint", "heun2", "heun3", "ralston", "rk4")
TAKEN = {"first_step", "min_step", "max_step", "step_t", "jump_t", "safety", "ifactor", "dfactor", "dtype", "controller", "step_size", "grid_constructor", "interp"}
KINDS = {torch.float32: "f32", torch.float64: "f64"}
_ITS_RULE = {"factor_min_accepted": 1.0, "factor_rejected": 1.0, "factor_rejected_again": 1.0, "beta1": 1.0, "beta2": 0.0}


class Plan:
    """A captured field with its programs, by the number of times and the options of the solve."""

    def __init__(self, captured, parts):
        self.capture = captured
        sizes, self.shapes = [], []
        for part in parts:
            self.shapes.append(tuple(part.shape[1:] if captured.is_per_sample else part.shape))
            sizes.append(math.prod(self.shapes[-1]))
        self.bounds = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
        self.kind = KINDS[parts[0].dtype]
        self.functions, self.programs, self.counts = {}, {}, {}
        _living.add(self)
        self.names = [f"p{i}" for i in range(len(captured.shared))]
        self.shared_shapes = [tuple(captured.tensor(i).shape) for i in captured.shared]

    def fits(self, func, parts):
        """Whether the field does the same on as many samples as these are; each number is tried once."""
        count = len(parts[0]) if self.capture.is_per_sample else None
        if count not in self.counts:
            _make_room(self.counts, _MOST_COUNTS)
            self.counts[count] = count is None or self.capture.holds_for(func, parts)
        return self.counts[count]

    def drop(self):
        self.functions.clear()
        self.programs.clear()

    def field(self, t, z, shared):
        """The captured field in a trace: on the flat state of one sample."""
        captured = self.capture
        inputs = {captured.inputs[0]: Value(t, False)}
        for index, shape, a, b in zip(captured.inputs[1:], self.shapes, self.bounds, self.bounds[1:]):
            inputs[index] = Value(costate.reshape(z[a:b], shape), captured.is_per_sample)
        inputs |= {index: Value(array, False) for index, array in zip(captured.shared, shared)}
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
            _make_room(self.functions, _MOST_PROGRAMS)
            def model(z0, times, *shared):
                return costate.solve(lambda t, z: self.field(t, z, shared), z0, times, **dict(options))

            shapes = {"z0": (self.bounds[-1],), "times": (count,), **dict(zip(self.names, self.shared_shapes))}
            self.functions[key] = costate.trace(model, shapes, shared=["times", *self.names])
        return self.functions[key]

    def program(self, count, options, wanted=()):
        """Of the states; with a pull-back, of the inputs that are named."""
        key = (count, options, wanted)
        if key not in self.programs:
            _make_room(self.programs, _MOST_PROGRAMS)
            function = self._function(count, options)
            self.programs[key] = (costate.compile_pullback(function, wrt=list(wanted), dtype=self.kind) if wanted
                                  else costate.compile(function, dtype=self.kind))
        return self.programs[key]


_MOST_FIELDS, _MOST_PROGRAMS, _MOST_COUNTS = 256, 64, 1024  # that are kept, the latest ones
_plans = {}  # by the id of a field, or of the object whose method it is: (reference, its plans)
_living = weakref.WeakSet()


@atexit.register
def _drop_programs():
    """They must go before the extension module does; tensors that live until then hold some."""
    for one in list(_living):
        one.drop()


def _make_room(kept, most):
    """Drops the oldest entries of a dict, so that it takes one more."""
    while len(kept) >= most:
        kept.pop(next(iter(kept)))


def _plans_of(owner):
    """The plans that are kept for an object as long as it lives. TypeError if it cannot be referred to weakly."""
    key = id(owner)
    kept = _plans.get(key)
    if kept is None or kept[0]() is not owner:
        _make_room(_plans, _MOST_FIELDS)
        _plans[key] = kept = weakref.ref(owner, lambda gone: _plans.pop(key, None) if _plans.get(key, (None,))[0] is gone else None), {}
    return kept[1]


def plan_for(func, parts, is_tuple, span=(0.0, 1.0)):
    """(Plan, "") or (None, why not), kept for a field and the shapes of a sample. The trials are made at times within the span."""
    is_method = isinstance(func, types.MethodType)
    try:
        of_func = _plans_of(func.__self__ if is_method else func)
    except TypeError:
        return None, "it is an object that cannot be remembered"
    can_split = all(part.ndim > 0 for part in parts)
    shapes = tuple(tuple(part.shape) for part in parts)
    key = (func.__func__ if is_method else None, is_tuple, parts[0].dtype, tuple(shape[1:] for shape in shapes) if can_split else shapes)
    for found in (of_func[k] for k in (key, (key, shapes)) if k in of_func):
        if _is_fresh(found, func) and (found[0] is None or (found[0].capture.is_current() and found[0].fits(func, parts))):
            return found[0], found[1]
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


def _is_batched(cotangent):
    """Whether it stands for many cotangents, as those of torch.autograd.grad(…, is_grads_batched=True) do."""
    return torch._C._functorch.is_batchedtensor(cotangent) or torch._C._functorch.is_legacy_batchedtensor(cotangent)


class NativeSolve(torch.autograd.Function):
    """States [sample, time, number] of a Plan's solve."""

    @staticmethod
    def forward(ctx, call, z0, times, *shared):
        ctx.call = call
        ctx.save_for_backward(z0, times, *shared)
        return call.states((z0, times, *shared), ctx.needs_input_grad[1:])

    @staticmethod
    def backward(ctx, cotangent):
        needed = ctx.needs_input_grad[1:]
        if _is_batched(cotangent):
            return (None, *ctx.call.differentiable(ctx.saved_tensors, cotangent, needed))
        found = iter(ctx.call.pullback(cotangent.detach().resolve_neg().numpy()))
        numbers = [torch.from_numpy(next(found)).to(x.dtype) if need else None for x, need in zip(ctx.saved_tensors, needed)]
        if not torch.is_grad_enabled():
            return (None, *numbers)
        recorded = ctx.call.differentiable(ctx.saved_tensors, cotangent, needed)
        return (None, *(None if a is None else _WithNumbers.apply(a, b) for a, b in zip(recorded, numbers)))


class _WithNumbers(torch.autograd.Function):
    """Other numbers in place of a tensor's, of which derivatives are the tensor's."""

    @staticmethod
    def forward(ctx, recorded, numbers):
        return numbers.clone()

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent, None


class Call:
    """One solve: a Plan, its options, whether a gradient will be wanted, and how to solve it again to differentiate that."""

    def __init__(self, plan, options, flows, again):
        self.plan, self.options, self.flows, self.again = plan, options, flows, again
        self.pullback = None
        _living.add(self)

    def drop(self):
        self.pullback = None

    def states(self, inputs, needed):
        """The states; keeps the pull-back by the inputs that need it."""
        names = ("z0", "times", *self.plan.names)
        wanted = tuple(name for name, need in zip(names, needed) if need) if self.flows else ()
        program = self.plan.program(len(inputs[1]), self.options, wanted)
        (states, *_), report, *pullback = program.run(*(x.detach().resolve_neg().numpy() for x in inputs))
        self._count(report, len(inputs[0]))
        if report["failures"]:
            raise AssertionError(failure_text(report["failures"][0], self.plan.capture.is_per_sample))
        self.pullback = pullback[0] if pullback else None
        return torch.from_numpy(states)

    def _count(self, report, samples):
        """Adds to the field's own counters what they would have counted: of samples with steps of their own, the mean."""
        calls = -(-report["nfe_forward"] // max(samples, 1))
        for container, key, amount in self.plan.capture.counters:
            _effects.move(container, key, type(amount)(amount * calls))

    def differentiable(self, inputs, cotangent, needed):
        """Gradients with a graph, through which derivatives flow: of a solve through callbacks, which has steps of its own."""
        if self.plan.capture.replayed:
            raise NotImplementedError("[odeint] second derivatives of a captured field whose weights are computed from parameters are "
                                      "not known; call costate.torch.odeint(…, path='callbacks').")
        wanted = [x for x, need in zip(inputs, needed) if need]
        with torch.enable_grad():  # it is not on where cotangents come in a batch
            states = self.again(*inputs)
        found = iter(torch.autograd.grad(states, wanted, cotangent, create_graph=True, allow_unused=True, materialize_grads=True))
        return [next(found) if need else None for need in needed]


def failure_text(failure, is_per_sample):
    """torchdiffeq's words for a solve that failed, and the core's advice."""
    where = f" in sample {failure['sample']}" if is_per_sample else ""
    text = {"max_steps": "max_num_steps exceeded", "step_too_small": f"underflow in dt {failure['h']}",
            "non_finite": f"underflow in dt {failure['h']}: func gives NaN or inf"}.get(failure["reason"], failure["reason"])
    return f"{text}{where} at t = {failure['t']}. {failure['advice']}".strip()


def tolerances_of(solve):
    """The options rtol and atol, or, where a tolerance differs between the numbers of a sample, rtols and atols."""
    if all(isinstance(tolerance, float) for tolerance in solve.tolerances):
        return {"rtol": solve.tolerances[0], "atol": solve.tolerances[1]}
    return {name: tuple(torch.cat([rows[0] for rows in of_samples(solve, tolerance)]).double().tolist())
            for name, tolerance in zip(("rtols", "atols"), solve.tolerances)}


def of_samples(solve, tolerance):
    """A tolerance for each number, [sample, number] of each part of the state."""
    flat = torch.as_tensor(tolerance, dtype=solve.y0.dtype).expand(solve.y0.shape)
    parts = solve.structure.split(flat)
    return [part.reshape(solve.samples, -1) for part in (parts if solve.structure.is_tuple else (parts,))]


def options_of(solve, adjoint, flows):
    """The options of the core's solve, sorted pairs."""
    given = solve.options
    found = {"method": solve.method, "adjoint": adjoint, **tolerances_of(solve)}
    if solve.method not in ADAPTIVE:
        return tuple(sorted((found | {"steps_per_interval": 1}).items()))
    found |= {"safety": float(given["safety"]), "factor_max": float(given["ifactor"]), "factor_min": float(given["dfactor"]),
              "gradient_steps": "on" if flows and adjoint == "discrete" else "off"}
    if given["controller"] == "torchdiffeq":
        unit = OF_TORCHDIFFEQ.get(solve.method, 1.0)
        found |= {name: value / unit if isinstance(value, float) else tuple(x / unit for x in value) for name, value in tolerances_of(solve).items()}
        found |= _ITS_RULE | {"factor_max_after_reject": float(given["ifactor"])}
    if given["first_step"] is not None:
        found["first_step"] = float(given["first_step"])
    if float(given["min_step"]) > 0:
        found |= {"min_step": float(given["min_step"]), "at_min_step": "accept"}
    if math.isfinite(given["max_step"]):
        found["max_step"] = float(given["max_step"])
    stops = [x for key in ("step_t", "jump_t") if given[key] is not None for x in torch.as_tensor(given[key]).double().reshape(-1).tolist()]
    if stops:
        found["stop_at"] = tuple(sorted(stops))
    return tuple(sorted(found.items()))


def _grid(solve):
    """The times that the core solves for, and where the outputs are in them: (times, positions), or None if not on the grid."""
    times = solve.times
    wide = solve.t.double() if times.flows else torch.tensor(times.numbers, dtype=torch.float64)
    if solve.method in ADAPTIVE or (solve.options["step_size"] is None and solve.options["grid_constructor"] is None):
        return wide, None
    grid = solve.fixed().grid(times, solve.func, solve.given_y0)
    return torch.tensor([float(x) for x in grid], dtype=torch.float64), torch.tensor(times.numbers, dtype=torch.float64)


def _interpolated(states, grid, wanted):
    """States [sample, time, number] at other times than the grid's, on straight lines between them."""
    sign = 1 if grid[-1] >= grid[0] else -1
    right = torch.searchsorted(sign * grid, sign * wanted).clamp(1, len(grid) - 1)
    theta = ((wanted - grid[right - 1]) / (grid[right] - grid[right - 1])).to(states.dtype)[:, None]
    if bool(((theta == 0) | (theta == 1)).all()):
        return states[:, torch.where(theta[:, 0] == 1, right, right - 1)]
    return torch.lerp(states[:, right - 1], states[:, right], theta)


def run(solve, plan, adjoint="discrete"):
    """The states at the times, as odeint gives them."""
    captured = plan.capture
    parts = solve.given_y0 if solve.structure.is_tuple else (solve.given_y0,)
    count = len(parts[0]) if captured.is_per_sample else 1
    flat = [part.reshape(count, -1) for part in parts]
    z0 = flat[0] if len(flat) == 1 else torch.cat(flat, dim=1)
    shared = captured.tensors()
    grid, wanted = _grid(solve)
    flows = torch.is_grad_enabled() and any(x.requires_grad for x in (z0, grid, *shared))
    call = Call(plan, options_of(solve, adjoint, flows), flows, lambda *inputs: _again(solve, plan, *inputs))
    states = NativeSolve.apply(call, z0, grid, *shared)
    if wanted is not None:
        states = _interpolated(states, grid, wanted)
    found = tuple(states[:, :, a:b].transpose(0, 1).reshape(len(solve.times), *((count,) if captured.is_per_sample else ()), *shape)
                  for shape, a, b in zip(plan.shapes, plan.bounds, plan.bounds[1:]))
    return found if solve.structure.is_tuple else found[0]


def _again(solve, plan, z0, times, *_):
    """The same states [sample, time, number] through callbacks, from tensors that gradients flow to."""
    parts = tuple(z0[:, a:b].reshape(part.shape) for part, a, b in zip(
        solve.given_y0 if solve.structure.is_tuple else (solve.given_y0,), plan.bounds, plan.bounds[1:]))
    again = type(solve)(solve.func, parts if solve.structure.is_tuple else parts[0], times, rtol=solve.tolerances[0], atol=solve.tolerances[1],
                        method=solve.method, options={key: value for key, value in solve.given_options.items() if key not in ("step_size", "grid_constructor")},
                        controller=solve.controller)
    found = again.run()
    count = len(z0)
    return torch.cat([part.reshape(len(times), count, -1).transpose(0, 1) for part in (found if solve.structure.is_tuple else (found,))], dim=2)
