"""costate.torchdyn: integral losses, solvers as objects, energies, data, and programs that import torchdyn's modules."""

import math
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
from costate import torchdyn  # noqa: E402
from costate.torchdyn import Augmenter, DataControl, HyperEuler, NeuralODE, ODEProblem  # noqa: E402

nn = torch.nn
F64 = {"dtype": torch.float64}
TIGHT = {"rtol": 1e-10, "atol": 1e-10, "rtol_adjoint": 1e-10, "atol_adjoint": 1e-10}


def weight(t, x):
    """An integral loss that reads the time."""
    return t * x[:, :1] ** 2


@pytest.mark.parametrize("sensitivity", ["adjoint", "interpolated_adjoint"])
def test_the_gradient_of_an_integral_loss(sensitivity):
    """x' = -rate x: the integral of t x^2 over [0, 1] in closed form, and its derivatives by autograd."""
    rate, x = torch.tensor(0.7, **F64, requires_grad=True), torch.tensor([[1.0], [-0.5]], **F64, requires_grad=True)
    exact = (x**2).sum() * (1 - (1 + 2 * rate) * torch.exp(-2 * rate)) / (4 * rate**2)
    expected = torch.autograd.grad(exact, (x, rate))
    field = lambda t, x: -rate * x  # noqa: E731
    model = NeuralODE(field, solver="dopri5", sensitivity=sensitivity, integral_loss=weight, optimizable_params=(rate,), return_t_eval=False, **TIGHT)
    states = model(x, torch.linspace(0, 1, 5, **F64))
    for found, wanted in zip(torch.autograd.grad(0 * states.sum(), (x, rate), retain_graph=True), expected):
        assert (found - wanted).abs().max() < 1e-7
    end, = torch.autograd.grad(states[-1].sum(), x)  # besides that of the states
    assert (end - expected[0] - math.exp(-0.7)).abs().max() < 1e-7
    model = NeuralODE(field, solver="dopri5", integral_loss=weight, return_t_eval=False, **TIGHT)
    integral = model(torch.cat([torch.zeros_like(x), x], dim=1))[-1, :, 0].sum()
    assert integral.item() == pytest.approx(exact.item(), rel=1e-8)
    for found, wanted in zip(torch.autograd.grad(integral, (x, rate)), expected):
        assert (found - wanted).abs().max() < 1e-7


def test_an_integral_is_carried_beside_a_controlled_state_of_second_order():
    torch.manual_seed(0)
    net = nn.Sequential(DataControl(), nn.Linear(4, 1)).double()
    model = NeuralODE(net, order=2, integral_loss=lambda t, x: x[:, 0] ** 2, solver="dopri5", return_t_eval=False, **TIGHT)
    x, t = torch.randn(3, 2, **F64), torch.linspace(0, 1, 101, **F64)
    states = model(torch.cat([torch.zeros(3, 1, **F64), x], dim=1), t)
    plain = NeuralODE(net, order=2, solver="dopri5", return_t_eval=False, **TIGHT)(x, t)
    assert (states[:, :, 1:] - plain).abs().max() < 1e-7
    assert (states[-1, :, 0] - torch.trapezoid(plain[:, :, 0] ** 2, t, dim=0)).abs().max() < 1e-4


def test_the_sensitivity_may_change_from_call_to_call():
    model = NeuralODE(nn.Linear(1, 1), sensitivity="interpolated_adjoint", integral_loss=weight, solver="rk4", solver_adjoint="dopri5")
    x, t = torch.ones(2, 1), torch.linspace(0, 1, 20)
    (0 * model(x, t)[1].sum()).backward()
    assert model.vf.vf.weight.grad.abs() > 0
    with torch.no_grad():
        model.sensitivity = model.vf.sensitivity = "autograd"
        _, states = model(torch.cat([torch.zeros(2, 1), x], dim=1), t)
    assert states.shape == (20, 2, 2) and (states[-1, :, 0] > 0).all()


@pytest.mark.parametrize("solver", ["Euler", "Midpoint", "RungeKutta4", "DormandPrince45", "Tsitouras45", "ImplicitEuler"])
def test_a_solver_as_an_object_is_the_method_of_its_name(solver):
    made = getattr(torchdyn, solver)(torch.float64)
    field, x, t = (lambda t, x: -x * torch.cos(t)), torch.ones(2, 1, **F64), torch.linspace(0, 1, 11, **F64)
    _, states = torchdyn.odeint(field, x, t, made, rtol=1e-8, atol=1e-8)
    _, named = torchdyn.odeint(field, x, t, made.method, rtol=1e-8, atol=1e-8)
    assert torch.equal(states, named)
    found = made.step(field, x, t[0], t[1] - t[0])[1]
    assert (found - named[1]).abs().max() < (1e-12 if made.stepping_class == "fixed" else 1e-7)
    if made.stepping_class == "adaptive":
        _, _, error, slopes = made.step(field, x, t[0], t[1] - t[0])
        assert error.abs().max() < 1e-6 and (slopes[0] - field(t[0], x)).abs().max() == 0


@pytest.mark.parametrize("kind, order", [("HyperEuler", 1), ("HyperMidpoint", 2), ("HyperRungeKutta4", 4)])
def test_a_hypersolver_adds_its_net_and_is_trained(kind, order):
    field, x, t = (lambda t, x: -x), torch.ones(2, 1, **F64), torch.linspace(0, 1, 6, **F64)
    hyper = getattr(torchdyn, kind)(lambda t, x: 3.0 * x + t)
    _, states = torchdyn.odeint(field, x, t, hyper)
    _, plain = torchdyn.odeint(field, x, t[:2], hyper.method)
    assert (states[1] - plain[1] - 0.2 ** (order + 1) * 3.0).abs().max() < 1e-14
    net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    hyper = getattr(torchdyn, kind)(lambda t, x: net(x))
    _, states = torchdyn.odeint(field, x, t, hyper)
    states[-1].sum().backward()
    assert all(p.grad.abs().max() > 0 for p in net.parameters())


def test_a_hypersolver_learns_what_euler_leaves_out():
    """Of x' = -x the missing term of second order is x / 2."""
    torch.manual_seed(0)
    hyper = HyperEuler(torch.nn.Module())
    hyper.hypernet.factor = nn.Parameter(torch.zeros((), **F64))
    hyper.hypernet.forward = lambda t, x: hyper.hypernet.factor * x
    x, t = torch.linspace(0.5, 2, 5, **F64)[:, None], torch.linspace(0, 1, 41, **F64)
    truth = x * torch.exp(-t)[:, None, None]
    optimizer = torch.optim.LBFGS(hyper.parameters(), max_iter=30)

    def loss():
        optimizer.zero_grad()
        found = (torchdyn.odeint(lambda t, x: -x, x, t, hyper)[1] - truth).square().sum()
        found.backward()
        return found

    optimizer.step(loss)
    assert hyper.hypernet.factor.item() == pytest.approx(0.5, abs=0.02)
    assert [p is hyper.hypernet.factor for p in NeuralODE(lambda t, x: -x, solver=hyper).parameters()] == [True]


class OwnStep(torchdyn.Euler):
    def step(self, f, x, t, dt, k1=None, args=None):
        slopes = f(t, x, args)
        return None, {key: x[key] + dt * slopes[key] for key in x}, None


def test_a_solver_of_ones_own_steps_dicts():
    def field(t, x, args=None):
        return {"a": -args["rate"] * x["a"], "b": x["a"]}

    x, t = {"a": torch.ones(2, 1, **F64), "b": torch.zeros(2, 1, **F64)}, torch.linspace(0, 1, 5, **F64)
    _, states = torchdyn.odeint(field, x, t, OwnStep(), args={"rate": 2.0}, save_at=[0.5, 1.0])
    assert states["a"].shape == (2, 2, 1) and states["a"][-1, 0, 0].item() == pytest.approx(0.5**4)
    _, states = NeuralODE(field, solver=OwnStep())(x, t, args={"rate": 2.0})
    assert states["a"].shape == (5, 2, 1) and states["a"][-1, 0, 0].item() == pytest.approx(0.5**4)
    with pytest.raises(TypeError, match="x must be a tensor for solver 'rk4'"):
        torchdyn.odeint(field, x, t, "rk4")


def test_the_leapfrog_is_of_second_order():
    field, errors = (lambda t, x: -x * torch.cos(t)), []
    for steps in (20, 40):
        t = torch.linspace(0, 2, steps + 1, **F64)
        x = torch.ones(1, 1, **F64)
        _, states = torchdyn.odeint(field, torch.cat([x, field(t[0], x)], dim=1), t, "alf")
        errors.append(abs(states[-1, 0, 0].item() - math.exp(-math.sin(2))))
    assert 3.5 < errors[0] / errors[1] < 4.6


@pytest.mark.parametrize("call, error, text", [
    (lambda: HyperEuler(3), TypeError, "hypernet must be callable"),
    (lambda: torchdyn.AsynchronousLeapfrog(stepping_class="adaptive"), NotImplementedError, "stepping_class must be 'fixed'"),
    (lambda: NeuralODE(3), TypeError, "vector_field must be callable; got int"),
    (lambda: NeuralODE(nn.Linear(1, 1), sensitivity="adjoint", solver=HyperEuler(len))(torch.ones(1, 1)), ValueError, "got HyperEuler, which has steps of"),
    (lambda: torchdyn.numerics.solvers.Solver().step(None, None, 0, 0), NotImplementedError, r"\[Solver\] step\(f, x, t, dt, k1, args\) must be defined"),
    (lambda: torchdyn.ToyDataset().generate(5, "moon"), ValueError, "dataset_type must be one of moons, .* Did you mean 'moons'"),
])
def test_messages_of_models(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_energies():
    torch.manual_seed(0)
    x = torch.randn(5, 4, **F64)
    energy = lambda x: (x[:, :2] ** 2).sum(1, keepdim=True) + 0.5 * (x[:, 2:] ** 4).sum(1, keepdim=True)  # noqa: E731
    q, p = x.chunk(2, dim=1)
    assert torch.allclose(torchdyn.HNN(energy)(x), torch.cat([2 * p**3, -2 * q], dim=1))
    assert torch.allclose(torchdyn.GNF(energy)(x), -torch.cat([2 * q, 2 * p**3], dim=1))
    # L = m(q) v^2 / 2 - U(q), m = 1 + q^2: m v' = -U' - m' v^2 / 2
    lagrangian = lambda x: 0.5 * (1 + x[:, :1] ** 2) * x[:, 1:] ** 2 - torch.cos(x[:, :1])  # noqa: E731
    q, v = x[:, :1], x[:, 1:2]
    expected = (torch.sin(q) - q * v * v) / (1 + q * q)
    assert torch.allclose(torchdyn.LNN(lagrangian)(x[:, :2]), torch.cat([v, expected], dim=1))
    kept = torchdyn.ConservativeLinearSNF(energy, nn.Linear(4, 16).double())
    slope = kept(x)
    assert slope.abs().max() > 0 and (slope * -torchdyn.GNF(energy)(x)).sum(1).abs().max() < 1e-12


@pytest.mark.parametrize("kind", ["HNN", "GNF", "LNN"])
def test_a_field_of_an_energy_is_trained(kind):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    model = NeuralODE(getattr(torchdyn, kind)(net), solver="rk4", return_t_eval=False)
    x, t = torch.randn(4, 2, **F64), torch.linspace(0, 0.5, 11, **F64)
    found = torch.autograd.grad(model(x, t)[-1].square().sum(), list(net.parameters()), allow_unused=True)
    states = door.odeint(model.vf, x, t, method="rk4", path="callbacks")
    for one, other in zip(found, torch.autograd.grad(states[-1].square().sum(), list(net.parameters()), allow_unused=True)):
        assert (one is None and other is None) or (one - other).abs().max() < 1e-8
    assert not x.requires_grad


@pytest.mark.parametrize("kind, rows, classes", [("moons", 50, 2), ("spirals", 100, 2), ("spheres", 50, 2), ("gaussians", 350, 7), ("gaussians_spiral", 350, 7)])
def test_points_in_classes(kind, rows, classes):
    torch.manual_seed(0)
    points, labels = torchdyn.ToyDataset().generate(50, kind)
    assert len(points) == len(labels) == rows and len(labels.unique()) == classes and torch.isfinite(points).all()
    if kind == "spheres":
        assert torch.allclose(points.norm(dim=1), torch.where(labels == 1, 0.5, 1.0), atol=1e-3)


def test_a_problem_is_a_layer_with_other_defaults():
    problem = ODEProblem(nn.Linear(2, 2), solver="dopri5", sensitivity="adjoint")
    x, t = torch.ones(3, 2), torch.linspace(0, 1, 4)
    times, states = problem.odeint(x, t)
    assert torch.equal(times, t) and torch.equal(states, problem(x, t)[1]) and "NFE: " in repr(problem)
    model = nn.Sequential(Augmenter(augment_idx=1, augment_dims=1), NeuralODE(nn.Linear(3, 3), return_t_eval=False))
    model[1].t_span = t
    assert model(x).shape == (4, 3, 3)


def test_programs_that_import_torchdyn():
    program = """
import sys, costate.torchdyn
sys.modules["torchdyn"] = costate.torchdyn
from torchdyn.core import NeuralODE, DEFunc
from torchdyn.core.problems import ODEProblem
from torchdyn.nn import *
from torchdyn.models import *
from torchdyn.models.cnf import CNF
from torchdyn.models.energy import HNN
from torchdyn.datasets import *
from torchdyn.numerics import odeint, Euler, HyperEuler, Lorenz, VanDerPol
from torchdyn.numerics.solvers.hyper import HyperRungeKutta4
from torchdyn.nn.node_layers import DataControl
from torchdyn.numerics.solvers.ode import Euler as SameEuler
assert SameEuler is costate.torchdyn.Euler and CNF is costate.torchdyn.CNF and DataControl is costate.torchdyn.DataControl
print(DepthCat(1).idx_cat, ToyDataset().generate(4, "moons")[0].shape, np.pi)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == f"1 torch.Size([4, 2]) {math.pi}\n"


def test_pictures():
    plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    plt.switch_backend("agg")
    from costate.torchdyn import utils

    torch.manual_seed(0)
    model, t = NeuralODE(nn.Linear(2, 2)), torch.linspace(0, 1, 6)
    points, labels = torchdyn.ToyDataset().generate(20, "moons")
    path = model.trajectory(points, t)
    assert len(utils.plot_2D_depth_trajectory(t, path, labels)) == len(utils.plot_2d_flows(path)) == 2
    for axes in (utils.plot_2D_state_space(path, labels), utils.plot_2D_space_depth(t, path, labels, 5), utils.plot_static_vector_field(model, path, N=10),
                 utils.plot_2d_boundary(nn.Linear(2, 2), points, labels, points), utils.plot_3D_dataset(torch.randn(9, 3), labels[:9]),
                 utils.plot_traj_vf_1D(NeuralODE(nn.Linear(1, 1)), t, path[:, :, :1], n_grid=10)):
        assert axes.has_data()
    plt.close("all")
