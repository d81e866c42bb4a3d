"""costate.torchdyn: layers of the depth, flows, jumps and multiple shooting."""

import copy
import math
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
from costate import torchdyn  # noqa: E402
from costate.torch import _native  # noqa: E402
from costate.torchdyn import CNF, Augmenter, DataControl, DepthCat, EventCallback, GalConv2d, GalLinear, MultipleShootingLayer, NeuralODE  # noqa: E402

nn = torch.nn
F64 = {"dtype": torch.float64}
S = 0.3  # a depth
R = 1.25 * np.arange(5) * S / 2  # n s / eps
BASES = {
    "Fourier": np.stack([np.cos(1.25 * np.arange(5) * S), np.sin(1.25 * np.arange(5) * S)], axis=1),
    "Polynomial": S ** np.arange(5)[:, None],
    "Chebychev": np.cos(np.arange(5) * math.acos(S))[:, None],
    "VanillaRBF": R[:, None], "GaussianRBF": np.exp(-R**2)[:, None], "MultiquadRBF": (1 + np.sqrt(1 + R**2))[:, None],
}


@pytest.mark.parametrize("name", BASES)
def test_a_basis_and_the_weights_of_a_layer(name):
    basis = getattr(torchdyn, name)(5).double()
    assert np.allclose(basis(torch.tensor(S, **F64)).numpy(), BASES[name], rtol=1e-6)
    layer = GalLinear(3, 2, expfunc=basis).double()
    torch.nn.init.normal_(layer.coeffs)
    x = torch.randn(4, 3, **F64)
    found = layer(torch.cat([x, torch.full((4, 1), S, **F64)], dim=1))
    weights = (layer.coeffs.detach().numpy() * BASES[name]).sum(axis=(1, 2))
    assert np.allclose(found.detach().numpy(), x.numpy() @ weights[:6].reshape(2, 3).T + weights[6:], rtol=1e-6)


def test_layers_of_the_depth_are_captured_with_gradients():
    torch.manual_seed(0)
    net = nn.Sequential(DepthCat(1), GalLinear(2, 8), nn.Tanh(), DepthCat(1), GalLinear(8, 2, bias=False, expfunc=torchdyn.Polynomial(3))).double()
    for part in (net[1], net[4]):
        nn.init.normal_(part.coeffs, std=0.3)
    model = NeuralODE(net, solver="dopri5", atol=1e-9, rtol=1e-9, return_t_eval=False)
    x, t = torch.randn(3, 2, **F64), torch.linspace(0, 1, 3, **F64)
    assert door.explain(model.vf, x, t).startswith("In the core, each sample alone")
    found = torch.autograd.grad(model(x, t)[-1].square().sum(), list(net.parameters()))
    states = door.odeint(model.vf, x, t, rtol=1e-9, atol=1e-9, path="callbacks")
    for one, other in zip(found, torch.autograd.grad(states[-1].square().sum(), list(net.parameters()))):
        assert (one - other).abs().max() < 1e-6 * (1 + other.abs().max())


def test_a_convolution_of_the_depth():
    torch.manual_seed(0)
    layer = GalConv2d(2, 3, padding=1, expfunc=torchdyn.Chebychev(2))
    nn.init.normal_(layer.coeffs)
    x = torch.randn(4, 2, 5, 5)
    found = layer(torch.cat([x, torch.full((4, 1, 5, 5), S)], dim=1))
    weights = layer.coeffs[:, 0, 0] + S * layer.coeffs[:, 1, 0]
    assert torch.allclose(found, nn.functional.conv2d(x, weights[:54].reshape(3, 2, 3, 3), weights[54:], padding=1), atol=1e-5)
    with pytest.raises(ValueError, match="must have 2 numbers and the depth along axis 1, as DepthCat"):
        layer(x)
    with pytest.raises(ValueError, match="deg must be a whole number from 1 on; got 0"):
        torchdyn.Fourier(0)


@pytest.mark.parametrize("noise", [None, torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))], ids=["exact", "hutchinson"])
def test_a_flow_knows_its_density(noise):
    torch.manual_seed(0)
    a = torch.tensor([[-0.5, 0.3], [0.1, -0.2]])
    net = nn.Linear(2, 2, bias=False)
    net.weight.data = a
    flow = CNF(net, trace_estimator=torchdyn.hutch_trace if noise else None, noise_dist=noise)
    model = nn.Sequential(Augmenter(1, 1), NeuralODE(flow, solver="dopri5", atol=1e-6, rtol=1e-6, return_t_eval=False))
    x = torch.randn(500, 2)
    end = model(x)[-1]
    assert torch.allclose(end[:, 1:], x @ torch.matrix_exp(a).T, atol=1e-4)
    assert end[:, 0].mean().item() == pytest.approx(0.7, abs=0.1 if noise else 1e-4)
    if noise is None:
        assert door.explain(model[1].vf, Augmenter(1, 1)(x)).startswith("In the core, each sample alone")
    with pytest.raises(ValueError, match="hutch_trace must have a noise_dist"):
        CNF(net, trace_estimator=torchdyn.hutch_trace)


def controlled():
    torch.manual_seed(0)
    return NeuralODE(nn.Sequential(DataControl(), nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)).double(), solver="dopri5", atol=1e-8, rtol=1e-8,
                     return_t_eval=False)


def test_what_a_solve_gives_to_layers_is_gone_after_it():
    model = controlled()
    x = torch.randn(3, 2, **F64, requires_grad=True)
    model(2 * x)
    assert model.vf.vf[0]._control is None
    assert (copy.deepcopy(model)(x) == model(x)).all() and (pickle.loads(pickle.dumps(model))(x) == model(x)).all()


@pytest.mark.parametrize("sensitivity", ["autograd", "adjoint"])
def test_a_backward_pass_knows_the_input_of_its_solve(sensitivity):
    model = controlled()
    model.sensitivity, model.rtol_adjoint, model.atol_adjoint = sensitivity, 1e-9, 1e-9
    x, other = torch.randn(3, 2, **F64, requires_grad=True), torch.randn(3, 2, **F64)
    end, _ = model(x)[-1], model(other)
    weights = list(model.parameters())
    found = torch.autograd.grad(end.square().sum(), weights, create_graph=sensitivity == "autograd")
    expected_end = door.odeint(lambda t, y: model.vf.vf[3](torch.tanh(model.vf.vf[1](torch.cat([y, x], dim=1)))), x, torch.tensor([0.0, 1.0], **F64),
                               path="callbacks")[-1]
    expected = torch.autograd.grad(expected_end.square().sum(), weights, create_graph=True)
    for one, two in zip(found, expected):
        assert (one - two).abs().max() < 1e-6 * (1 + two.abs().max())
    if sensitivity == "autograd":
        second, wanted = (torch.autograd.grad(g[0].square().sum(), x, allow_unused=True)[0] for g in (found, expected))
        assert (second - wanted).abs().max() < 1e-5 * (1 + wanted.abs().max())


class Bounce(EventCallback):
    def check_event(self, t, x):
        return (x[:, 0] < 0).any()

    def jump_map(self, t, x):
        return torch.stack([x[:, 0].abs(), -0.8 * x[:, 1]], dim=1)


@pytest.mark.parametrize("solver", ["dopri5", "tsit5"])
def test_a_ball_bounces(solver):
    fall = lambda t, x: torch.stack([x[:, 1], torch.full_like(x[:, 1], -9.81)], dim=1)  # noqa: E731
    x = torch.tensor([[1.0, 0.0]], **F64, requires_grad=True)
    t_span = torch.linspace(0, 1, 11, **F64)
    times, states = torchdyn.odeint_hybrid(fall, x, t_span, j_span=5, solver=solver, callbacks=[Bounce()], event_tol=1e-9, atol=1e-9, rtol=1e-9)
    hit = math.sqrt(2 / 9.81)
    assert len(times) == 13 and set(t_span.tolist()) <= set(times.tolist())
    before = int((times < hit).sum())
    assert times[before].item() == times[before + 1].item() == pytest.approx(hit, abs=1e-8)
    up = 0.8 * 9.81 * hit
    assert states[before + 1, 0, 1].item() == pytest.approx(up, rel=1e-7)
    assert states[-1, 0, 0].item() == pytest.approx(up * (1 - hit) - 9.81 / 2 * (1 - hit) ** 2, rel=1e-6)
    assert torch.isfinite(torch.autograd.grad(states[-1].sum(), x)[0]).all()
    times, _ = torchdyn.odeint_hybrid(fall, x, t_span, j_span=1, solver=solver, callbacks=[Bounce()])
    assert times[-1].item() == pytest.approx(hit, abs=2e-4)
    with pytest.raises(ValueError, match="solver must have steps of its own"):
        torchdyn.odeint_hybrid(fall, x, t_span, 1, "rk4", [Bounce()])
    with pytest.raises(ValueError, match="priority must be 'jump' or 'flow'"):
        torchdyn.odeint_hybrid(fall, x, t_span, 1, "dopri5", [Bounce()], priority="both")


@pytest.mark.parametrize("solver, corrections", [("parareal", 10), ("mszero", 10), ("msbackward", 4)])
def test_shooting_ends_at_the_fine_solution(solver, corrections):
    torch.manual_seed(0)
    field = lambda t, x: torch.tanh(x @ torch.tensor([[-0.3, 1.0], [-1.0, -0.3]], **F64)) * torch.cos(t)  # noqa: E731
    x, times = torch.randn(4, 2, **F64), torch.linspace(0, 3, 11, **F64)
    t_eval, states = torchdyn.odeint_mshooting(field, x, times, solver, fine_steps=4, maxiter=corrections)
    fine = torch.linspace(0, 3, 41, **F64)
    expected = door.odeint(field, x, fine, rtol=1e-10, atol=1e-10)[::4]
    assert (t_eval == times).all() and (states - expected).abs().max() < 1e-4
    _, early = torchdyn.odeint_mshooting(field, x, times, solver, fine_steps=4, maxiter=1)
    assert (early - expected).abs().max() > (states - expected).abs().max()
    _, again = torchdyn.odeint_mshooting(field, x, times, solver, B0=states, fine_steps=4, maxiter=1)
    assert (again - states).abs().max() < 1e-8


def test_a_shooting_layer_is_trained():
    torch.manual_seed(0)
    layer = MultipleShootingLayer(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)), "zero", maxiter=3)
    times = torch.linspace(0, 1, 5)
    t_eval, states = layer(torch.randn(6, 2), times)
    assert states.shape == (5, 6, 2)
    states[-1].square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in layer.parameters())
    with pytest.raises(ValueError, match="solver must be one of .* Did you mean 'parareal'"):
        MultipleShootingLayer(nn.Linear(1, 1), "pararael")
    with pytest.raises(ValueError, match="at least two times; got 1"):
        layer(torch.randn(6, 2), times[:1])


@pytest.mark.parametrize("first, width", [(None, 2), (DepthCat(1), 3), (DataControl(), 4)], ids=["plain", "depth", "data"])
def test_a_model_is_captured_once(first, width):
    layers = [nn.Linear(width, 6), nn.Tanh(), nn.Linear(6, 2)]
    model = NeuralODE(nn.Sequential(*([first] if first is not None else []), *layers), return_t_eval=False)
    plans = []
    for _ in range(3):
        model(torch.randn(5, 2))[-1].sum().backward()
        plans.append(list(_native.kept_of(model.vf).plans.values()))
    assert plans[0] == plans[1] == plans[2] and plans[0][0][0] is not None
