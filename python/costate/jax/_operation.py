"""A solve of the core as an operation of JAX: with derivatives, under vmap, and in compiled programs."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from costate import _core

# What is computed of a solve, as _core._xla_functions lists them. A "gradient" has cotangents of the states as one more input; a "tangent"
# has a tangent of each input before.
_KINDS = ("states", "gradient", "tangent", "gradient_tangent")
_TANGENT_OF = {"states": "tangent", "gradient": "gradient_tangent"}
_FORWARD_OVER_REVERSE = ("[costate.jax] second derivatives of a solve are tangents of its gradient: take jax.jvp or jax.jacfwd of jax.grad, as jax.hessian does; "
                         "third ones are not supported.")


class Problem:
    """A solve of one sample as traced functions. Arguments are the same for all samples, or one for each."""

    def __init__(self, field, state_shapes, times, arguments, dtype, options, refusals):
        shapes = {"z0": (sum(map(math.prod, state_shapes)),), "times": (times,), **{f"arg{i}": shape for i, shape in enumerate(arguments)}}

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


operation = Primitive("costate_solve")
operation.multiple_results = True
operation.def_impl(lambda *inputs, problem, kind: [jnp.asarray(array) for array in problem.run(kind, inputs)])


def _varies(array):
    """Whether shard_map follows along which axes of its mesh an array differs, as check_vma asks, and it does."""
    kind = getattr(array, "aval", None)
    return bool(getattr(getattr(kind, "mat", None), "varying", None) or getattr(kind, "vma", None))


def bind(*inputs, problem, kind):
    if any(map(_varies, inputs)):
        # JAX would take the gradient of what devices share for that of one device, where results do not tell that they vary.
        raise _core.NotSupported("[costate.jax] a solve does not tell jax.shard_map along which axes of the mesh its states vary; call that with check_vma=False.")
    return operation.bind(*inputs, problem=problem, kind=kind)


@operation.def_abstract_eval
def _results(*inputs, problem, kind):
    return [jax.core.ShapedArray(shape, problem.dtype) for shape in problem.results(kind, inputs)]


# A compiled program of JAX calls the core by XLA's foreign function interface, which costs microseconds where jax.pure_callback, which goes
# through Python and arrays of JAX, costs more than a small solve takes. Arrays of a card come to the host by a callback.
for _kind, _function in zip(_KINDS, _core._xla_functions(), strict=True):
    jax.ffi.register_ffi_target(f"costate_{_kind}", _function, platform="cpu")


def _called_by_xla(context, *inputs, problem, kind):
    context.module_context.add_keepalive(problem)  # with the compiled program
    return jax.ffi.ffi_lowering(f"costate_{kind}")(context, *inputs, problem=np.int64(problem.solve.key))


def _on_host(*inputs, problem, kind):
    made = [jax.ShapeDtypeStruct(shape, problem.dtype) for shape in problem.results(kind, inputs)]
    return jax.pure_callback(lambda *arrays: problem.run(kind, arrays), made, *inputs)


mlir.register_lowering(operation, _called_by_xla, platform="cpu")
mlir.register_lowering(operation, mlir.lower_fun(_on_host, multiple_results=True))


def _beside(array, axis, size, rank):
    """An array of samples, [..., sample, *own of this rank], with one more axis, as samples of which those of each of its `size` places stand together."""
    place = array.ndim - (axis is not None) - rank - 1
    if axis is None:
        array = jnp.broadcast_to(jnp.expand_dims(array, place), (*array.shape[:place], size, *array.shape[place:]))
    else:
        array = jnp.moveaxis(array, axis, place)
    return array.reshape(*array.shape[:place], size * array.shape[place + 1], *array.shape[place + 2:])


def _batched(inputs, axes, *, problem, kind):
    size = next(array.shape[axis] for array, axis in zip(inputs, axes) if axis is not None)
    own = problem.inputs(kind)
    if kind in ("states", "tangent") and not problem.is_joint and all(axis is None for (_, of_samples), axis in zip(own, axes) if not of_samples):
        # All calls have the same arguments: their samples are those of one call, so that its gradient by the arguments is one sum.
        samples = [length for i, length in enumerate(inputs[0].shape) if i != axes[0]][-2]
        inputs = [_beside(array, axis, size, len(shape)) if of_samples else array for array, axis, (shape, of_samples) in zip(inputs, axes, own)]
        states, = bind(*inputs, problem=problem, kind=kind)
        return [states.reshape(*states.shape[:-3], size, samples, *states.shape[-2:])], [states.ndim - 3]
    inputs = [jnp.expand_dims(array, 0) if axis is None else jnp.moveaxis(array, axis, 0) for array, axis in zip(inputs, axes)]
    results = bind(*inputs, problem=problem, kind=kind)
    return results, [0] * len(results)


batching.primitive_batchers[operation] = _batched


def _tangents(inputs, tangents, *, problem, kind):
    refusal = problem.refusals.get(kind, _FORWARD_OVER_REVERSE)
    if refusal is not None:
        raise _core.NotSupported(refusal)
    tangents = [ad.instantiate_zeros(tangent) for tangent in tangents]
    return (bind(*inputs, problem=problem, kind=kind), bind(*inputs, *tangents, problem=problem, kind=_TANGENT_OF[kind]))


def _summed(gradient, shape):
    """Of an input that is one for all calls along an axis of vmap, where it has length 1, the sum of their gradients."""
    axes = tuple(axis for axis, (length, own) in enumerate(zip(gradient.shape, shape)) if length != own)
    return jnp.sum(gradient, axes, keepdims=True) if axes else gradient


def _gradient(cotangents, *inputs, problem, kind):
    if kind != "tangent":
        raise _core.NotSupported(_FORWARD_OVER_REVERSE)
    here, moved = inputs[:len(inputs) // 2], inputs[len(inputs) // 2:]
    if type(cotangents[0]) is ad.Zero:
        return [None] * len(inputs)
    found = bind(*here, cotangents[0], problem=problem, kind="gradient")
    return [None] * len(here) + [_summed(one, like.shape) if ad.is_undefined_primal(tangent) else None
                                 for one, like, tangent in zip(found, here, moved)]


ad.primitive_jvps[operation] = _tangents
ad.primitive_transposes[operation] = _gradient
