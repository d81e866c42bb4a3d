"""One clear sentence for a call whose arguments do not fit, where nanobind would list signatures."""

import ast
import collections.abc
import functools
import inspect
import numbers
import operator
import os
import re
import types

from costate import _core, _names


def _is_integer(value):
    try:
        operator.index(value)
    except Exception:  # of whatever __index__ runs
        return False
    return True


def _list_of(fits):
    return lambda value: isinstance(value, collections.abc.Sequence) and not isinstance(value, str) and all(map(fits, value))


def _is_bool(value):
    return isinstance(value, bool) or type(value).__module__ == "numpy" and getattr(value, "dtype", None) == bool and value.ndim == 0


def _is_number(value):
    return isinstance(value, numbers.Real)


def _is_name(value):
    return isinstance(value, (numbers.Real, str)) and not isinstance(value, bool)


# Annotations of the extension module, what a reader calls them, and whether a value fits.
_KINDS = {
    "int": ("an integer", _is_integer),
    "float": ("a number", _is_number),
    "bool": ("True or False", lambda value: isinstance(value, bool)),
    "float | str": ("a number or a string", _is_name),
    "str": ("a string", lambda value: isinstance(value, str)),
    "dict": ("a dict", lambda value: isinstance(value, dict)),
    "str | os.PathLike": ("a path", lambda value: isinstance(value, (str, os.PathLike))),
    "collections.abc.Callable": ("a callable", callable),
    "collections.abc.Sequence": ("a list or tuple", lambda value: isinstance(value, collections.abc.Sequence)),
    "collections.abc.Sequence[int]": ("a list of integers", _list_of(_is_integer)),
    "int | collections.abc.Sequence[int]": ("an integer or a list of them", lambda value: _is_integer(value) or _list_of(_is_integer)(value)),
    "int | tuple[int, int]": ("an integer or two of them", lambda value: _is_integer(value) or (_list_of(_is_integer)(value) and len(value) == 2)),
    "collections.abc.Sequence[float]": ("a list of numbers", _list_of(_is_number)),
    "float | collections.abc.Sequence[float]": ("a number or a list of them", lambda value: _is_number(value) or _list_of(_is_number)(value)),
    "float | str | collections.abc.Sequence[float | str]": ("a string, a number or a list of them",
                                                            lambda value: _is_name(value) or _list_of(_is_name)(value)),
    "collections.abc.Sequence[str]": ("a list of strings", _list_of(lambda value: isinstance(value, str))),
}


def _kind(annotation):
    """What a value of an annotation is called, and whether a value fits."""
    name = str(annotation).removesuffix(" | None")
    what, fits = _KINDS.get(name, ("given", lambda value: value is not None))
    if name.startswith("costate._core."):
        kind = getattr(_core, name.removeprefix("costate._core."))
        what, fits = f"a costate.{kind.__name__}", lambda value: isinstance(value, kind)
    return what, fits if name == str(annotation) else lambda value: value is None or fits(value)


def _parameters(function):
    """The parameters as nanobind knows them, with their defaults."""
    text, _, *defaults = function.__nb_signature__[0]
    defaults = iter(defaults[0] or ())
    arguments = ast.parse(text.replace("\\", "_") + ": ...").body[0].args
    given = [*arguments.posonlyargs, *arguments.args]
    is_optional = [False] * (len(given) - len(arguments.defaults)) + [True] * len(arguments.defaults)
    kinds = [inspect.Parameter.POSITIONAL_OR_KEYWORD] * len(given)
    if arguments.vararg:
        given, kinds, is_optional = [*given, arguments.vararg], [*kinds, inspect.Parameter.VAR_POSITIONAL], [*is_optional, False]
    is_optional += [default is not None for default in arguments.kw_defaults]
    kinds += [inspect.Parameter.KEYWORD_ONLY] * len(arguments.kwonlyargs)
    written = iter([*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)])

    def value(default):
        """That of a default in the text; nanobind's own stand beside it and are _0, _1, … within."""
        text = ast.unparse(default)
        return next(defaults) if text.startswith("_") else eval(text, dict(vars(_core)))

    return [inspect.Parameter(argument.arg, kind, default=value(next(written)) if optional else inspect.Parameter.empty,
                              annotation=ast.unparse(argument.annotation) if argument.annotation else inspect.Parameter.empty)
            for argument, kind, optional in zip([*given, *arguments.kwonlyargs], kinds, is_optional)]


# Arguments by the names that other libraries give them.
_ELSEWHERE = {"y0": "z0", "x0": "z0", "u0": "z0", "t_span": "times", "t_eval": "times", "t": "times", "ts": "times", "saveat": "times",
              "fun": "f", "func": "f", "solver": "method", "dt": "step_size", "dt0": "first_step", "lr": "learning_rate",
              "argnums": "wrt", "n_epochs": "epochs", "tol": "tolerance", "maxiter": "iterations", "in_channels": "inputs",
              "out_channels": "outputs", "kernel_size": "kernel", "num_channels": "channels", "num_groups": "groups", "dim": "axis"}


def wrong_names(signature, args, kwargs):
    """What is wrong with the number or the names of the arguments."""
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    args = args[len(signature.parameters) - len(parameters):]
    by_position = [p.name for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD]
    takes_any = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    known = [p.name for p in parameters if p.kind != p.VAR_POSITIONAL]
    for name in kwargs:
        if name not in known:
            near = [alias for alias in [_ELSEWHERE.get(name)] if alias in known] or _names.nearest(name, known)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}." if known else "it takes none by name."
            return f"there is no argument '{name}'; {hint}"
    if len(args) > len(by_position) and not takes_any:
        rest = f"; give the others by name: {', '.join(known[len(by_position):])}" if len(known) > len(by_position) else ""
        return f"at most {len(by_position)} arguments go by position; got {len(args)}{rest}."
    for name in by_position[:len(args)]:
        if name in kwargs:
            return f"argument '{name}' is given twice."
    missing = [p.name for p in parameters if p.default is p.empty and p.name in known and p.name not in kwargs
               and p.name not in by_position[:len(args)]]
    return f"argument '{missing[0]}' is missing." if missing else ""


# What else there is to say of an argument of another type.
_MORE = {"jac": " jac(t, z, *args) that gives df/dz; of a constant matrix, lambda t, z: matrix",
         "direction": ", 'any', 'rising' or 'falling', which are SciPy's 0, 1 and -1"}


def _wrong_types(signature, args, kwargs):
    """What is wrong with the types of arguments whose names are right."""
    values = signature.bind(*args, **kwargs).arguments
    for name, value in values.items():
        annotation = signature.parameters[name].annotation
        what, fits = _kind(annotation)
        if "list of" in what and hasattr(value, "__iter__") and any(map(_is_bool, value)):
            return f"{name} must be {what}; got True or False in it. numpy.flatnonzero(mask) gives the places where a mask is True."
        if not fits(value):
            return f"{name} must be {what}{_MORE.get(name, '')}; got {_names.type_of(value)}."
    for name, value in values.items():  # of the right type, and still refused
        numbers = value if isinstance(value, collections.abc.Sequence) else [value]
        if str(signature.parameters[name].annotation).startswith("int") and not all(0 <= operator.index(n) < 2**31 for n in numbers if _is_integer(n)):
            return f"{name} = {value} is out of range."
    return f"the arguments do not fit {signature}."


def _calls_none(signature, args, kwargs):
    """What is no callable where one is called, which nanobind finds out when it calls it; "" if all are."""
    if wrong_names(signature, args, kwargs):
        return ""
    values = signature.bind(*args, **kwargs).arguments
    is_one = any(str(signature.parameters[name].annotation).startswith("collections.abc.Callable") and value is not None and not callable(value)
                 for name, value in values.items())
    return _wrong_types(signature, args, kwargs) if is_one else ""


# Methods of solve_sde by the names that torchsde and diffrax have for them, or for what solves the same equation.
_NOISY_METHODS = {**dict.fromkeys(("euler", "Euler"), "euler_maruyama"), "ItoMilstein": "milstein",
                  **dict.fromkeys(("SRA1", "ShARK", "SOSRA", "SOSRI", "SRIW1"), "srk"),
                  **dict.fromkeys(("heun", "euler_heun", "reversible_heun", "midpoint", "log_ode", "Heun", "EulerHeun", "ReversibleHeun", "Midpoint",
                                   "StratonovichMilstein", "SlowRK", "SPaRK", "GeneralShARK"), "heun_stratonovich")}


def _meant_method(error):
    """The words of an unknown method of solve_sde with the one that another library's name stands for; "" of other errors."""
    unknown = re.match(r"\[solve_sde\] unknown method '(\w+)'; ", str(error))
    meant = unknown and _NOISY_METHODS.get(unknown.group(1))
    return f"{unknown.group()}did you mean '{meant}'? known{str(error).rpartition('known')[2]}" if meant else ""


_NOT_IN_NUMPY = "Got unsupported ScalarType "


class _Signature(inspect.Signature):
    """That of a function of the extension module, read from its text when somebody asks: all together take long."""

    __slots__ = ("_function", "_known")

    def __init__(self, function):
        self._function, self._known = function, None
        self._return_annotation = inspect.Signature.empty

    @property
    def parameters(self):
        if self._known is None:
            self._known = types.MappingProxyType({one.name: one for one in _parameters(self._function)})
        return self._known

    _parameters = parameters

    def replace(self, **changes):
        return inspect.Signature(list(self.parameters.values())).replace(**changes)


def _checked(function, name):
    """The same function, whose TypeErrors of nanobind become CallErrors, as NumPy's words for an Array that is put into an array of numbers do."""
    signature = _Signature(function)

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if str(error).startswith(f"{function.__name__}(): incompatible function arguments"):
                wrong = wrong_names(signature, args, kwargs) or _wrong_types(signature, args, kwargs)
            elif str(error).startswith(_NOT_IN_NUMPY):  # PyTorch's, of a tensor that is asked for its numbers
                kind = str(error).removeprefix(_NOT_IN_NUMPY).lower()
                raise _core.DtypeError(f"[{name}] a tensor's dtype must be one that NumPy has, such as torch.float32; got torch.{kind}. "
                                       "Give tensor.float().") from None
            elif isinstance(error, _core.Error) or not (wrong := _calls_none(signature, args, kwargs)):
                raise
        except ValueError as error:
            if meant := _meant_method(error):
                raise _core.InvalidArgument(meant) from None
            if not isinstance(error.__cause__, _core.CallError) or not str(error).startswith("setting an array element"):
                raise
            raise error.__cause__.with_traceback(error.__traceback__) from None
        raise _core.CallError(f"[{name}] {wrong}")

    call.__signature__ = signature
    call.__doc__ = function.__nb_signature__[0][1]  # nanobind's begins with the signature
    call.__module__ = "costate"
    return call


def checked(function):
    """A function written in Python, whose wrong names of arguments become CallErrors."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args, **kwargs):
        if wrong := wrong_names(signature, args, kwargs):
            raise _core.CallError(f"[{function.__name__}] {wrong}")
        return function(*args, **kwargs)

    return call


def check_calls():
    """Puts the checks around all public functions, constructors and methods of the extension module."""
    for name, thing in list(vars(_core).items()):
        if hasattr(thing, "__nb_signature__"):
            setattr(_core, name, _checked(thing, name))
        elif isinstance(thing, type) and not issubclass(thing, BaseException):
            for method, function in list(vars(thing).items()):
                is_public = not method.startswith("_") or method in ("__init__", "__call__")
                if is_public and hasattr(function, "__nb_signature__"):
                    setattr(thing, method, _checked(function, name if method.startswith("_") else f"{name}.{method}"))
