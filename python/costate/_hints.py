"""What a name that other libraries have is called here."""

import math

import numpy as np

from costate import _core, _names, _numpy

_MODULE = {
    "grad": "value_and_grad or gradient", "jacfwd": "jacobian", "jacrev": "jacobian", "jit": "compile", "vmap": "compile, whose programs run on batches",
    **dict.fromkeys(("odeint", "odeint_adjoint", "solve_ivp", "diffeqsolve", "integrate"), "solve"),
    **dict.fromkeys(("array", "asarray", "tensor"), "NumPy's arrays outside of traces, and stack within"),
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "power": "x ** y", "expit": "sigmoid", "concatenate": "concat",
    **dict.fromkeys(("NeuralODE", "ODESolver", "Estimator", "Regressor"), "fit, solve with a net, or NeuralODERegressor"),
    "jax": "import costate.jax", "torch": "import costate.torch",
    "hstack": "concat", "vstack": "stack", "cat": "concat", "dot": "matmul", "clip": "x.clip(least, most)", "ravel": "x.ravel()",
    "remainder": "mod", "interp": "interpolate", "expm": "expm_multiply", "fsolve": "root", "linalg": "norm and matmul", "nn": "Mlp", "MLP": "Mlp", "GRUCell": "GruCell", "RNNCell": "RnnCell",
    **dict.fromkeys(("ODETerm", "MultiTerm"), "solve, which takes the field itself"), "ControlTerm": "solve_sde, or the slope of interpolate in a field",
    **dict.fromkeys(("SaveAt", "SubSaveAt"), "times and save of solve, or dense=True"), "PIDController": "rtol, atol, beta1, beta2 and beta3 of solve",
    **dict.fromkeys(("ConstantStepSize", "StepTo"), "step_size or steps_per_interval of solve"), "ClipStepSizeController": "stop_at of solve",
    **{name: f"method='{name.lower()}' of solve"
       for name in ("Euler", "Midpoint", "Ralston", "Bosh3", "Dopri5", "Tsit5", "Dopri8", "Kvaerno3", "Kvaerno5", "KenCarp4")},
    "Heun": "method='heun2' of solve", "ImplicitEuler": "method='implicit_euler' of solve", "SemiImplicitEuler": "method='symplectic_euler' of solve",
    "ReversibleHeun": "method='reversible_heun' of solve", "Kvaerno4": "method='kvaerno3' or 'kvaerno5' of solve",
    **dict.fromkeys(("KenCarp3", "KenCarp5", "Sil3"), "method='kencarp4' of solve, with explicit_part"), "ForwardMode": "jvp",
    "RecursiveCheckpointAdjoint": "adjoint='discrete' of solve, within memory_budget", "DirectAdjoint": "adjoint='discrete' of solve",
    "BacksolveAdjoint": "adjoint='backsolve' of solve", "ImplicitAdjoint": "steady_state", "SteadyStateEvent": "rest_event", "steady_state_event": "rest_event",
    **dict.fromkeys(("VirtualBrownianTree", "UnsafeBrownianPath"), "seed, stream and samples of solve_sde"), "RESULTS": "status of a solution",
    "LinearInterpolation": "interpolate",
    **dict.fromkeys(("CubicInterpolation", "CubicSpline", "backward_hermite_coefficients"), "interpolate, of other slopes than its 'cubic' has with a table of coefficients (docs/cde.md)"),
    **dict.fromkeys(("optim", "optax", "Adam", "AdamW", "SGD"), "train, or Optimizer in a loop of your own"), "minimize": "train, or scipy.optimize with value_and_grad",
}
_LAYERS = {
    "MaxPool2d": "max_pool2d", "MaxPool1d": "max_pool1d", "AvgPool2d": "avg_pool2d", "AvgPool1d": "avg_pool1d",
    **dict.fromkeys(("AdaptiveAvgPool2d", "adaptive_avg_pool2d"), "global_average"), "Flatten": "x.ravel()", "ReLU": "relu",
    "Softmax": "softmax", "LogSoftmax": "log_softmax", **dict.fromkeys(("CrossEntropyLoss", "NLLLoss", "nll_loss"), "cross_entropy"),
    "Sequential": "a function that calls one layer after the other", "ResNet": "ImageClassifier('resnet')", "ODENet": "ImageClassifier('odenet')",
    **dict.fromkeys(("InstanceNorm2d", "instance_norm"), "GroupNorm with as many groups as channels"),
}
_NO_BATCH_NORM = "batch normalization mixes the samples of a batch, and a program is written for one; use GroupNorm or LayerNorm."
_NO_DROPOUT = "dropout draws at random in each call, and a program gives the same for the same numbers; use a penalty on the weights (OptimizerOptions(kind='adamw', weight_decay=...))."
_NO_THIRD_AXIS = "feature maps have one axis or two; put the numbers of the third axis among the channels, and use {}."
_NO_TRANSPOSED = "there are no transposed convolutions; enlarge the maps by np.repeat along each axis, and use {}."
_REFUSED = {
    **{f"min_pool{axes}d": f"the smallest of each window is -max_pool{axes}d(-x, ...)." for axes in (1, 2)},
    **{name: _NO_THIRD_AXIS.format(instead) for name, instead in [("Conv3d", "Conv2d"), ("conv3d", "conv2d"), *((name, "max_pool2d") for name in ("MaxPool3d", "max_pool3d")), *((name, "avg_pool2d") for name in ("AvgPool3d", "avg_pool3d"))]},
    **{name: _NO_TRANSPOSED.format(instead) for name, instead in [
        ("ConvTranspose1d", "Conv1d"), ("ConvTranspose2d", "Conv2d"), ("ConvTranspose3d", "Conv2d"), ("conv_transpose1d", "conv1d"), ("conv_transpose2d", "conv2d")]},
    **dict.fromkeys(("BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "batch_norm"), _NO_BATCH_NORM),
    **dict.fromkeys(("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "dropout"), _NO_DROPOUT),
}
_SOLUTION = {"y": "states, [time, state]", "ys": "states", "t": "times", "ts": "times", "success": "status", "nfev": "nfe", "message": "status",
             "stats": "nfe, accepted and rejected", "result": "status", "derivative": "dense.slopes, by solve(..., dense=True)",
             "t_events": "event_times", "y_events": "event_states", **dict.fromkeys(("sol", "evaluate", "interpolation"), "dense, by solve(..., dense=True)")}


def _missing(owner, name, instead, known):
    guess = "".join(_names.nearest(name, known, 0.8))  # of a slip of the pen; what is less alike is another thing
    end = f"; use {instead[name]}." if instead.get(name) else f"; did you mean '{guess}'?" if guess else "."
    return AttributeError(f"{owner} has no '{name}'{end}")


class RefusedName(_core.NotSupported, AttributeError):
    """A name that other libraries have and costate will not."""


def missing_in_module(name):
    """The error for an attribute that costate lacks."""
    if name in _REFUSED:
        return RefusedName(f"costate has no '{name}': {_REFUSED[name]}")
    known = [known for known in vars(_core) if not known.startswith("_")]
    if hasattr(np, name) or hasattr(math, name) or _numpy.advice(name):  # no slip of the pen, of which a name that is alike would be meant
        return _missing("costate", name, {name: _numpy.advice(name), **_MODULE, **_LAYERS}, [])
    return _missing("costate", name, {**_MODULE, **_LAYERS}, known)


def hint_at_attributes():
    def attribute(self, name):
        raise _missing("a Solution", name, _SOLUTION, [known for known in dir(_core.Solution) if not known.startswith("_")])

    _core.Solution.__getattr__ = attribute
