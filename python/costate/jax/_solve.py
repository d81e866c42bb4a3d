"""odeint and solve: a solve of the core as an operation of JAX, with its gradient."""

import inspect
import math
import numbers

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from costate import _core
from costate._calls import wrong_names
from costate._names import type_of
from costate.jax import _translate
from costate.jax._field import Field


def _size(shape):
    return math.prod(shape)


# What is computed of a solve, as _core._xla_functions lists them. A "gradient" has cotangents of the states as one more input; a "tangent"
# has a tangent of each input before.
_KINDS = ("states", "gradient", "tangent", "gradient_tangent")
_TANGENT_OF = {"states": "tangent", "gradient": "gradient_tangent"}
_FORWARD_OVER_REVERSE = ("[costate.jax] second derivatives of a solve are tangents of its gradient: take jax.jvp or jax.jacfwd of jax.grad, as jax.hessian does; "
                         "third ones are not supported.")


class _Problem:
    """A solve of one sample as traced functions. Arguments are the same for all samples, or one for each."""

    def __init__(self, field, state_shapes, times, arguments, dtype, options, refusals):
        shapes = {"z0": (sum(map(_size, state_shapes)),), "times": (times,), **{f"arg{i}": shape for i, shape in enumerate(arguments)}}

        def states(z0, times, *values):
            return _core.solve(lambda t, z: field(t, z, values), z0, times, **options)

        self.width, self.times, self.arguments = shapes["z0"], shapes["times"], arguments
        self.dtype, self.refusals, self.is_joint = dtype, refusals, options.get("control") == "joint"
        functions = (_core.trace(states, shapes, shared=shared) for shared in (list(shapes)[2:], []))
        self.solve = _core._XlaSolve(*functions, dtype, self.is_joint)

    def inputs(self, kind):
        """(the shape of one sample, whether each sample of a call has a value of its own) of each input."""
        found = [(self.width, True), (self.times, True), *((shape, False) for shape in self.arguments)]
        found += [((*self.times, *self.width), True)] if "gradient" in kind else []
        return found * 2 if "tangent" in kind else found

    def results(self, kind, inputs):
        """Shapes of the results, with the axes that vmap put before those of a call."""
        samples = inputs[0].shape[-2]
        of_call = [(samples, *shape) if of_samples else shape for shape, of_samples in self.inputs(kind)]
        lead = np.broadcast_shapes(*(array.shape[:array.ndim - len(shape)] for array, shape in zip(inputs, of_call, strict=True)))
        made = of_call[:2 + len(self.arguments)] if "gradient" in kind else [(samples, *self.times, *self.width)]
        return [(*lead, *shape) for shape in made]

    def run(self, kind, inputs):
        """The results as arrays of NumPy's."""
        inputs = [np.asarray(array) for array in inputs]
        return self.solve.run(_KINDS.index(kind), inputs, self.results(kind, inputs))


_solve = Primitive("costate_solve")
_solve.multiple_results = True
_solve.def_impl(lambda *inputs, problem, kind: [jnp.asarray(array) for array in problem.run(kind, inputs)])


@_solve.def_abstract_eval
def _kinds_of_results(*inputs, problem, kind):
    return [jax.core.ShapedArray(shape, problem.dtype) for shape in problem.results(kind, inputs)]


# A compiled program of JAX calls the core by XLA's foreign function interface, which costs microseconds where jax.pure_callback, which goes
# through Python and arrays of JAX, costs more than a small solve takes. Arrays of a card come to the host by a callback.
for _kind, _function in zip(_KINDS, _core._xla_functions(), strict=True):
    jax.ffi.register_ffi_target(f"costate_{_kind}", _function, platform="cpu")


def _in_xla(context, *inputs, problem, kind):
    context.module_context.add_keepalive(problem)  # with the compiled program
    return jax.ffi.ffi_lowering(f"costate_{kind}")(context, *inputs, problem=np.int64(problem.solve.key))


def _on_host(*inputs, problem, kind):
    made = [jax.ShapeDtypeStruct(shape, problem.dtype) for shape in problem.results(kind, inputs)]
    return jax.pure_callback(lambda *arrays: problem.run(kind, arrays), made, *inputs)


mlir.register_lowering(_solve, _in_xla, platform="cpu")
mlir.register_lowering(_solve, mlir.lower_fun(_on_host, multiple_results=True))


def _batched(inputs, axes, *, problem, kind):
    size = next(array.shape[axis] for array, axis in zip(inputs, axes) if axis is not None)
    own = problem.inputs(kind)
    if kind in ("states", "tangent") and not problem.is_joint and all(axis is None for (_, of_samples), axis in zip(own, axes) if not of_samples):
        # All calls have the same arguments: their samples are those of one call, by whose gradient the arguments have one sum.
        def joined(array, axis, rank):
            place = array.ndim - (axis is not None) - rank - 1
            array = jnp.moveaxis(array, axis, place) if axis is not None else jnp.broadcast_to(
                jnp.expand_dims(array, place), (*array.shape[:place], size, *array.shape[place:]))
            return array.reshape(*array.shape[:place], -1, *array.shape[place + 2:])

        inputs = [joined(array, axis, len(shape)) if of_samples else array for array, axis, (shape, of_samples) in zip(inputs, axes, own)]
        states, = _solve.bind(*inputs, problem=problem, kind=kind)
        return [states.reshape(*states.shape[:-3], size, -1, *states.shape[-2:])], [states.ndim - 3]
    inputs = [jnp.expand_dims(array, 0) if axis is None else jnp.moveaxis(array, axis, 0) for array, axis in zip(inputs, axes)]
    results = _solve.bind(*inputs, problem=problem, kind=kind)
    return results, [0] * len(results)


batching.primitive_batchers[_solve] = _batched


def _moved(inputs, tangents, *, problem, kind):
    refusal = problem.refusals.get(kind, _FORWARD_OVER_REVERSE)
    if refusal is not None:
        raise _core.NotSupported(refusal)
    tangents = [ad.instantiate_zeros(tangent) for tangent in tangents]
    return (_solve.bind(*inputs, problem=problem, kind=kind), _solve.bind(*inputs, *tangents, problem=problem, kind=_TANGENT_OF[kind]))


def _transposed(cotangents, *inputs, problem, kind):
    if kind != "tangent":
        raise _core.NotSupported(_FORWARD_OVER_REVERSE)
    here, moved = inputs[:len(inputs) // 2], inputs[len(inputs) // 2:]
    if type(cotangents[0]) is ad.Zero:
        return [None] * len(inputs)
    found = _solve.bind(*here, cotangents[0], problem=problem, kind="gradient")
    return [None] * len(here) + [one if ad.is_undefined_primal(tangent) else None for one, tangent in zip(found, moved)]


ad.primitive_jvps[_solve] = _moved
ad.primitive_transposes[_solve] = _transposed


def _arrays(leaves, what):
    leaves = [jnp.asarray(leaf) for leaf in leaves]
    for leaf in leaves:
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating) or (what == "z0" and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended)):
            raise _core.DtypeError(f"[costate.jax.solve] {what} must hold real numbers; got {leaf.dtype}. Give real and imaginary parts as two arrays.")
    return leaves


def _precision(leaves):
    """float64 where a number of the state has 64 bits, as Python's have under jax_enable_x64."""
    return jnp.float64 if any(leaf.dtype.itemsize == 8 for leaf in leaves) else jnp.float32


def _with_numbers(f, args):
    """f of args' numbers alone, and these; other leaves, as the activations in a net of Equinox, are what they are."""
    leaves, form = jax.tree.flatten(args)
    holds = [isinstance(leaf, (numbers.Number, np.generic)) or hasattr(leaf, "__array__") for leaf in leaves]

    def of_numbers(t, z, *values):
        values = iter(values)
        return f(t, z, *jax.tree.unflatten(form, [next(values) if held else leaf for leaf, held in zip(leaves, holds)]))

    return of_numbers, _arrays([leaf for leaf, held in zip(leaves, holds) if held], "args")


def _traced_field(f, leaves, form, arguments, dtype):
    """The field's operations; what it uses of a program around it is found. Integers, truth values and random keys stay what they are."""
    real = lambda array: dtype if jnp.issubdtype(array.dtype, jnp.floating) else array.dtype
    of = lambda array: jax.ShapeDtypeStruct(array.shape, real(array), weak_type=getattr(array, "weak_type", False))
    state = jax.tree.unflatten(form, [jax.ShapeDtypeStruct(shape, dtype) for shape in leaves])
    closed, made = jax.make_jaxpr(f, return_shape=True)(jax.ShapeDtypeStruct((), dtype), state, *map(of, arguments))
    slopes, slope_form = jax.tree.flatten(made)
    if slope_form != form:
        raise _core.ShapeError(f"[costate.jax.solve] f must give a derivative in the structure of z, {form}; got {slope_form}.")
    for shape, slope in zip(leaves, slopes):
        if slope.shape != shape:
            raise _core.ShapeError(f"[costate.jax.solve] the derivative of an array must have its shape {list(shape)}; got {list(slope.shape)}.")
    given = [array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array for array in arguments]
    return Field(closed.jaxpr, closed.consts, 1 + len(leaves), given)


# What costate.solve gives beside the states, and what it is told by callables, has no counterpart in an operation of JAX.
_ELSEWHERE = {"save": "apply the function to the states, which JAX differentiates", "events": "", "max_events": "", "dense": "",
              "jac": "", "on_step": "", "on_accept": "", "on_reject": "", "progress": "", "device": "", "stream": ""}


def _check_call(args, options):
    if not isinstance(args, (tuple, list)):
        raise _core.CallError(f"[costate.jax.solve] args must be a tuple, of what f takes after t and z; got {type_of(args)}. Write args=(…,).")
    for name in _ELSEWHERE.keys() & options.keys():
        raise _core.NotSupported(f"[costate.jax.solve] {name} is for costate.solve outside of JAX; {_ELSEWHERE[name] or 'leave it out'}.")
    taken = [one for one in inspect.signature(_core.solve).parameters.values() if one.name not in ("f", "z0", "times", "args", *_ELSEWHERE)]
    if wrong := wrong_names(inspect.Signature(taken), (), options):
        raise _core.CallError(f"[costate.jax.solve] {wrong}")


_BY_SECOND_DERIVATIVES = ("rodas5p", "auto")  # a Rosenbrock step has the Jacobian in it


def _refusals(field, method):
    """Why states, and gradients, cannot be differentiated; None where they can."""
    ruled = f"which {field.rules[0]}, an operation with a rule of derivatives of its own, does not have here" if field.rules else ""
    first, second = field.refusal, f"[costate.jax] second derivatives of a solve take those of its field, {ruled}." if field.rules else None
    if first is None and field.rules and method in _BY_SECOND_DERIVATIVES:
        first = f"[costate.jax] gradients of {method} take second derivatives of the field, {ruled}; use another method, such as kvaerno5."
    return {"states": first, "gradient": second}


def solve(f, z0, times, args=(), *, batch=False, **options):
    """States at `times` of z' = f(t, z, *args), z(times[0]) = z0, as an operation of JAX.

    f       called once, as f(t, z, *args) of one sample, with JAX's arrays; gives the derivative in the structure of z. What it uses of the
            program around it is found, and differentiated.
    z0      of one sample: an array or a pytree of arrays. With `batch`, [batch, ...] each.
    times   [time], ascending or descending; with `batch`, or [batch, time].
    args    a tuple of pytrees, such as the weights of a net, or a net of Equinox, the same for all samples.
    batch   many samples at once, each with steps of its own. vmap does the same, and one gradient by `args` for each sample beside; with
            `batch`, that gradient is one sum, which costs less.
    options of costate.solve: method, rtol, atol, adjoint, ….

    Gives the states in the structure of z0, [time, ...] each, or [batch, time, ...]. Computes in float64 if a number of z0
    has 64 bits, as under jax_enable_x64, else in float32. A sample that cannot be solved is NaN from there on, with gradient 0. Has derivatives in forward and
    reverse mode, and tangents of the gradient, as in jax.hessian. The gradient solves forward again, so that nothing is kept between. NotSupported names
    what of f has no counterpart, and a derivative that there is not.
    """
    _check_call(args, options)
    leaves, form = jax.tree.flatten(z0)
    if not leaves:
        raise _core.ShapeError("[costate.jax.solve] z0 must hold at least one array; got none.")
    leaves = _arrays(leaves, "z0")
    f, arguments = _with_numbers(f, tuple(args))
    times = jnp.asarray(times)
    dtype = _precision(leaves)
    axes = 1 if batch else 0
    if any(leaf.ndim < axes or leaf.shape[:axes] != leaves[0].shape[:axes] for leaf in leaves):
        raise _core.ShapeError(f"[costate.jax.solve] with batch=True each array of z0 has the same first axis; got {[list(leaf.shape) for leaf in leaves]}.")
    if times.ndim not in (1, 1 + axes) or (times.ndim == 2 and times.shape[0] != leaves[0].shape[0]):
        raise _core.ShapeError(f"[costate.jax.solve] times must have shape [time]{' or [batch, time]' if batch else ''}; got {list(times.shape)}.")
    shapes = [leaf.shape[axes:] for leaf in leaves]
    if not any(map(_size, shapes)):
        return jax.tree.map(lambda leaf: jnp.zeros((*leaf.shape[:axes], times.shape[-1], *leaf.shape[axes:]), dtype), z0)
    field = _traced_field(f, shapes, form, arguments, dtype)
    ends = np.cumsum([0, *map(_size, shapes)]).tolist()
    inputs = [array.astype(dtype) for array in field.handed]

    def slope(t, z, values):
        parts = [_core.reshape(z[begin:end], shape) for begin, end, shape in zip(ends, ends[1:], shapes)]
        slopes = _translate.evaluate(field, [t, *parts], values)
        return _core.concat([_core.reshape(_core.broadcast_to(slope, shape), (_size(shape),)) for slope, shape in zip(slopes, shapes)])

    refusals = _refusals(field, options.get("method"))
    problem = _Problem(slope, shapes, times.shape[-1], [array.shape for array in inputs], np.dtype(dtype), options, refusals)
    samples = leaves[0].shape[0] if batch else 1
    flat = jnp.concatenate([leaf.astype(dtype).reshape(samples, -1) for leaf in leaves], axis=1)
    when = jnp.broadcast_to(times.astype(dtype), (samples, times.shape[-1]))
    states, = _solve.bind(flat, when, *inputs, problem=problem, kind="states")
    states = states if batch else states[0]
    return jax.tree.unflatten(form, [states[..., begin:end].reshape(*states.shape[:-1], *shape) for begin, end, shape in zip(ends, ends[1:], shapes)])


def odeint(func, y0, t, *args, rtol=None, atol=None, mxstep=None, hmax=None, **options):
    """solve by the signature of jax.experimental.ode.odeint: func(y, t, *args), and tolerances of 1.4e-8 in float64, 1e-6 in float32."""
    tolerance = 1.4e-8 if _precision([jnp.asarray(leaf) for leaf in jax.tree.leaves(y0)]) == jnp.float64 else 1e-6
    options = {"rtol": tolerance if rtol is None else rtol, "atol": tolerance if atol is None else atol, **options}
    if mxstep is not None and math.isfinite(mxstep):
        options["max_steps"] = int(mxstep)
    if hmax is not None and math.isfinite(hmax):
        options["max_step"] = float(hmax)
    return solve(lambda t, y, *more: func(y, t, *more), y0, t, args, **options)
