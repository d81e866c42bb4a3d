"""odeint and solve: a compiled program of the core behind a callback, with its gradient."""

import functools
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


def _size(shape):
    return math.prod(shape)


class _Problem:
    """A solve of one sample as traced programs. Arguments are the same for all samples, or one for each."""

    def __init__(self, field, state_shapes, times, arguments, dtype, options, refusal):
        shapes = {"z0": (sum(map(_size, state_shapes)),), "times": (times,), **{f"arg{i}": shape for i, shape in enumerate(arguments)}}
        names = list(shapes)[2:]

        def states(z0, times, *values):
            return _core.solve(lambda t, z: field(t, z, values), z0, times, **options)

        self.arguments, self.dtype, self.refusal = arguments, dtype, refusal
        self._functions = {kind: _core.trace(states, shapes, shared=shared) for kind, shared in (("shared", names), ("each", []))}
        self.width, self.times = shapes["z0"][0], times

    @functools.lru_cache(maxsize=None)  # noqa: B019: as long as the problem, which jit keeps
    def program(self, kind, is_reverse):
        function = self._functions[kind]
        return _core.compile(_core.vjp(function) if is_reverse else function, dtype=self.dtype)

    def _split(self, z0, times, arguments):
        """(the axes that vmap put before, [run] of inputs, whether the arguments of a run are of all its samples)."""
        lead = np.broadcast_shapes(z0.shape[:-2], times.shape[:-2], *(array.shape[:array.ndim - len(shape)] for array, shape in zip(arguments, self.arguments)))
        count, batch = _size(lead), z0.shape[-2]
        z0 = np.broadcast_to(z0, (*lead, *z0.shape[-2:])).reshape(count, batch, self.width)
        times = np.broadcast_to(times, (*lead, *times.shape[-2:])).reshape(count, batch, self.times)
        return lead, count, batch, z0, times

    def _arguments(self, lead, arrays):
        return [np.broadcast_to(array, (*lead, *shape)).reshape((_size(lead), *shape)) for array, shape in zip(arrays, self.arguments)]

    def forward(self, z0, times, *arguments):
        """States [..., sample, time, state] on the host."""
        z0, times, *arguments = map(np.asarray, (z0, times, *arguments))
        lead, count, batch, z0, times = self._split(z0, times, arguments)
        if all(array.size == _size(shape) for array, shape in zip(arguments, self.arguments)):
            flat = [array.reshape(shape) for array, shape in zip(arguments, self.arguments)]
            states = self.program("shared", False)(z0.reshape(-1, self.width), times.reshape(-1, self.times), *flat)[0]
        elif batch == 1:
            states = self.program("each", False)(z0[:, 0], times[:, 0], *self._arguments(lead, arguments))[0]
        else:
            runs = zip(z0, times, *self._arguments(lead, arguments))
            states = np.stack([self.program("shared", False)(*run)[0] for run in runs])
        return np.asarray(states, dtype=self.dtype).reshape(*lead, batch, self.times, self.width)

    def reverse(self, cotangents, z0, times, *arguments):
        """Gradients by z0, times and arguments on the host."""
        cotangents, z0, times, *arguments = map(np.asarray, (cotangents, z0, times, *arguments))
        lead = np.broadcast_shapes(cotangents.shape[:-3], self._split(z0, times, arguments)[0])
        z0, cotangents = np.broadcast_to(z0, (*lead, *z0.shape[-2:])), np.broadcast_to(cotangents, (*lead, *cotangents.shape[-3:]))
        _, count, batch, z0, times = self._split(z0, times, arguments)
        cotangents, arguments = cotangents.reshape(count, batch, self.times, self.width), self._arguments(lead, arguments)
        if batch == 1 and count > 1:
            found = self.program("each", True)(z0[:, 0], times[:, 0], *arguments, cotangents[:, 0])[1:]
        else:
            runs = [self.program("shared", True)(*run)[1:] for run in zip(z0, times, *arguments, cotangents)]
            found = [np.stack(parts) for parts in zip(*runs)]
        shapes = [(batch, self.width), (batch, self.times), *self.arguments]
        return tuple(np.asarray(array, dtype=self.dtype).reshape((*lead, *shape)) for array, shape in zip(found, shapes))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _states(problem, z0, times, arguments):
    made = jax.ShapeDtypeStruct((z0.shape[0], problem.times, problem.width), problem.dtype)
    return jax.pure_callback(problem.forward, made, z0, times, *arguments, vmap_method="expand_dims")


def _forward(problem, z0, times, arguments):
    if problem.refusal is not None:
        raise _core.NotSupported(problem.refusal)
    return _states(problem, z0, times, arguments), (z0, times, arguments)


def _reverse(problem, kept, cotangents):
    z0, times, arguments = kept
    made = tuple(jax.ShapeDtypeStruct(array.shape, problem.dtype) for array in (z0, times, *arguments))
    by_z0, by_times, *by_arguments = jax.pure_callback(problem.reverse, made, cotangents, z0, times, *arguments, vmap_method="expand_dims")
    return by_z0, by_times, tuple(by_arguments)


_states.defvjp(_forward, _reverse)


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
    has 64 bits, as under jax_enable_x64, else in float32. A sample that cannot be solved is NaN from there on, with gradient 0. Reverse mode alone, and once:
    jvp and second derivatives are JAX's errors. The gradient solves forward again, so that nothing is kept between. NotSupported names
    what of f has no counterpart.
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

    refusal = field.refusal
    if refusal is None and field.rules and options.get("method") in _BY_SECOND_DERIVATIVES:
        refusal = (f"[costate.jax] gradients of {options['method']} take second derivatives of the field, which {field.rules[0]}, an operation with a rule of "
                   "derivatives of its own, does not have here; use another method, such as kvaerno5.")
    problem = _Problem(slope, shapes, times.shape[-1], [array.shape for array in inputs], np.dtype(dtype), options, refusal)
    samples = leaves[0].shape[0] if batch else 1
    flat = jnp.concatenate([leaf.astype(dtype).reshape(samples, -1) for leaf in leaves], axis=1)
    when = jnp.broadcast_to(times.astype(dtype), (samples, times.shape[-1]))
    states = _states(problem, flat, when, tuple(inputs))
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
