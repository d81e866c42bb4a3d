"""costate.torchdyn: what programs that were written for torchdyn have of their own, and expect of it."""

import math
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
from costate import torchdyn  # noqa: E402
from costate.torchdyn import CNF, DepthCat, EventCallback, MSBackward, MSZero, NeuralODE, ODEProblem, StochasticEventCallback  # noqa: E402
from costate.torchdyn.numerics.solvers.ode import SolverTemplate, str_to_solver  # noqa: E402
from costate.torchdyn.numerics.solvers.templates import MultipleShootingDiffeqSolver  # noqa: E402

nn = torch.nn
F64 = {"dtype": torch.float64}
TIGHT = {"solver": "dopri5", "rtol": 1e-9, "atol": 1e-9, "rtol_adjoint": 1e-9, "atol_adjoint": 1e-9}


class OwnDepth(nn.Module):
    """A layer that is given the time as torchdyn gives it."""

    def __init__(self):
        super().__init__()
        self.t = None

    def forward(self, x):
        return x * self.t


class OwnControl(nn.Module):
    def __init__(self):
        super().__init__()
        self._control = None

    def forward(self, x):
        return self._control - x


class OwnFlow(nn.Module):
    """x' = -x / 2 beside its divergence, -1 / 2, times the noise of a solve, which has the batch's size."""

    def __init__(self):
        super().__init__()
        self.trace_estimator, self.noise_dist, self.noise = None, torch.distributions.Normal(1.0, 1e-9), None

    def forward(self, x):
        return torch.cat([0.5 * self.noise[:, None], -0.5 * x[:, 1:]], dim=1)


@pytest.mark.parametrize("sensitivity", ["autograd", "adjoint"])
@pytest.mark.parametrize("layer, truth", [(OwnDepth, lambda x: x * math.exp(0.5)), (OwnControl, lambda x: x)])
def test_layers_that_a_program_wrote_for_torchdyn(layer, truth, sensitivity):
    model = NeuralODE(layer(), sensitivity=sensitivity, return_t_eval=False, **TIGHT)
    x = torch.tensor([[1.0], [-2.0]], **F64, requires_grad=True)
    end = model(x)[-1]
    assert (end - truth(x)).abs().max() < 1e-7
    end.sum().backward()
    assert x.grad is not None and all(value is None for value in (getattr(model.vf.vf, "t", None), getattr(model.vf.vf, "_control", None)))
    assert door.explain(NeuralODE(OwnDepth()).vf, torch.ones(3, 2)).startswith("In the core, each sample alone")


def test_a_flow_that_a_program_wrote_for_torchdyn():
    states = NeuralODE(OwnFlow(), return_t_eval=False, **TIGHT)(torch.tensor([[0.0, 1.0], [0.0, 3.0]], **F64))
    assert (states[-1] - torch.tensor([[0.5, math.exp(-0.5)], [0.5, 3 * math.exp(-0.5)]], **F64)).abs().max() < 1e-6


def test_a_trajectory_has_gradients():
    torch.manual_seed(0)
    net = nn.Sequential(DepthCat(1), nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    x, t = torch.randn(4, 2, **F64), torch.linspace(0, 1, 4, **F64)
    wanted = torch.autograd.grad(NeuralODE(net, return_t_eval=False, **TIGHT)(x, t).square().sum(), list(net.parameters()))
    found = torch.autograd.grad(NeuralODE(net, sensitivity="adjoint", **TIGHT).trajectory(x, t).square().sum(), list(net.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(found, wanted))


def test_tolerances_may_be_set_later_or_left_out():
    x, t = torch.ones(1, 1, **F64), torch.linspace(0, 3, 4, **F64)
    for sensitivity in ("autograd", "adjoint"):
        model = NeuralODE(lambda x: -x, sensitivity=sensitivity, solver="dopri5", return_t_eval=False)
        before = abs(model(x, t)[-1].item() - math.exp(-3))
        model.atol = model.rtol = 1e-10
        assert abs(model(x, t)[-1].item() - math.exp(-3)) < 1e-9 < before
        grid = NeuralODE(lambda x: -x, sensitivity=sensitivity, solver="euler", atol=None, rtol=None, return_t_eval=False)
        assert grid(x, t).flatten().tolist() == [1, 0, 0, 0]
    with pytest.raises(TypeError, match="rtol must be a number, or a tensor or tuple of numbers; got None"):
        NeuralODE(lambda x: -x, rtol=None)(x, t)


def test_parameters_of_a_function_are_the_models():
    rate, shift, bias = nn.Parameter(torch.tensor(-1.0, **F64)), nn.Parameter(torch.tensor(0.0, **F64)), torch.zeros((), **F64, requires_grad=True)
    layer = nn.Linear(1, 1, bias=False).double()
    nn.init.ones_(layer.weight)

    class Field(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return rate * self.layer(x) + shift + bias

    for sensitivity in ("autograd", "adjoint"):
        model = NeuralODE(Field(), sensitivity=sensitivity, return_t_eval=False, optimizable_params=(rate, shift, bias, layer.weight), **TIGHT)
        assert sorted(model.state_dict()) == ["vf.optimizable_parameter_0", "vf.optimizable_parameter_1", "vf.vf.layer.weight"]
        found = torch.autograd.grad(model(torch.ones(1, 1, **F64))[-1].sum(), [layer.weight, rate, shift, bias])
        for one, other in zip(found, [-math.exp(-1), math.exp(-1), 1 - math.exp(-1), 1 - math.exp(-1)]):  # of e^(rw) + (s + b) (e^(rw) - 1) / (rw)
            assert one.item() == pytest.approx(other, abs=1e-6)


def test_a_state_of_torchdyns_is_loaded():
    """Of torchdyn 1.0.6: keys as it writes them."""
    model = nn.Sequential(nn.Linear(2, 2), NeuralODE(nn.Sequential(nn.Linear(2, 2), nn.Tanh())))
    state = {"0.weight": torch.ones(2, 2), "0.bias": torch.ones(2), "1.vf.vf.vf.0.weight": 2 * torch.ones(2, 2), "1.vf.vf.vf.0.bias": 3 * torch.ones(2)}
    model.load_state_dict(state)
    assert (model[1].vf.vf[0].weight == 2).all() and (model[1].vf.vf[0].bias == 3).all() and len(state) == 4
    model.load_state_dict(model.state_dict())
    NeuralODE(lambda t, x: -x).load_state_dict({"vf.dummy_parameter": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        model.load_state_dict({**state, "1.vf.vf.vf.1.weight": torch.ones(1)})

    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.vf = nn.Linear(1, 1)

        def forward(self, t, x):
            return self.vf(x)

    deep = NeuralODE(Deep())
    deep.load_state_dict({"vf.vf.vf.weight": torch.full((1, 1), 4.0), "vf.vf.vf.bias": torch.zeros(1)})
    assert deep.vf.vf.vf.weight.item() == 4


def test_signatures_of_fields():
    x = torch.ones(1, 1, **F64)

    def end(field, **more):
        return NeuralODE(field, return_t_eval=False, **TIGHT)(x, **more)[-1].item()

    half = pytest.approx(math.exp(-0.5), abs=1e-7)  # of x' = -t x
    assert end(lambda s, z: -s * z) == half
    assert end(lambda t, x, *args: -t * x) == half
    assert end(lambda t, x, **more: -t * x * more["args"].get("rate", 1)) == half
    assert end(lambda t, x, **more: -t * x * more["args"]["rate"], args={"rate": 2}) == pytest.approx(math.exp(-1), abs=1e-7)
    assert end(lambda x, scale=0.5: -scale * x) == half
    with pytest.raises(TypeError, match=r"vector_field must have the time before the state, \(t, x\); got \(x, t\)"):
        NeuralODE(lambda x, t: -t * x)


@pytest.mark.parametrize("solver, bound", [(MSZero(), 1e-5), (MSBackward(), 1e-5), (MSZero("midpoint", "rk4"), 1e-5), (MSZero(fine_method="midpoint"), 1e-2)])
def test_shooting_by_objects(solver, bound):
    field, x, t = (lambda t, x: -x * torch.cos(t)), torch.tensor([[1.0], [2.0]], **F64), torch.linspace(0, 2, 9, **F64)
    t_eval, states = torchdyn.odeint_mshooting(field, x, t, solver, fine_steps=2, maxiter=8)
    error = (states - x * torch.exp(-torch.sin(t))[:, None, None]).abs().max()
    assert 1e-8 < error < bound and t_eval is t
    _, again = torchdyn.MultipleShootingLayer(lambda t, x: -x * torch.cos(t), solver, maxiter=8, fine_steps=2)(x, t)
    assert (again - states).abs().max() < 1e-14


def test_shooting_by_the_implicit_euler_method():
    x, t = torch.ones(2, 1, **F64, requires_grad=True), torch.tensor([0.0, 0.1, 0.3, 0.35], **F64)
    for solver in ("ieuler", "parallel-implicit-euler", torchdyn.ParallelImplicitEuler()):
        _, states = torchdyn.odeint_mshooting(lambda t, x: -4 * t * x, x, t, solver)
        exact = torch.cumprod(1 / (1 + 4 * t[1:] * t.diff()), dim=0)
        assert (states[1:, 0, 0] - exact).abs().max() < 1e-9
        assert torch.autograd.grad(states[-1].sum(), x)[0][0].item() == pytest.approx(exact[-1].item(), abs=1e-9)


class Averaged(MultipleShootingDiffeqSolver):
    """Corrections that a program wrote for torchdyn, by its protocol: from each state on, a solve over its interval."""

    def root_solve(self, odeint_func, f, x, t_span, B, fine_steps, maxiter):
        inner = torch.linspace(0, float(t_span[1] - t_span[0]), fine_steps + 1).to(x)
        for _ in range(maxiter):
            ends = odeint_func(f, B[:-1], inner, solver=self.fine_method)[1][-1]
            B = torch.cat([x[None], ends])
        return B


def test_corrections_that_a_program_wrote_for_torchdyn():
    x, t = torch.ones(3, 1, **F64), torch.linspace(0, 1, 6, **F64)
    for guess in (None, torch.zeros(6, 3, 1)):
        _, states = torchdyn.odeint_mshooting(lambda t, x: -x, x, t, Averaged(), B0=guess, fine_steps=4, maxiter=6)
        assert (states[:, 0, 0] - torch.exp(-t)).abs().max() < 1e-6
    with pytest.raises(NotImplementedError, match=r"\[Own\] root_solve\(odeint_func, f, .*\) must be defined"):
        torchdyn.odeint_mshooting(lambda t, x: x, x, t, type("Own", (MultipleShootingDiffeqSolver,), {})())


def test_symplectic_solves():
    """The leapfrog of x' = f(t, x) carries f beside x."""
    field, t = (lambda t, x: torch.cos(t) * torch.ones_like(x)), torch.linspace(0, 1, 101, **F64)
    x = torch.tensor([[0.0, 1.0]], **F64)
    for solver in ("alf", torchdyn.AsynchronousLeapfrog()):
        _, states = torchdyn.odeint_symplectic(field, x, t, solver)
        assert (states[:, 0, 0] - torch.sin(t)).abs().max() < 1e-4


class Drop(StochasticEventCallback):
    """x grows by 1; at a random x it falls to 0."""

    def check_event(self, t, x):
        return x[:, :1] >= self.s

    def jump_map(self, t, x):
        self.s = self.expdist.sample(x.shape[:1])
        return torch.zeros_like(x)


def test_jumps_at_random_times():
    torch.manual_seed(0)
    drop, x = Drop(), torch.zeros(1, 1, **F64)
    drop.initialize(x)
    assert drop.s.shape == (1,) and drop.s > 0
    drop.s = torch.tensor([0.25], **F64)
    times, states = torchdyn.odeint_hybrid(lambda t, x: torch.ones_like(x), x, torch.linspace(0, 400, 5, **F64), 1000, "dopri5", [drop], event_tol=1e-6)
    jumps = times[:-1][times.diff() == 0]
    assert jumps[0].item() == pytest.approx(0.25, abs=1e-5) and states.max() < 20
    assert jumps.diff().mean().item() == pytest.approx(1, abs=4 / math.sqrt(400))  # Exp(1)


def test_callbacks_that_attrs_makes():
    attr = pytest.importorskip("attr", reason="attrs is not installed")

    @attr.s
    class Stop(EventCallback):
        level = attr.ib(default=0.5)

        def check_event(self, t, x):
            return (x > self.level).all()

        def jump_map(self, t, x):
            return -x

    stop = Stop(0.25)
    times, states = torchdyn.odeint_hybrid(lambda t, x: torch.ones_like(x), torch.zeros(1, 1, **F64), torch.tensor([0.0, 0.4], **F64), 9, "tsit5", [stop])
    assert stop._parameters == {} and states[-1].item() == pytest.approx(-0.25 + 0.15, abs=1e-3) and len(times) == 4


def test_an_event_of_each_sample_is_refused():
    class Each(EventCallback):
        def check_event(self, t, x):
            return x < 0

    with pytest.raises(ValueError, match=r"check_event must give one truth value, for the whole batch, .* of the shape \(2, 1\)"):
        torchdyn.odeint_hybrid(lambda t, x: -x, torch.ones(2, 1), torch.tensor([0.0, 1.0]), 1, "dopri5", [Each()])


class Older(SolverTemplate):
    """Euler's steps by a solver as torchdyn's first versions have them, without args."""

    def __init__(self, dtype=torch.float32):
        super().__init__(order=1)
        self.dtype, self.stepping_class = dtype, "fixed"

    def step(self, f, x, t, dt, k1=None):
        return None, x + dt * f(t, x), None


def test_solvers_that_a_program_wrote_for_torchdyn():
    x, t = torch.ones(1, 1, **F64), torch.linspace(0, 1, 5, **F64)
    assert Older().order == 1
    for solver in (Older(), str_to_solver("euler", torch.float64), "euler"):
        assert torchdyn.odeint(lambda t, x: -x, x, t, solver)[1][-1].item() == pytest.approx(0.75**4)
    with pytest.raises(ValueError, match="solver must be one of .* Did you mean 'euler'"):
        str_to_solver("eule")


def test_points_of_the_logo_and_on_spheres():
    torch.manual_seed(0)
    points, classes = torchdyn.ToyDataset().generate(1000, "diffeqml", noise=1e-3)
    assert points.shape == (1000, 2) and classes is None
    radius = points.norm(dim=1)
    assert (abs(radius - 2) < 0.05).float().mean() > 0.35 and radius.max() < 2.05 and radius.min() > 0.95  # a circle, and arms that wind onto a circle of 1
    assert torchdyn.datasets.randnsphere(5, 3.0).norm().item() == pytest.approx(3.0, rel=1e-6)
    points, _ = torchdyn.datasets.generate_moons(10, noise=None)
    assert (points[:5].norm(dim=1) - 1).abs().max() < 1e-6


NAMES = {  # of torchdyn 1.0.6, module by module
    "core": "DEFunc NeuralODE NeuralDE NeuralSDE ODEProblem SDEProblem MultipleShootingProblem MultipleShootingLayer",
    "core.defunc": "DEFunc DEFuncBase SDEFunc", "core.neuralde": "NeuralODE NeuralSDE MultipleShootingLayer",
    "core.problems": "ODEProblem MultipleShootingProblem SDEProblem", "core.utils": "standardize_vf_call_signature",
    "datasets": "ToyDataset generate_moons generate_spirals generate_gaussians generate_gaussians_spiral generate_diffeqml randnsphere "
                "generate_concentric_spheres",
    "datasets.static_datasets": "ToyDataset generate_moons randnsphere",
    "models": "CNF GNF HNN LNN ConservativeLinearSNF NeuralODE ODEProblem MultipleShootingLayer autograd_trace hutch_trace",
    "models.cnf": "CNF autograd_trace hutch_trace REQUIRES_NOISE", "models.energy": "GNF HNN LNN ConservativeLinearSNF",
    "models.hybrid": "HybridNeuralDE LatentNeuralSDE",
    "nn": "Augmenter DepthCat DataControl GalLayer GalLinear GalConv2d VanillaRBF MultiquadRBF GaussianRBF Fourier Polynomial Chebychev",
    "nn.galerkin": "GalLayer GalLinear GalConv2d Fourier", "nn.node_layers": "Augmenter DepthCat DataControl",
    "numerics": "odeint odeint_symplectic odeint_mshooting odeint_hybrid Euler RungeKutta4 DormandPrince45 Tsitouras45 AsynchronousLeapfrog HyperEuler MSZero "
                "MSBackward Lorenz VanDerPol",
    "numerics.odeint": "odeint odeint_symplectic odeint_mshooting odeint_hybrid str_to_solver",
    "numerics.interpolators": "Interpolator FourthOrder str_to_interp",
    "numerics.sensitivity": "generic_odeint", "numerics.systems": "Lorenz VanDerPol ODEProblem2 SineSystem LTISystem FourierSystem MatMulSystem",
    "numerics.utils": "EventCallback StochasticEventCallback EventState init_step adapt_step hairer_norm make_norm dense_output RootLogger WrapFunc",
    "numerics.solvers.hyper": "HyperEuler HyperMidpoint HyperRungeKutta4",
    "numerics.solvers.ode": "SolverTemplate Euler Midpoint RungeKutta4 AsynchronousLeapfrog DormandPrince45 Tsitouras45 ImplicitEuler MSForward MSZero "
                            "MSBackward ParallelImplicitEuler str_to_solver str_to_ms_solver SOLVER_DICT MS_SOLVER_DICT",
    "numerics.solvers.root": "root_find Broyden Newton Chord LineSearcher TerminationCondition batch_jacobian", "numerics.solvers.sde": "EulerMaruyama",
    "numerics.solvers.templates": "DiffEqSolver MultipleShootingDiffeqSolver BaseExplicit BaseImplicit",
}


def test_each_name_of_torchdyn_is_here_or_says_what_to_take():
    lines = [f"from torchdyn.{module} import {', '.join(names.split())}" for module, names in NAMES.items()]
    program = "import sys, costate.torchdyn\nsys.modules['torchdyn'] = costate.torchdyn\n" + "\n".join(lines) + """
from torchdyn.numerics import odeint
import torchdyn
print(callable(odeint), odeint is costate.torchdyn.odeint, torchdyn.__version__)
for absent in (NeuralSDE, HybridNeuralDE, root_find, DEFuncBase, BaseImplicit):
    try:
        absent()
    except NotImplementedError as error:
        print(error)
try:
    torchdyn.core.NeuralOde
except AttributeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "True True 1.0.6" and lines[-1].endswith("has no attribute 'NeuralOde'. Did you mean 'NeuralODE'?")
    assert lines[1] == "[torchdyn] NeuralSDE is not here; take costate.solve_sde of the native package (docs/sde.md)." and len(lines) == 7


def test_problems_have_the_attributes_of_torchdyns():
    problem = ODEProblem(CNF(nn.Linear(2, 2)), solver="rk4", order=1, atol=1e-5, atol_adjoint=1e-7)
    assert (problem.atol, problem.rtol, problem.atol_adjoint, problem.rtol_adjoint, problem.order) == (1e-5, 1e-4, 1e-7, 1e-6, 1)
