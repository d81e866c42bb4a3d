"""odeint and solve: a compiled program of the core behind a callback, with its gradient."""

import functools
import math
import numbers

import jax
import jax.numpy as jnp
import numpy as np

from costate import _core
from costate.jax import _translate


def _size(shape):
    return math.prod(shape)


class _Problem:
    """A solve of one sample as traced programs. Arguments are the same for all samples, or one for each."""

    def __init__(self, field, state_shapes, times, arguments, dtype, options):
        shapes = {"z0": (sum(map(_size, state_shapes)),), "times": (times,), **{f"arg{i}": shape for i, shape in enumerate(arguments)}}
        names = list(shapes)[2:]

        def states(z0, times, *values):
            return _core.solve(lambda t, z: field(t, z, values), z0, times, **options)

        self.arguments, self.dtype = arguments, dtype
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
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise _core.DtypeError(f"[costate.jax.solve] {what} must hold real numbers; got {leaf.dtype}. Give real and imaginary parts as two arrays.")
    return leaves


def _with_numbers(f, args):
    """f of args' numbers alone, and these; other leaves, as the activations in a net of Equinox, are what they are."""
    leaves, form = jax.tree.flatten(args)
    holds = [isinstance(leaf, (numbers.Number, np.generic)) or hasattr(leaf, "__array__") for leaf in leaves]

    def of_numbers(t, z, *values):
        values = iter(values)
        return f(t, z, *jax.tree.unflatten(form, [next(values) if held else leaf for leaf, held in zip(leaves, holds)]))

    return of_numbers, _arrays([leaf for leaf, held in zip(leaves, holds) if held], "args")


def _traced_field(f, leaves, form, arguments, dtype):
    """The field as a jaxpr of t, the state's leaves and the arguments' leaves; what it uses of a program around it is handed on."""
    of = lambda array: jax.ShapeDtypeStruct(array.shape, dtype)
    state = jax.tree.unflatten(form, [jax.ShapeDtypeStruct(shape, dtype) for shape in leaves])
    closed, made = jax.make_jaxpr(f, return_shape=True)(jax.ShapeDtypeStruct((), dtype), state, *map(of, arguments))
    slopes, slope_form = jax.tree.flatten(made)
    if slope_form != form:
        raise _core.ShapeError(f"[costate.jax.solve] f must give a derivative in the structure of z, {form}; got {slope_form}.")
    for shape, slope in zip(leaves, slopes):
        if slope.shape != shape:
            raise _core.ShapeError(f"[costate.jax.solve] the derivative of an array must have its shape {list(shape)}; got {list(slope.shape)}.")
    return closed.jaxpr, list(closed.consts)


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

    Gives the states in the structure of z0, [time, ...] each, or [batch, time, ...]. Computes in float32 unless an array of z0 has 64 bits;
    in float64 under jax_enable_x64. A sample that cannot be solved is NaN from there on, with gradient 0. Reverse mode alone, and once:
    jvp and second derivatives are JAX's errors. The gradient solves forward again, so that nothing is kept between. NotSupported names
    what of f has no counterpart.
    """
    leaves, form = jax.tree.flatten(z0)
    if not leaves:
        raise _core.ShapeError("[costate.jax.solve] z0 must hold at least one array; got none.")
    leaves = _arrays(leaves, "z0")
    f, arguments = _with_numbers(f, tuple(args))
    times = jnp.asarray(times)
    dtype = jnp.result_type(*leaves, jnp.float32)
    axes = 1 if batch else 0
    if any(leaf.ndim < axes or leaf.shape[:axes] != leaves[0].shape[:axes] for leaf in leaves):
        raise _core.ShapeError(f"[costate.jax.solve] with batch=True each array of z0 has the same first axis; got {[list(leaf.shape) for leaf in leaves]}.")
    if times.ndim not in (1, 1 + axes) or (times.ndim == 2 and times.shape[0] != leaves[0].shape[0]):
        raise _core.ShapeError(f"[costate.jax.solve] times must have shape [time]{' or [batch, time]' if batch else ''}; got {list(times.shape)}.")
    shapes = [leaf.shape[axes:] for leaf in leaves]
    jaxpr, consts = _traced_field(f, shapes, form, arguments, dtype)
    outer = [i for i, const in enumerate(consts) if isinstance(const, jax.core.Tracer)]
    inputs = [*arguments, *(consts[i] for i in outer)]
    ends = np.cumsum([0, *map(_size, shapes)]).tolist()

    def field(t, z, values):
        parts = [_core.reshape(z[begin:end], shape) for begin, end, shape in zip(ends, ends[1:], shapes)]
        values = [*values]
        known = [np.asarray(const) if i not in outer else values[len(arguments) + outer.index(i)] for i, const in enumerate(consts)]
        slopes = _translate.evaluate(jaxpr, known, [t, *parts, *values[:len(arguments)]])
        return _core.concat([_core.reshape(_core.broadcast_to(slope, shape), (_size(shape),)) for slope, shape in zip(slopes, shapes)])

    problem = _Problem(field, shapes, times.shape[-1], [array.shape for array in inputs], np.dtype(dtype), options)
    samples = leaves[0].shape[0] if batch else 1
    flat = jnp.concatenate([leaf.astype(dtype).reshape(samples, -1) for leaf in leaves], axis=1)
    when = jnp.broadcast_to(times.astype(dtype), (samples, times.shape[-1]))
    states = _states(problem, flat, when, tuple(array.astype(dtype) for array in inputs))
    states = states if batch else states[0]
    return jax.tree.unflatten(form, [states[..., begin:end].reshape(*states.shape[:-1], *shape) for begin, end, shape in zip(ends, ends[1:], shapes)])


def odeint(func, y0, t, *args, rtol=None, atol=None, mxstep=None, hmax=None, **options):
    """solve by the signature of jax.experimental.ode.odeint: func(y, t, *args), and tolerances of 1.4e-8 in float64, 1e-6 in float32."""
    is_double = any(jnp.asarray(leaf).dtype == jnp.float64 for leaf in jax.tree.leaves(y0))
    tolerance = 1.4e-8 if is_double else 1e-6
    options = {"rtol": tolerance if rtol is None else rtol, "atol": tolerance if atol is None else atol, **options}
    if mxstep is not None and math.isfinite(mxstep):
        options["max_steps"] = int(mxstep)
    if hmax is not None and math.isfinite(hmax):
        options["max_step"] = float(hmax)
    return solve(lambda t, y, *more: func(y, t, *more), y0, t, args, **options)
