"""costate.torch: fields of PyTorch in the core, and what sends them through callbacks."""

import copy
import gc
import math
import pickle
import subprocess
import sys
import threading
import warnings
import weakref

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate  # noqa: E402
import costate.torch as door  # noqa: E402
import costate.torchdiffeq as td  # noqa: E402
from costate.torch import _native  # noqa: E402

nn, functional = torch.nn, torch.nn.functional
TIGHT = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(1)


class Field(nn.Module):
    """f(t, y) of a function of the module, t and y."""

    def __init__(self, of, **parts):
        super().__init__()
        self.of = of
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, t, y):
        return self.of(self, t, y)


def with_time(self, t, y):
    return self.net(torch.cat([y, t.expand(len(y), 1)], dim=1))


def hamiltonian(self, t, y):
    with torch.enable_grad():
        y = y if y.requires_grad else y.detach().requires_grad_(True)
        slope, = torch.autograd.grad(self.net(y).sum(), y, create_graph=True)
    return torch.cat([slope[:, 1:], -slope[:, :1]], dim=1)


def without_graph(self, t, y):
    with torch.no_grad():
        size = y.square().sum(1, keepdim=True)
    with torch.enable_grad():
        y = y if y.requires_grad else y.detach().requires_grad_(True)
        slope, = torch.autograd.grad(self.net(y).sum(), y)
    return slope - torch.tanh(y) * torch.sigmoid(size)


def with_trace(self, t, state):
    with torch.enable_grad():
        y = state[0].requires_grad_(True)
        slope = self.net(y)
        trace = sum(torch.autograd.grad(slope[:, i].sum(), y, create_graph=True)[0][:, i] for i in range(2))
    return slope, -trace[:, None]


def attention(self, t, y):
    keys = self.net(y.reshape(-1, 3, 2))
    return (torch.softmax(keys @ keys.transpose(1, 2), dim=-1) @ keys).reshape(-1, 6)


def constants(self, t, y):
    a, b = y.chunk(2, dim=1)
    moved = torch.stack([b, -a], dim=1).squeeze(-1) * torch.tensor([2.0, 0.5]) + torch.ones_like(y) * t
    return torch.where(moved > 0, moved, 0.1 * moved).clamp(-3, 3) + y.pow(3) / (1 + y.abs()) - torch.einsum("bi,ij->bj", y, self.matrix)


def units(self, t, y):
    """Several units side by side, [unit, batch, feature], as flows with weights of their own have them."""
    hidden = torch.tanh(torch.matmul(y.unsqueeze(0).repeat(3, 1, 1), self.w) + self.b * t)
    both = torch.stack([hidden.flip(0), 2 * hidden]).sum(dim=0)
    return torch.matmul(both, self.u).mean(dim=0) + 0.1 * (y + hidden.sum(dim=2)[0, :, None])


def hyper(self, t, y):
    made = self.net(t.reshape(1, 1)).reshape(-1)
    return torch.matmul(torch.tanh(torch.matmul(y.unsqueeze(0).repeat(5, 1, 1), made[:10].reshape(5, 2, 1))), made[10:20].reshape(5, 1, 2)).mean(0)


def truths(self, t, y):
    inside = (y > 0) & (y < 1) | ~(y > -1)
    either = torch.logical_or(torch.logical_and(y > 0.2, t), torch.logical_not(y > -2)).masked_fill(y > 3, False)
    return torch.where(inside, y, -y) + ((t > 0.3) ^ (t > 0.6)) * y + torch.logical_xor(either, y > 0.6) * y + 0.1 * torch.ceil(y)


def windows(self, t, y):
    y = torch.tanh(y)
    pooled = functional.max_pool2d(y, 2) - functional.avg_pool2d(y, (2, 3), (2, 3)).sum(3, keepdim=True)
    return pooled.sum((2, 3), keepdim=True) + functional.avg_pool2d(y, 3, 1, 1) - functional.pad(functional.max_pool2d(y, 3, 1), (1, 1, 1, 1), value=0.5)


def series(self, t, y):
    y = torch.tanh(self.wide(functional.pad(y, (-1, 1)))) + self.even(y)
    return functional.max_pool1d(y, 3, 1, 1) - functional.avg_pool1d(y, 5, 1, 2)


def normalizing(norm, *shape):
    """A batch normalization that has seen some data, and uses what it learned of them."""
    norm(2 * torch.randn(*shape) + 1)
    return norm.eval()


def mlp(*sizes, activation=nn.Tanh):
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), activation())]
    return nn.Sequential(*layers[:-1])


CAPTURED = {
    "spiral": lambda: (Field(lambda self, t, y: self.net(y**3), net=mlp(2, 9, 2)), torch.randn(5, 1, 2)),
    "time": lambda: (Field(with_time, net=mlp(3, 8, 2, activation=nn.ELU)), torch.randn(4, 2)),
    "layer norm": lambda: (Field(lambda self, t, y: self.net(y), net=nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.SiLU(), nn.Linear(6, 4))), torch.randn(3, 4)),
    "weight norm": lambda: (Field(lambda self, t, y: torch.sin(self.net(y)), net=nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))), torch.randn(3, 3)),
    "orthogonal": lambda: (Field(lambda self, t, y: self.net(y), net=nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))), torch.randn(3, 3)),
    "hamiltonian": lambda: (Field(hamiltonian, net=mlp(2, 8, 1)), torch.randn(4, 2)),
    "trace": lambda: (Field(with_trace, net=mlp(2, 7, 2, activation=nn.Softplus)), (torch.randn(4, 2), torch.zeros(4, 1))),
    "attention": lambda: (Field(attention, net=nn.Linear(2, 2)), torch.randn(3, 6)),
    "constants": lambda: (Field(constants, matrix=nn.Parameter(torch.randn(2, 2))), torch.randn(4, 2)),
    "in place": lambda: (Field(lambda self, t, y: self.net(y).mul_(2).add_(1), net=nn.Sequential(nn.Linear(2, 5), nn.ReLU(inplace=True), nn.Linear(5, 2))), torch.randn(4, 2)),
    "images": lambda: (Field(lambda self, t, y: self.net(y) + t, net=nn.Sequential(nn.GroupNorm(2, 4), nn.GELU(), nn.Conv2d(4, 4, 3, padding=1))), torch.randn(2, 4, 5, 5)),
    "truths": lambda: (Field(truths), torch.randn(5, 3)),
    "windows": lambda: (Field(windows), torch.randn(3, 4, 6, 6)),
    "series": lambda: (Field(series, wide=nn.Conv1d(4, 4, 3, padding=2, dilation=2, groups=2), even=nn.Conv1d(4, 4, 4, padding="same")), torch.randn(3, 4, 7)),
    "even kernel": lambda: (Field(lambda self, t, y: torch.tanh(self.net(y)), net=nn.Conv2d(3, 3, (3, 4), padding="same")), torch.randn(2, 3, 5, 6)),
    "logsumexp": lambda: (Field(lambda self, t, y: torch.logsumexp(y, 1, keepdim=True) - torch.logsumexp(999 * y.reshape(-1, 2, 3), (1, 2))[:, None] / 999 - y), torch.randn(4, 6)),
    "batch norm": lambda: (Field(lambda self, t, y: torch.tanh(self.net(y)), net=normalizing(nn.BatchNorm2d(4), 20, 4, 5, 5)), torch.randn(3, 4, 3, 3)),
    "batch norm of features": lambda: (Field(lambda self, t, y: -self.net(y), net=normalizing(nn.BatchNorm1d(4, affine=False), 20, 4)), torch.randn(3, 4)),
    "functional": lambda: (Field(lambda self, t, y: torch.func.functional_call(self.net, dict(self.net.named_parameters()), (y,)), net=mlp(2, 6, 2)), torch.randn(3, 2)),
    "detached": lambda: (Field(lambda self, t, y: self.net(y) * torch.sin(y.detach()) + y.data, net=mlp(2, 5, 2)), torch.randn(3, 2)),
    "without a graph": lambda: (Field(without_graph, net=mlp(2, 5, 1)), torch.randn(3, 2)),
    "units": lambda: (Field(units, w=nn.Parameter(torch.randn(3, 2, 2)), b=nn.Parameter(torch.randn(3, 1, 2)), u=nn.Parameter(torch.randn(3, 2, 2))), torch.randn(4, 2)),
    "units of one": lambda: (Field(units, w=nn.Parameter(torch.randn(3, 2, 1)), b=nn.Parameter(torch.randn(3, 1, 1)), u=nn.Parameter(torch.randn(3, 1, 2))), torch.randn(4, 2)),
    "wide units": lambda: (Field(units, w=nn.Parameter(torch.randn(3, 4, 5)), b=nn.Parameter(torch.randn(3, 1, 5)), u=nn.Parameter(torch.randn(3, 5, 4))), torch.randn(4, 4)),
    "hyper": lambda: (Field(hyper, net=mlp(1, 30, 30, 20)), torch.randn(12, 2)),
    "batch": lambda: (Field(lambda self, t, y: self.net(y - y.mean(0, keepdim=True)), net=mlp(2, 5, 2)), torch.randn(4, 2)),
}


def solved(field, y0, path, t=(0.0, 0.4, 1.0), **arguments):
    """States, and gradients by y0, times and parameters."""
    field, parts = field.double(), y0 if isinstance(y0, tuple) else (y0,)
    parts = tuple(part.double().clone().requires_grad_(True) for part in parts)
    times = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    states = door.odeint(field, parts if isinstance(y0, tuple) else parts[0], times, path=path, **TIGHT | arguments)
    states = states if isinstance(states, tuple) else (states,)
    loss = sum((state * torch.linspace(-1, 2, state.numel(), dtype=torch.float64).reshape(state.shape)).sum() for state in states)
    return states, torch.autograd.grad(loss, [*parts, times, *field.parameters()], allow_unused=True, materialize_grads=True)


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_fields_give_the_numbers_of_callbacks(name):
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        field, y0 = CAPTURED[name]()
        said = door.explain(field, y0)
        assert said.startswith("In the core") and ("each sample alone" in said) is (name not in ("batch", "hyper")), said
        # Over kinks, and of what has no whole derivative, gradients depend on the steps.
        for arguments in ({"method": "rk4"}, {})[:1 if name in ("constants", "in place", "detached", "without a graph", "truths", "windows", "series", "logsumexp") else 2]:
            ours, theirs = (solved(field, y0, path, **arguments) for path in ("native", "callbacks"))
            for found, expected in zip([*ours[0], *ours[1]], [*theirs[0], *theirs[1]], strict=True):
                # Equal steps agree to rounding; adaptive ones to what the tolerances leave of gradients.
                allowed = 1e-10 if arguments else 1e-5
                assert (found - expected).abs().max() <= allowed * (1 + expected.abs().max()), name
    finally:
        torch.set_default_dtype(default)


seen = []


def remembers(self, t, y):
    seen.append(t)
    return -y


def prints(self, t, y):
    print("evaluated")
    return -y


def warns(self, t, y):
    warnings.warn("evaluated", stacklevel=1)
    return -y


class Caches(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = torch.zeros(2)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, t, y):
        self.count += 1
        return -y


PULSES = {  # 100 from t = 3 to t = 3.01
    "and": lambda t, y: -y + ((t > 3) & (t < 3.01)) * 100.0,
    "not": lambda t, y: -y + torch.where(~((t <= 3) | (t >= 3.01)), 100.0, 0.0),
    "exclusive or": lambda t, y: -y + 100.0 * ((t > 3) ^ (t > 3.01)),
    "words": lambda t, y: -y + 100.0 * torch.logical_and(t > 3, torch.logical_not(torch.logical_or(t > 3.01, t > 9))),
    "heaviside": lambda t, y: -y + 100.0 * (torch.heaviside(t - 3, y.new_ones(())) - torch.heaviside(t - 3.01, y.new_zeros(()))),
}


@pytest.mark.parametrize("field", PULSES.values(), ids=PULSES)
def test_switches_in_time_of_truth_values_are_found(field):
    end = door.odeint(field, torch.zeros(2, 1, dtype=torch.float64), torch.tensor([0.0, 10.0]), rtol=1e-8, atol=1e-10, path="native")[-1]
    assert (end / (100 * math.expm1(0.01) * math.exp(3 - 10.0)) - 1).abs().max() < 1e-5


def test_a_length_is_finite_where_squares_are_not():
    y0 = torch.tensor([[3.0]], dtype=torch.float64, requires_grad=True)
    end = door.odeint(lambda t, y: -torch.hypot(y, torch.full_like(y, 1e200)) / 1e200, y0, torch.tensor([0.0, 1.0]), path="native")[-1]
    end.sum().backward()
    assert abs(end.item() - 2) < 1e-12 and abs(y0.grad.item() - 1) < 1e-12


def test_a_warning_of_pytorch_is_shown_once_and_is_no_print():
    program = """
import torch, costate.torch
net = torch.nn.Conv2d(3, 3, (3, 4), padding="same")
said = costate.torch.explain(lambda t, y: net(y), torch.randn(2, 3, 5, 6))
assert said.startswith("In the core"), said
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "" and done.stderr.count("UserWarning: Using padding='same' with even kernel") == 1, done.stderr


REFUSED = {
    "dropout": (lambda: Field(lambda self, t, y: self.drop(y), drop=nn.Dropout(0.5)), "draws random numbers"),
    "if": (lambda: Field(lambda self, t, y: -y if t < 0.5 else y), "reads a number out of a tensor"),
    "item": (lambda: Field(lambda self, t, y: y * t.item()), "reads a number out of a tensor"),
    "list": (lambda: Field(remembers), "changes len"),
    "print": (lambda: Field(prints), "prints"),
    "warning": (lambda: Field(warns), "it warns"),
    "bits": (lambda: Field(lambda self, t, y: -y * ((y > 0).int() & 3)), "the bits of torch.int32 numbers"),
    "windows": (lambda: Field(lambda self, t, y: -functional.avg_pool1d(y[:, None], 3, 1, 1, count_include_pad=False)[:, 0]), "it pools other than by whole windows"),
    "buffer": (Caches, "writes into a tensor that it did not make"),
    "numpy": (lambda: Field(lambda self, t, y: torch.from_numpy(-y.detach().numpy())), "reads numbers out of a tensor"),
    "fft": (lambda: Field(lambda self, t, y: torch.fft.irfft(torch.fft.rfft(y), n=2)), "aten::_fft_r2c, which costate.torch does not translate"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_capture_would_lose_runs_through_callbacks(name, capsys):
    make, why = REFUSED[name]
    field, y0, t = make(), torch.ones(3, 2), torch.tensor([0.0, 1.0])
    seen.clear()
    said = door.explain(field, y0)
    assert said.startswith("Through callbacks") and why in said, said
    assert not seen and capsys.readouterr().out == ""  # a trial leaves nothing behind
    if name == "buffer":
        assert field.count == 0
    with pytest.raises(NotImplementedError, match="path='native' cannot be taken"):
        door.odeint(field, y0, t, path="native")
    states = door.odeint(field, y0, t, rtol=1e-3, atol=1e-3, options={"max_num_steps": 10_000} if name == "dropout" else None, method="rk4" if name == "dropout" else None)
    assert states.shape == (2, 3, 2)
    if name == "list":
        assert len(seen) > 5
    if name == "buffer":
        assert field.count > 5


def test_dropout_is_captured_in_evaluation():
    field = Field(lambda self, t, y: self.drop(-y), drop=nn.Dropout(0.5))
    assert door.explain(field, torch.ones(3, 2)).startswith("Through callbacks")
    assert door.explain(field.eval(), torch.ones(3, 2)).startswith("In the core")
    assert door.explain(field.train(), torch.ones(3, 2)).startswith("Through callbacks")


def test_counters_are_kept():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.nfe, self.layer = 0, nn.Linear(2, 2)

        def forward(self, t, y):
            self.nfe += 1
            return self.layer(y)

    field = Counts()
    assert "1 counter(s) are kept" in door.explain(field, torch.ones(3, 2)) and field.nfe == 0
    td.odeint(field, torch.ones(3, 2), torch.tensor([0.0, 1.0]), method="rk4", options={"step_size": 0.1})
    assert field.nfe == 40
    field.nfe = 0
    y = td.odeint(field, torch.ones(3, 2), torch.tensor([0.0, 1.0]))
    native, field.nfe = field.nfe, 0
    plain = door.odeint(field, torch.ones(3, 2), torch.tensor([0.0, 1.0]), options={"controller": "torchdiffeq"}, path="callbacks")
    assert (y - plain).abs().max() < 1e-5
    assert 0.5 * field.nfe < native <= 1.2 * field.nfe


def test_changes_after_the_capture_are_seen():
    field = Field(lambda self, t, y: self.scale * self.layer(y), layer=nn.Linear(2, 2, bias=False), scale=1.0)
    y0, t = torch.ones(3, 2), torch.tensor([0.0, 1.0])
    solve = lambda path="native": door.odeint(field, y0, t, method="rk4", path=path)  # noqa: E731
    first = solve()
    with torch.no_grad():
        field.layer.weight.mul_(2)
    assert torch.allclose(solve(), solve("callbacks")) and not torch.allclose(solve(), first)
    field.scale = 0.5
    assert torch.allclose(solve(), first)
    field.layer.weight = nn.Parameter(torch.zeros(2, 2))
    assert (solve() == y0).all()
    field.layer = nn.Linear(2, 2)
    assert torch.allclose(solve(), solve("callbacks"))
    called = []
    hook = field.layer.register_forward_hook(lambda *arguments: called.append(1))
    assert "it has hooks" in door.explain(field, y0)
    door.odeint(field, y0, t)
    assert called
    hook.remove()
    field.forward = lambda t, y: -y
    assert torch.allclose(door.odeint(field, y0, t)[-1], math.exp(-1) * y0, atol=1e-5)
    del field.forward
    field.load_state_dict({key: value + 1 for key, value in field.state_dict().items()})
    assert torch.allclose(solve(), solve("callbacks"))


def test_frozen_parameters_and_inference():
    field = Field(lambda self, t, y: self.net(y), net=mlp(2, 4, 2))
    field.net[0].weight.requires_grad_(False)
    y0, t = torch.ones(3, 2), torch.tensor([0.0, 1.0])
    td.odeint(field, y0, t).sum().backward()
    assert field.net[0].weight.grad is None and field.net[2].weight.grad is not None
    with torch.no_grad():
        assert not td.odeint(field, y0, t).requires_grad
    for parameter in field.parameters():
        parameter.requires_grad_(False)
    assert not td.odeint(field, y0, t).requires_grad


def test_graphs_that_are_kept_solves_in_flight_and_other_threads():
    field = Field(lambda self, t, y: self.net(y), net=mlp(2, 4, 2)).double()
    t = torch.tensor([0.0, 1.0])
    starts = [torch.randn(3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    a, b = (td.odeint(field, y, t)[-1].sum() for y in starts)
    first, = torch.autograd.grad(a, starts[0], retain_graph=True)
    found = {}
    thread = threading.Thread(target=lambda: found.update(b=torch.autograd.grad(b, starts[1])[0]))
    thread.start()
    thread.join()
    assert (torch.autograd.grad(a, starts[0])[0] == first).all()
    alone, = torch.autograd.grad(td.odeint(field, starts[1], t)[-1].sum(), starts[1])
    assert (found["b"] == alone).all()


def test_gradients_can_be_differentiated():
    field = Field(lambda self, t, y: self.net(y), net=mlp(2, 4, 2)).double()
    y0, t = torch.randn(3, 2, dtype=torch.float64, requires_grad=True), torch.tensor([0.0, 1.0])
    found = []
    for path in ("native", "callbacks"):
        first, = torch.autograd.grad(door.odeint(field, y0, t, path=path, method="rk4")[-1].square().sum(), y0, create_graph=True)
        found.append((first, *torch.autograd.grad(first.square().sum(), [y0, *list(field.parameters())[:3]])))
    for ours, theirs in zip(*found):
        assert (ours - theirs).abs().max() < 1e-10


def test_modules_are_copied_and_pickled():
    field = mlp_field()
    y0, t = torch.ones(3, 2), torch.tensor([0.0, 1.0])
    expected = td.odeint(field, y0, t)
    assert (td.odeint(copy.deepcopy(field), y0, t) == expected).all()
    assert (td.odeint(pickle.loads(pickle.dumps(field)), y0, t) == expected).all()


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(2, 4, 2)

    def forward(self, t, y):
        return self.net(y)


def mlp_field():
    return Plain()


def test_autocast_runs_through_callbacks():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert "autocast is on" in door.explain(mlp_field(), torch.ones(3, 2))
        assert td.odeint(mlp_field(), torch.ones(3, 2), torch.tensor([0.0, 1.0]), rtol=1e-2, atol=1e-2).dtype == torch.float32


def test_functions_of_torch_func():
    field, y0, t = mlp_field().double(), torch.ones(2, dtype=torch.float64), torch.tensor([0.0, 1.0])
    end = lambda y: td.odeint(lambda t, y: field(t, y[None])[0], y, t)[-1].sum()  # noqa: E731
    by_func = torch.func.grad(end)(y0)
    y = y0.clone().requires_grad_(True)
    assert torch.allclose(by_func, torch.autograd.grad(end(y), y)[0], atol=1e-6)


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_the_adjoints_by_name(method):
    field, t = mlp_field().double(), torch.linspace(0, 1, 5)
    gradients = []
    for adjoint in ("discrete", "backsolve"):
        for path in ("native", "callbacks"):
            states = door.odeint(field, torch.ones(3, 2, dtype=torch.float64), t, method=method, adjoint=adjoint, path=path, **TIGHT)
            gradients.append(torch.autograd.grad(states[-1].sum(), field.net[0].weight)[0])
    for gradient in gradients[1:]:
        assert (gradient - gradients[0]).abs().max() < (1e-5 if method == "rk4" else 1e-7)
    with pytest.raises(ValueError, match="adjoint must be one of discrete, backsolve; got 'continuous'"):
        door.odeint(field, torch.ones(3, 2, dtype=torch.float64), t, adjoint="continuous")
    with pytest.raises(ValueError, match="path must be one of auto, native, callbacks"):
        door.odeint(field, torch.ones(3, 2, dtype=torch.float64), t, path="core")


def test_a_solve_that_fails_says_where():
    blows_up = Field(lambda self, t, y: y * y)
    with pytest.raises(AssertionError, match="underflow in dt .* in sample 1 at t = 0.[45]"):
        door.odeint(blows_up, torch.tensor([[0.1], [2.0]]), torch.tensor([0.0, 1.0]), path="native")


def test_the_grid_of_the_core_is_torchdiffeqs():
    field, t = mlp_field().double(), torch.tensor([0.0, 0.33, 0.7, 1.0], dtype=torch.float64)
    for options in ({"step_size": 0.3}, {"grid_constructor": lambda f, y, t: torch.linspace(0, 1, 5, dtype=torch.float64) ** 2}):
        a, b = (door.odeint(field, torch.ones(3, 2, dtype=torch.float64), t, method="rk4", options=options, path=path) for path in ("native", "callbacks"))
        assert (a - b).abs().max() < 1e-12
    assert math.isfinite(a.sum().item())


def test_torch_compile_leaves_solves_alone():
    field, t = mlp_field(), torch.tensor([0.0, 1.0])
    start = lambda y: td.odeint(field, y * 2, t)[-1].sum()  # noqa: E731
    y0 = torch.ones(3, 2, requires_grad=True)
    compiled = torch.compile(start, backend="eager")(y0)
    compiled.backward()
    assert compiled.item() == start(y0).item() and y0.grad is not None


def test_what_is_kept_of_a_field_goes_with_it():
    fields = [mlp_field() for _ in range(3)]
    for field in fields:
        td.odeint(field, torch.ones(3, 2), torch.tensor([0.0, 1.0])).sum().backward()
    gone = [weakref.ref(field) for field in fields]
    del fields, field
    gc.collect()
    assert [reference() for reference in gone] == [None] * 3
    plan, _ = _native.plan_for(mlp_field(), (torch.ones(3, 2),), False)
    for count in range(2, 80):
        plan.program(count, (("method", "euler"), ("steps_per_interval", 1)))
    assert len(plan.programs) <= 64


def test_a_module_of_another_dtype_is_captured_anew():
    field, t = mlp_field(), torch.tensor([0.0, 1.0])
    td.odeint(field, torch.ones(3, 2), t)
    with pytest.raises(RuntimeError, match="dtype"):
        td.odeint(field.double(), torch.ones(3, 2), t)
    assert td.odeint(field, torch.ones(3, 2, dtype=torch.float64), t).dtype == torch.float64


@pytest.mark.parametrize("call", [
    lambda tensor: costate.compile(costate.trace(lambda x: costate.sum(x), {"x": (2,)}))(tensor),
    lambda tensor: costate.load_state_dict(costate.Linear(2, 2), {"weight": tensor, "bias": tensor[0]}),
    lambda tensor: costate.solve(lambda t, z: -z, tensor, [0.0, 1.0]),
    lambda tensor: costate.Parameter("rate", tensor),
], ids=["program", "load_state_dict", "solve", "Parameter"])
def test_a_tensor_that_numpy_cannot_hold_is_refused_in_a_sentence(call):
    with pytest.raises(costate.DtypeError, match=r"^\[\w+\] a tensor's dtype must be one that NumPy has, such as torch.float32; got torch.bfloat16. Give tensor.float\(\)\.$"):
        call(torch.ones(2, 2, dtype=torch.bfloat16))
