"""costate.torchdyn: torchdyn's odeint, NeuralODE and layers."""

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
from costate import torchdyn  # noqa: E402
from costate.torchdyn import Augmenter, DataControl, DepthCat, NeuralODE  # noqa: E402

nn = torch.nn
F64 = {"dtype": torch.float64}


@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4", "rk-4", "dopri5", "DormandPrince45", "tsit5", "Tsitouras45", "ieuler"])
def test_odeint(solver):
    x, times = torch.ones(2, 1, **F64), torch.linspace(0, 1, 201, **F64)
    t_eval, states = torchdyn.odeint(lambda t, x: -2 * t * x, x, times, solver, atol=1e-8, rtol=1e-8)
    assert (t_eval == times).all() and states.shape == (201, 2, 1)
    assert states[-1, 0, 0].item() == pytest.approx(math.exp(-1), abs=1e-2 if "euler" in solver else 1e-4)
    t_eval, states = torchdyn.odeint(lambda t, x: -2 * t * x, x, times, solver, save_at=(0.5, 1.0))
    assert t_eval.tolist() == [0.5, 1.0] and states.shape == (2, 2, 1)


def test_messages():
    x, times = torch.ones(2, 1), torch.tensor([0.0, 1.0])
    with pytest.raises(ValueError, match="solver must be one of .* Did you mean 'dopri5'"):
        torchdyn.odeint(lambda t, x: x, x, times, "dopri4")
    with pytest.raises(ValueError, match="save_at must be a part of t_span; 0.5 is not in it"):
        torchdyn.odeint(lambda t, x: x, x, times, "rk4", save_at=[0.5])
    with pytest.raises(ValueError, match="sensitivity must be one of"):
        NeuralODE(nn.Linear(1, 1), sensitivity="forward")
    with pytest.raises(TypeError, match="integral_loss must be callable, integral_loss\\(t, x\\); got int"):
        NeuralODE(nn.Linear(1, 1), integral_loss=3)
    with pytest.raises(RuntimeError, match="DepthCat"):
        DepthCat()(x)
    with pytest.raises(ValueError, match="order must be 'first' or 'last'"):
        Augmenter(order="middle")


@pytest.mark.parametrize("sensitivity", ["autograd", "adjoint", "interpolated_adjoint"])
def test_a_neural_ode_and_its_gradients(sensitivity):
    torch.manual_seed(0)
    net = nn.Sequential(DepthCat(1), nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    model = NeuralODE(net, solver="dopri5", sensitivity=sensitivity, atol=1e-9, rtol=1e-9, atol_adjoint=1e-9, rtol_adjoint=1e-9)
    x, times = torch.randn(4, 2, **F64), torch.linspace(0, 1, 4, **F64)
    t_eval, states = model(x, times)
    loss = states[1:].square().sum()
    found = torch.autograd.grad(loss, list(net.parameters()))
    plain = lambda t, y: net[3](torch.tanh(net[1](torch.cat([y, t.expand(len(y), 1)], dim=1))))  # noqa: E731
    expected = door.odeint(plain, x, times, rtol=1e-10, atol=1e-12, path="callbacks")
    assert (states - expected).abs().max() < 1e-7
    for one, other in zip(found, torch.autograd.grad(expected[1:].square().sum(), list(net.parameters()))):
        assert (one - other).abs().max() < 1e-5 * (1 + other.abs().max())
    assert model.vf.nfe > 0 and model.trajectory(x, times).shape == (4, 4, 2)


def test_depth_and_data_are_captured():
    torch.manual_seed(0)
    net = nn.Sequential(DepthCat(1), nn.Linear(3, 2))
    assert door.explain(NeuralODE(net).vf, torch.ones(4, 2)).startswith("In the core, each sample alone")
    controlled = NeuralODE(nn.Sequential(DataControl(), nn.Linear(4, 2)), return_t_eval=False)
    x = torch.randn(3, 2, requires_grad=True)
    end = controlled(x)[-1]
    weight, bias = controlled.vf.vf[1].weight, controlled.vf.vf[1].bias
    expected = door.odeint(lambda t, y: torch.cat([y, x], dim=1) @ weight.T + bias, x, torch.tensor([0.0, 1.0]), path="callbacks")[-1]
    assert (end - expected).abs().max() < 1e-2
    by_x, = torch.autograd.grad(end.sum(), x)
    assert (by_x - torch.autograd.grad(expected.sum(), x)[0]).abs().max() < 1e-2


def test_fields_of_x_alone_of_second_order_and_with_args():
    oscillator = NeuralODE(lambda x: -x[:, :1], order=2, solver="dopri5", atol=1e-9, rtol=1e-9, return_t_eval=False)
    end = oscillator(torch.tensor([[1.0, 0.0]], **F64), torch.tensor([0.0, math.pi], **F64))[-1]
    assert (end - torch.tensor([[-1.0, 0.0]], **F64)).abs().max() < 1e-6

    class Driven(nn.Module):
        def forward(self, t, x, args={}):
            return args["rate"] * x

    _, states = NeuralODE(Driven(), atol=1e-8, rtol=1e-8)(torch.ones(2, 1, **F64), args={"rate": -1.0})
    assert states[-1, 0, 0].item() == pytest.approx(math.exp(-1), abs=1e-6)
    _, states = NeuralODE(Driven(), atol=1e-8, rtol=1e-8)(torch.ones(2, 1, **F64), args={"rate": -2.0})
    assert states[-1, 0, 0].item() == pytest.approx(math.exp(-2), abs=1e-6)


def test_augmented_states():
    x = torch.arange(6.0).reshape(3, 2)
    assert (Augmenter(augment_dims=2)(x) == torch.cat([torch.zeros(3, 2), x], dim=1)).all()
    assert (Augmenter(augment_func=torch.neg, order="last")(x) == torch.cat([x, -x], dim=1)).all()


@pytest.mark.parametrize("order", [0, -1, 1.5])
def test_an_order_that_no_equation_has(order):
    with pytest.raises(ValueError, match="order must be a whole number from 1 on"):
        NeuralODE(nn.Linear(2, 2), order=order)
