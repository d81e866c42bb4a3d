"""What torchdyn has and is not here, with what to take in its place."""

from costate._names import nearest

_INSTEAD = {
    "costate.solve_sde of the native package (docs/sde.md)": ("NeuralSDE", "SDEProblem", "SDEFunc", "LatentNeuralSDE", "EulerMaruyama"),
    "NeuralODE(..., return_t_eval=False) between the steps of a torch.nn.GRUCell": ("HybridNeuralDE",),
    "NeuralODE or ODEProblem, which take f(x) and f(t, x), with args or without": ("DEFuncBase", "WrapFunc", "standardize_vf_call_signature"),
    "more times in t_span, since each method has its own interpolant": ("Interpolator", "Linear", "ThirdHermite", "FourthOrder", "str_to_interp", "INTERP_DICT",
                                                                        "dense_output"),
    "odeint, which has the control of steps": ("init_step", "adapt_step", "hairer_norm", "make_norm", "generic_odeint"),
    "a list of truth values": ("EventState",),
    "CNF, which says which estimator must have noise": ("REQUIRES_NOISE",),
    "tuple[torch.Tensor, torch.Tensor]": ("TTuple",),
    "MSBackward, which goes along the same derivative": ("MSForward",),
    "DiffEqSolver": ("BaseExplicit", "BaseImplicit"),
    "costate.root of the native package, or ImplicitEuler for steps": (
        "root_find", "Broyden", "BroydenFull", "BroydenBad", "Newton", "Chord", "batch_jacobian", "LineSearcher", "NaiveSearch", "LineSearchArmijo",
        "LineSearchGriewank", "LineSearchWolfe1", "LineSearchWolfe2", "TerminationCondition", "RootLogger"),
    "a torch.nn.Module with forward(t, x)": (
        "ODEProblem2", "ODEProblem3", "ODEProblem4", "SineSystem", "LTISystem", "FourierSystem", "StiffFourierSystem", "CoupledFourierSystem", "MatMulSystem",
        "MatMulBoundedSystem"),
}
_BY_NAME = {name: instead for instead, names in _INSTEAD.items() for name in names}


def _placeholder(name, instead):
    """Stands where a program imports a name; NotImplementedError where it uses it."""
    def __new__(cls, *_, **__):
        raise NotImplementedError(f"[torchdyn] {name} is not here; take {instead}.")

    return type(name, (), {"__new__": __new__, "__doc__": f"Not here; take {instead}."})


def attributes(module, known):
    """The __getattr__ of a module with the names `known`: what is absent, or an AttributeError with the nearest name."""
    def find(name):
        if name in _BY_NAME:
            return _placeholder(name, _BY_NAME[name])
        near = nearest(name, known)
        hint = f". Did you mean '{near[0]}'?" if near else ""
        raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}")

    return find
