"""odeint and solve: a field that is written for JAX, solved by the core."""

import inspect
import math
import numbers

import jax
import jax.numpy as jnp
import numpy as np

from costate import _core
from costate._calls import wrong_names
from costate._names import type_of
from costate.jax import _translate
from costate.jax._field import Field
from costate.jax._operation import Problem, bind


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
    if not any(map(math.prod, shapes)):
        return jax.tree.map(lambda leaf: jnp.zeros((*leaf.shape[:axes], times.shape[-1], *leaf.shape[axes:]), dtype), z0)
    field = _traced_field(f, shapes, form, arguments, dtype)
    ends = np.cumsum([0, *map(math.prod, shapes)]).tolist()
    inputs = [array.astype(dtype) for array in field.handed]

    def slope(t, z, values):
        parts = [_core.reshape(z[begin:end], shape) for begin, end, shape in zip(ends, ends[1:], shapes)]
        slopes = _translate.evaluate(field, [t, *parts], values)
        return _core.concat([_core.reshape(_core.broadcast_to(slope, shape), (math.prod(shape),)) for slope, shape in zip(slopes, shapes)])

    refusals = _refusals(field, options.get("method"))
    problem = Problem(slope, shapes, times.shape[-1], [array.shape for array in inputs], np.dtype(dtype), options, refusals)
    samples = leaves[0].shape[0] if batch else 1
    flat = jnp.concatenate([leaf.astype(dtype).reshape(samples, math.prod(shape)) for leaf, shape in zip(leaves, shapes)], axis=1)
    when = jnp.broadcast_to(times.astype(dtype), (samples, times.shape[-1]))
    states, = bind(flat, when, *inputs, problem=problem, kind="states")
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
