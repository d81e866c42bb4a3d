"""A field's jaxpr as a list of the operations that depend on t or z; JAX computes what depends on the arguments alone, before the solve."""

import jax
import numpy as np
from jax.extend.core import Literal, jaxpr_as_fun

from costate import _core

# Operations that call a jaxpr once, as it is.
_CALLS = {"jit", "pjit", "closed_call", "core_closed_call", "core_call", "checkpoint", "remat", "remat2"}
_RULES = {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}


class Later:
    """A value that depends on t or z, by its place among them; of integers the (least, largest) that they can be, None where nobody knows."""

    def __init__(self, place, aval, limits=None):
        self.place, self.shape, self.dtype, self.limits = place, aval.shape, aval.dtype, limits


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


def _inner_of(equation):
    return next(equation.params[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in equation.params)


def _search(equation, operands):
    """"searchsorted left" or "searchsorted right" if that is what JAX's own function does, of a table of real numbers; None of others."""
    inner = _inner_of(equation)
    if equation.params.get("name") != "searchsorted" or len(operands) != 2 or not _is_of_jax(getattr(getattr(inner, "jaxpr", inner), "debug_info", None)):
        return None
    table, query = equation.invars
    if isinstance(operands[0], Later) or table.aval.ndim != 1 or 0 in (*table.aval.shape, *query.aval.shape) or table.aval.dtype.kind != "f":
        return None
    with jax.ensure_compile_time_eval():  # among equal numbers it is the first place or the one after the last
        found = bind(equation, [jax.numpy.zeros(one.aval.shape, one.aval.dtype) for one in (table, query)])[0]
    return "searchsorted right" if np.asarray(found).any() else "searchsorted left"


# What gives one of its operands' numbers: all of them, but for the first one of a choice.
_CHOOSES = {"max", "min", "clamp", "concatenate", "convert_element_type", "stop_gradient", "copy", "copy_p", "reshape", "squeeze", "expand_dims", "slice", "rev",
            "transpose", "broadcast_in_dim", "select_n"}


def _range_of(operand):
    if isinstance(operand, Later):
        return (0, 1) if operand.dtype == bool else operand.limits
    is_known = isinstance(operand, np.ndarray) and operand.dtype.kind in "iu" and operand.size > 0
    return (int(operand.min()), int(operand.max())) if is_known else None


def _limits(name, equation, operands):
    """(least, largest) of the integers that an operation gives; None if nobody knows, or where they would wrap around."""
    aval = equation.outvars[0].aval
    if jax.dtypes.issubdtype(aval.dtype, jax.dtypes.extended) or aval.dtype.kind not in "iu":
        return None
    if name.startswith("searchsorted"):
        return 0, equation.invars[0].aval.shape[0]
    of = [_range_of(one) for one in (operands[1:] if name == "select_n" else operands)]
    if None in of or name not in _CHOOSES | {"add", "sub"}:
        return None
    if name in _CHOOSES:
        least, largest = min(low for low, _ in of), max(high for _, high in of)
    else:
        (low, high), (other_low, other_high) = of
        least, largest = (low + other_low, high + other_high) if name == "add" else (low - other_high, high - other_low)
    bounds = np.iinfo(aval.dtype)
    return (least, largest) if bounds.min <= least and largest <= bounds.max else None


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


# Turns of a loop that are written one after the other; more would be a program that takes long to compile.
_MOST_TURNS = 1000


def _turns(equation):
    """A function with the turns of a scan, and so of fori_loop, one after the other."""
    params = equation.params
    body, length, consts = jaxpr_as_fun(params["jaxpr"]), params["length"], params["num_consts"]
    carried = consts + params["num_carry"]

    def function(*operands):
        carry, outputs = operands[consts:carried], [None] * length
        for i in reversed(range(length)) if params["reverse"] else range(length):
            made = body(*operands[:consts], *carry, *(jax.lax.index_in_dim(one, i, keepdims=False) for one in operands[carried:]))
            carry, outputs[i] = made[:params["num_carry"]], made[params["num_carry"]:]
        if not length:
            return [*carry, *(jax.numpy.zeros(one.aval.shape, one.aval.dtype) for one in equation.outvars[params["num_carry"]:])]
        return [*carry, *map(jax.numpy.stack, zip(*outputs))]

    return function


def _choice(equation):
    """A function that computes all branches of a cond or switch, and takes one's numbers: what vmap makes of them."""
    branches = list(map(jaxpr_as_fun, equation.params["branches"]))

    def function(index, *operands):
        found = [branch(*operands) for branch in branches]
        made = found[0]
        for i in range(1, len(found)):
            made = [jax.numpy.where(index >= i, one, before) for one, before in zip(found[i], made)]
        return made

    return function


class Field:
    """The operations of a field, `steps`: (name, equation, operands, results, within), each operand a Later, a Handed or a constant; `within` is the function
    that is called, by jit's name, of which an operation is a part, "" of the field's own.

    handed    values of the arguments and of the program around, inputs of a solve.
    outputs   Later, Handed or constants.
    refusal   why there are no gradients; None where there are.
    rules     names of operations whose own rules of derivatives it takes; second derivatives of these are 0.
    """

    def __init__(self, jaxpr, consts, later, given):
        self.steps, self.handed, self.refusal, self.rules, self._places, self._has_rules, self._within = [], [], None, [], 0, True, ""
        inputs = [*(self._later(var.aval) for var in jaxpr.invars[:later]), *map(Given, given)]
        known = [Given(const) if isinstance(const, jax.core.Tracer) else _plain(const) for const in consts]
        self.outputs = [self._operand(one, "a derivative") for one in self._walk(jaxpr, known, inputs)]

    def _later(self, aval, limits=None):
        self._places += 1
        return Later(self._places - 1, aval, limits)

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
        if name == "scan" and equation.params["length"] <= _MOST_TURNS:
            return self._written_out(_turns(equation), equation, operands)
        if name == "while":
            raise _core.NotSupported("[costate.jax] the field has a loop whose number of turns is not known before it runs ('while', as while_loop makes it, and fori_loop of bounds "
                                     "that are no constants), which is not translated; give the number as a constant.")
        if name == "cond":
            return self._written_out(_choice(equation), equation, operands)
        if name in _CALLS:
            search = _search(equation, operands)
            return self._inner(equation, operands) if search is None else self._step(search, equation, operands)
        return self._step(name, equation, operands)

    def _known(self, equation, operands):
        if any(isinstance(one, Given) for one in operands):
            return [Given(one) for one in bind(equation, [one.value if isinstance(one, Given) else one for one in operands])]
        with jax.ensure_compile_time_eval():
            return list(map(_plain, bind(equation, operands)))

    def _inner(self, equation, operands):
        inner, before = _inner_of(equation), self._within
        self._within = before or equation.params.get("name", "")
        found = self._walk(getattr(inner, "jaxpr", inner), list(map(_plain, getattr(inner, "consts", []))), operands)
        self._within = before
        return found

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
        found = self._closed(closed, operands)
        self._has_rules = True
        return found

    def _written_out(self, function, equation, operands):
        return self._closed(jax.make_jaxpr(function)(*(jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars)), operands)

    def _closed(self, closed, operands):
        return self._walk(closed.jaxpr, [Given(const) if isinstance(const, jax.core.Tracer) else _plain(const) for const in closed.consts], operands)

    def _step(self, name, equation, operands):
        limits = _limits(name, equation, operands)
        if name == "convert_element_type" and limits is not None and equation.invars[0].aval.dtype.kind in "iu":
            name = "copy"  # of whole numbers that the other type holds, too
        made = [self._later(var.aval, limits) for var in equation.outvars]
        self.steps.append((name, equation, [self._operand(one, name) for one in operands], made, self._within))
        return made
