"""A field's jaxpr as a list of the operations that depend on t or z; JAX computes what depends on the arguments alone, before the solve."""

import jax
import numpy as np

from costate import _core

try:
    from jax.extend.core import Literal
except ImportError:  # before JAX 0.4.36
    from jax.core import Literal

# Operations that call a jaxpr once, as it is.
_CALLS = {"jit", "pjit", "closed_call", "core_closed_call", "core_call", "checkpoint", "remat", "remat2"}
_RULES = {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}


class Later:
    """A value that depends on t or z, by its place among them."""

    def __init__(self, place, aval):
        self.place, self.shape, self.dtype = place, aval.shape, aval.dtype


class Given:
    """A value that depends on the arguments, and not on t or z."""

    def __init__(self, value):
        self.value, self.place = value, None


class Handed:
    """A Given value among the inputs of a solve."""

    def __init__(self, place):
        self.place = place


def bind(equation, operands):
    """What an operation of a jaxpr gives for values of JAX."""
    found = equation.primitive.get_bind_params(equation.params)
    functions, params = found if isinstance(found, tuple) else ([], found)
    results = equation.primitive.bind(*functions, *operands, **params)
    return results if equation.primitive.multiple_results else [results]


def _plain(value):
    return value if jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended) else np.asarray(value)


def _is_of_jax(info):
    """Whether a function that debug_info names is JAX's own."""
    source = getattr(info, "func_src_info", None) or ""
    return source.rpartition(" at ")[2].startswith(jax.__path__[0])


def _own_function(equation):
    """The name of a function of JAX's that is here an operation with the derivatives of its rule; None if it is another."""
    inner = equation.params.get("call_jaxpr")
    info = getattr(getattr(inner, "jaxpr", None), "debug_info", None)
    name = (getattr(info, "func_src_info", None) or "").split(" ")[0]
    is_own = _is_of_jax(info) and _is_of_jax(getattr(equation.params.get("jvp_jaxpr_fun"), "debug_info", None))
    has_own_rules = inner is not None and any(one.primitive.name in _RULES for one in inner.jaxpr.eqns)
    return name if is_own and not has_own_rules and name in ("relu", "logaddexp") else None


def _with_rule(equation):
    """A function with an operation's values whose plain derivative is that of the operation's rule: the tangent by the rule, of 0, is added."""
    call = lambda *operands: bind(equation, operands)

    def tangents(operands, changes):
        if equation.primitive.name == "custom_jvp_call":
            return jax.jvp(call, operands, changes)[1]
        is_real = [jax.numpy.issubdtype(one.dtype, jax.numpy.inexact) for one in operands]
        reals = [one for one, real in zip(operands, is_real) if real]
        of_reals = lambda *values: call(*_merged(operands, values, is_real))
        made, pull = jax.vjp(of_reals, *reals)
        return jax.linear_transpose(pull, made)(tuple(change for change, real in zip(changes, is_real) if real))[0]

    def function(*operands):
        still = [jax.lax.stop_gradient(one) for one in operands]
        changes = [one - fixed if jax.numpy.issubdtype(one.dtype, jax.numpy.inexact) else np.zeros(one.shape, jax.dtypes.float0)
                   for one, fixed in zip(operands, still)]
        values = [jax.lax.stop_gradient(value) for value in call(*still)]
        # Infinity times 0, which an infinite derivative gives, is not added.
        return [value + jax.numpy.where(change == change, change, 0) if jax.numpy.issubdtype(value.dtype, jax.numpy.inexact) else value
                for value, change in zip(values, tangents(still, changes))]

    return function


def _merged(operands, values, chosen):
    values = iter(values)
    return [next(values) if one else operand for operand, one in zip(operands, chosen)]


class Field:
    """The operations of a field, `steps`: (equation, operands, places of the results), each operand a Later, a Handed or a constant.

    handed    values of the arguments and of the program around, inputs of a solve.
    outputs   Later, Handed or constants.
    refusal   why there are no gradients; None where there are.
    rules     names of operations whose own rules of derivatives it takes; second derivatives of these are 0.
    """

    def __init__(self, jaxpr, consts, later, given):
        self.steps, self.handed, self.refusal, self.rules, self._places, self._has_rules = [], [], None, [], 0, True
        inputs = [*(self._later(var.aval) for var in jaxpr.invars[:later]), *map(Given, given)]
        known = [Given(const) if isinstance(const, jax.core.Tracer) else _plain(const) for const in consts]
        self.outputs = [self._operand(one, "a derivative") for one in self._walk(jaxpr, known, inputs)]

    def _later(self, aval):
        self._places += 1
        return Later(self._places - 1, aval)

    def _operand(self, value, name):
        """A value as an operand of an operation that the core computes."""
        if not isinstance(value, Given):
            return value
        is_key = jax.dtypes.issubdtype(value.value.dtype, jax.dtypes.extended)
        if not is_key and (value.value.dtype.kind not in "iu" or name == "pow"):  # powers take whole exponents as they take others
            if value.place is None:
                value.place = len(self.handed)
                self.handed.append(value.value)
            return Handed(value.place)
        if is_key or isinstance(value.value, jax.core.Tracer):
            what = "a random key" if is_key else "integers that jit, vmap or grad trace"
            raise _core.NotSupported(f"[costate.jax] the field uses {what} in '{name}' with what depends on t or z; give them as constants, or use them before the solve.")
        return np.asarray(value.value)

    def _walk(self, jaxpr, consts, inputs):
        values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *inputs]))
        read = lambda atom: np.asarray(atom.val, dtype=atom.aval.dtype) if isinstance(atom, Literal) else values[atom]
        for equation in jaxpr.eqns:
            values.update(zip(equation.outvars, self._results(equation, [read(atom) for atom in equation.invars])))
        return [read(atom) for atom in jaxpr.outvars]

    def _results(self, equation, operands):
        name = equation.primitive.name
        if not any(isinstance(one, Later) for one in operands):
            return self._known(equation, operands)
        if name in _RULES:
            own = _own_function(equation)
            if own is not None:
                return self._step(own, equation, operands)
            return self._by_rule(equation, operands) if self._has_rules else self._inner(equation, operands)
        if name in _CALLS:
            return self._inner(equation, operands)
        return self._step(name, equation, operands)

    def _known(self, equation, operands):
        if any(isinstance(one, Given) for one in operands):
            return [Given(one) for one in bind(equation, [one.value if isinstance(one, Given) else one for one in operands])]
        with jax.ensure_compile_time_eval():
            return list(map(_plain, bind(equation, operands)))

    def _inner(self, equation, operands):
        inner = next(equation.params[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in equation.params)
        return self._walk(getattr(inner, "jaxpr", inner), list(map(_plain, getattr(inner, "consts", []))), operands)

    def _by_rule(self, equation, operands):
        avals = [jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars]
        inner = equation.params.get("call_jaxpr", equation.params.get("fun_jaxpr"))
        source = getattr(getattr(getattr(inner, "jaxpr", inner), "debug_info", None), "func_src_info", None) or "a function"
        self.rules.append(source.split(" ")[0])
        try:
            closed = jax.make_jaxpr(_with_rule(equation))(*avals)
        except Exception as error:  # noqa: BLE001: JAX's, of whatever kind, for a rule that is not linear in its cotangents
            self.refusal = (f"[costate.jax] the field uses {self.rules[-1]}, whose own rule of derivatives (custom_vjp) cannot be transposed ({type(error).__name__}); "
                            "write a rule that is linear in the cotangents, or use jax.custom_jvp.")
            return self._inner(equation, operands)
        self._has_rules = False  # inside are values without a derivative, and the tangent
        found = self._walk(closed.jaxpr, [Given(const) if isinstance(const, jax.core.Tracer) else _plain(const) for const in closed.consts], operands)
        self._has_rules = True
        return found

    def _step(self, name, equation, operands):
        made = [self._later(var.aval) for var in equation.outvars]
        self.steps.append((name, equation, [self._operand(one, name) for one in operands], made))
        return made
