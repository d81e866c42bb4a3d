"""costate.torch on a card: emulated (conftest.py), with tensors of the host that pass for ones on it; and on a real one, where there is one."""

import copy

import pytest

torch = pytest.importorskip("torch")
import costate  # noqa: E402
import costate.torch as door  # noqa: E402
from costate.torch import _card  # noqa: E402
from emulated_card import OnCard, OnHost  # noqa: E402


class Net(torch.nn.Module):
    def __init__(self, seed=0, width=16):
        super().__init__()
        torch.manual_seed(seed)
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.Tanh(), torch.nn.Linear(width, 3)).double()
        self.rate = torch.nn.Parameter(torch.tensor(0.3, dtype=torch.float64))

    def forward(self, t, y):
        return self.layers(y) * torch.cos(t) - self.rate.exp() * y


T = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
TIGHT = {"rtol": 1e-8, "atol": 1e-9}


def starts(count=40):
    return torch.linspace(-1, 1, 3 * count, dtype=torch.float64).reshape(count, 3)


@pytest.fixture
def on_card(card, monkeypatch):
    """From here on tensors pass for ones on the card, on whose stream 77 PyTorch is."""
    def begin():
        monkeypatch.setattr(_card, "is_on_card", lambda tensor: True)
        monkeypatch.setattr(_card, "stream_of", lambda tensor: 77)
        monkeypatch.setattr(_card, "given", OnCard)
        monkeypatch.setattr(_card, "taken", lambda array: torch.from_dlpack(OnHost(array)))
        return card
    return begin


def gradients(field, y0, t, solve):
    y0, t = (x.clone().requires_grad_() for x in (y0, t))
    states = solve(field, y0, t)
    weights = torch.linspace(0.5, 1.5, states.numel(), dtype=states.dtype).reshape(states.shape)
    return states.detach(), torch.autograd.grad((states * weights).sum(), [y0, t, *field.parameters()])


@pytest.mark.parametrize("method", ["dopri5", "rk4", "bosh3"])
def test_values_and_gradients_are_the_cpus(on_card, method):
    def solve(field, y0, t):
        return door.odeint(field, y0, t, method=method, path="native", **TIGHT)

    field = Net()
    there = copy.deepcopy(field)
    expected, by_host = gradients(field, starts(), T, solve)
    card = on_card()
    assert "In the core, on the card, each sample alone" in door.explain(there, starts(), T, method=method)
    states, by_card = gradients(there, starts(), T, solve)
    assert states.is_contiguous() and (states - expected).abs().max() < 1e-12
    for a, b in zip(by_card, by_host):
        assert a.shape == b.shape and (a - b).abs().max() < 1e-9 * (1 + b.abs().max())
    assert card("stream") == 77


def test_a_grid_of_its_own(on_card):
    field = Net(seed=3)
    there = copy.deepcopy(field)
    options = {"method": "rk4", "options": {"step_size": 0.07}, "path": "native"}
    expected = door.odeint(field, starts(), T, **options)
    on_card()
    assert (door.odeint(there, starts(), T, **options) - expected).abs().max() < 1e-12


def test_states_of_several_parts_in_f32(on_card):
    class Parts(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.mix = torch.nn.Linear(2, 2)

        def forward(self, t, state):
            x, v = state
            return v, -self.mix(x) - x * (v * v).sum(1, keepdim=True)

    field, t = Parts(), torch.tensor([0.0, 0.5, 1.0])
    there = copy.deepcopy(field)

    def solve(field):
        y0 = [torch.linspace(-1, 1, 14).reshape(7, 2).requires_grad_() for _ in range(2)]
        x, v = door.odeint(field, tuple(y0), t, rtol=1e-5, atol=1e-6, path="native")
        return x.detach(), v.detach(), *torch.autograd.grad(x[-1].square().sum(), [*y0, *field.parameters()])

    here = solve(field)
    on_card()
    for a, b in zip(solve(there), here):
        assert a.dtype == torch.float32 and a.shape == b.shape and (a - b).abs().max() < 1e-5 * (1 + b.abs().max())


def test_neither_states_nor_weights_go_through_the_host(on_card):
    card, field, y0 = on_card(), Net(width=4000).float(), starts(64).float().requires_grad_()
    for _ in range(2):  # of which the first compiles
        before = card("copied")
        door.odeint(field, y0, T.float(), rtol=1e-3, atol=1e-4, path="native").sum().backward()
    assert card("copied") - before < sum(p.numel() for p in field.parameters()), "statuses and counts of samples"


def test_a_batch_whose_samples_meet_is_one_sample(on_card):
    field = Net(seed=2)
    there = copy.deepcopy(field)

    def solve(field, y0, t):
        return door.odeint(lambda t, y: field(t, y) - y.mean(0), y0, t, path="native", **TIGHT)

    expected, by_host = gradients(field, starts(5), T, solve)
    on_card()
    states, by_card = gradients(there, starts(5), T, solve)
    assert (states - expected).abs().max() < 1e-12
    assert all((a - b).abs().max() < 1e-9 * (1 + b.abs().max()) for a, b in zip(by_card, by_host))


def test_a_step_of_training(on_card):
    losses = []
    for turn in range(2):
        field = Net(seed=4)
        optimizer = torch.optim.SGD(field.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = (door.odeint(field, starts(8), T, path="native", **TIGHT)[-1] - 1).square().mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        on_card()
    assert losses[1] == pytest.approx(losses[0], rel=1e-9)


def test_the_door_of_torchdiffeq(on_card):
    import costate.torchdiffeq as td

    expected = td.odeint(Net(seed=10), starts(), T, rtol=1e-9, atol=1e-10)
    on_card()
    field = Net(seed=10)
    assert (td.odeint(field, starts(), T, rtol=1e-9, atol=1e-10) - expected).abs().max() < 1e-7
    td.odeint_adjoint(field, starts(), T)[-1].sum().backward()
    assert torch.isfinite(field.rate.grad)


def test_second_derivatives_go_through_callbacks(on_card):
    on_card()
    field, y0 = Net(seed=5), starts(2).requires_grad_()
    first, = torch.autograd.grad(door.odeint(field, y0, T, path="native", method="rk4")[-1].square().sum(), y0, create_graph=True)
    second, = torch.autograd.grad(first.sum(), y0)
    assert torch.isfinite(second).all()


def test_what_changes_before_the_reverse_is_an_error(on_card):
    on_card()
    field, y0 = Net(seed=6), starts(4).requires_grad_()
    states = door.odeint(field, y0, T, path="native")
    with torch.no_grad():
        field.rate.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        states.sum().backward()


def test_a_solve_that_fails_says_where(on_card):
    on_card()
    with pytest.raises(AssertionError, match="in sample 1 at t = 0.[45]"):
        door.odeint(lambda t, y: y * y, torch.tensor([[0.1], [2.0]]), torch.tensor([0.0, 1.0]), path="native")


def test_what_kernels_do_not_have_is_said(on_card, monkeypatch):
    card = on_card()
    y0 = starts(40)
    together = {"options": {"controller": "torchdiffeq"}}
    assert "one step for all of 40 samples is more than the 32 that a block holds" in door.explain(Net(7), y0, T, **together)
    assert (door.odeint(Net(7), y0, T, **together) - door.odeint(Net(7), y0, T)).abs().max() < 1e-5, "through callbacks"
    with pytest.raises(NotImplementedError, match="path='native' cannot be taken: one step for all of 40 samples"):
        door.odeint(Net(7), y0, T, path="native", **together)
    with pytest.raises(NotImplementedError, match="a card has the adjoint 'discrete' alone"):
        door.odeint(Net(8), y0.clone().requires_grad_(), T, path="native", adjoint="backsolve")

    class Switched(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.at = torch.nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

        def forward(self, t, y):
            return torch.where(t > self.at, -y, y)

    with torch.no_grad():
        assert "which the host would have to read" in door.explain(Switched(), y0, T)
    monkeypatch.delenv("COSTATE_CUDA")
    assert "COSTATE_CUDA=experimental in the environment asks for them" in door.explain(Net(9), y0, T)
    assert card("blocks") >= 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card; no kernel of Costate has run on one yet")
def test_tensors_on_a_card(monkeypatch):
    monkeypatch.setenv("COSTATE_CUDA", "experimental")

    def solve(field, y0, t):
        return door.odeint(field, y0, t, path="native", **TIGHT)

    expected, by_host = gradients(Net(), starts(), T, solve)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        states, by_card = gradients(Net().cuda(), starts().cuda(), T.cuda(), solve)
    stream.synchronize()
    assert states.is_cuda and (states.cpu() - expected).abs().max() < 1e-9
    for a, b in zip(by_card, by_host):
        assert a.is_cuda and (a.cpu() - b).abs().max() < 1e-8 * (1 + b.abs().max())


def test_the_core_says_that_it_has_no_card(monkeypatch):
    monkeypatch.delenv("COSTATE_CUDA", raising=False)
    with pytest.raises(costate.NotSupported, match="set COSTATE_CUDA=experimental"):
        costate.DeviceSolver(costate.vector_field(lambda t, z: -z, (1,)))
