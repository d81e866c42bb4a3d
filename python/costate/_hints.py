"""What a name that other libraries have is called here."""

import difflib

from costate import _core

_MODULE = {
    "grad": "value_and_grad or gradient", "jacfwd": "jacobian", "jacrev": "jacobian", "jit": "compile", "vmap": "compile, whose programs run on batches",
    **dict.fromkeys(("odeint", "odeint_adjoint", "solve_ivp", "diffeqsolve", "integrate"), "solve"),
    **dict.fromkeys(("array", "asarray", "tensor"), "NumPy's arrays outside of traces, and stack within"),
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "power": "x ** y", "concatenate": "concat",
    "hstack": "concat", "vstack": "stack", "cat": "concat", "dot": "matmul", "clip": "x.clip(least, most)", "ravel": "x.ravel()",
    "remainder": "mod", "fmod": "mod", "interp": "interpolate", "linalg": "norm and matmul", "nn": "Mlp", "MLP": "Mlp", "GRUCell": "GruCell", "RNNCell": "RnnCell",
    **dict.fromkeys(("optim", "Adam", "AdamW", "SGD"), "train, or Optimizer in a loop of your own"), "minimize": "train, or scipy.optimize with value_and_grad",
}
_SOLUTION = {"y": "states, [time, state]", "ys": "states", "t": "times", "ts": "times", "success": "status", "nfev": "nfe", "message": "status"}


def _missing(owner, name, instead, known):
    near = instead.get(name) or "".join(difflib.get_close_matches(name, known, 1))
    return AttributeError(f"{owner} has no '{name}'" + (f"; use {near}." if near else "."))


def missing_in_module(name):
    """The error for an attribute that costate lacks."""
    return _missing("costate", name, _MODULE, [known for known in vars(_core) if not known.startswith("_")])


def hint_at_attributes():
    def attribute(self, name):
        raise _missing("a Solution", name, _SOLUTION, ["states", "times", "status", "accepted", "rejected", "check"])

    _core.Solution.__getattr__ = attribute
