"""costate.torch: what is watched of a captured field, what refuses it, and how arguments find their way."""

import dataclasses
import gc
import itertools
import math
import random
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
from costate.torch import _native  # noqa: E402

WIDE = {"dtype": torch.float64}
Y0, T = torch.ones(3, 2, **WIDE), torch.tensor([0.0, 1.0], **WIDE)


def end(func, y0=Y0, **arguments):
    return door.odeint(func, y0, T, **{"rtol": 1e-9, "atol": 1e-11} | arguments)[-1]


class Holds(torch.nn.Module):
    def __init__(self, kept, read):
        super().__init__()
        self.kept, self.read = kept, read

    def forward(self, t, y):
        return -self.read(self.kept) * y


@dataclasses.dataclass
class Rate:
    value: float = 1.0


def replaced_array():
    field = Holds(np.ones(2), torch.from_numpy)
    return field, lambda: setattr(field, "kept", np.full(2, 2.0))


def array_in_a_tuple():
    field = Holds((np.ones(2),), lambda kept: torch.from_numpy(kept[0]))
    return field, lambda: field.kept[0].__imul__(2)


def far_down():
    field = Holds({"a": [{"b": {"c": {"d": {"e": {"f": 1.0}}}}}]}, lambda kept: kept["a"][0]["b"]["c"]["d"]["e"]["f"])
    return field, lambda: field.kept["a"][0]["b"]["c"]["d"]["e"].update(f=2.0)


def replaced_object():
    field = Holds(Rate(), lambda kept: kept.value)
    return field, lambda: setattr(field, "kept", Rate(2.0))


def signed_zero():
    field = Holds(0.0, lambda kept: 1.0 if math.copysign(1, kept) > 0 else 2.0)
    return field, lambda: setattr(field, "kept", -0.0)


def tensor_of_an_object():
    field = Holds(Rate(torch.ones(2, **WIDE)), lambda kept: kept.value)
    return field, lambda: setattr(field.kept, "value", torch.full((2,), 2.0, **WIDE))


def data_of_a_parameter():
    field = Holds(torch.nn.Parameter(torch.ones(2, **WIDE)), lambda kept: kept.data)
    return field, lambda: field.kept.data.fill_(2)


def tied_tensors():
    one = torch.ones(2, **WIDE)
    field = Holds([one, one], lambda kept: kept[0] * kept[1])
    return field, lambda: field.kept.__setitem__(1, 2 * one)


def property_of_a_class():
    class Field(torch.nn.Module):
        rate = property(lambda self: 1.0)

        def forward(self, t, y):
            return -self.rate * y

    return Field(), lambda: setattr(Field, "rate", property(lambda self: 2.0))


def default_of_a_function():
    def field(t, y, rate=1.0):
        return -rate * y
    return field, lambda: setattr(field, "__defaults__", (2.0,))


CHANGES = [replaced_array, array_in_a_tuple, far_down, replaced_object, signed_zero, tensor_of_an_object, data_of_a_parameter, tied_tensors, property_of_a_class,
           default_of_a_function]


@pytest.mark.parametrize("make", CHANGES, ids=lambda make: make.__name__)
def test_a_change_after_the_capture_is_seen(make):
    field, change = make()
    assert door.explain(field, Y0).startswith("In the core")
    for rate in (1.0, 2.0):
        assert torch.allclose(end(field), torch.full((3, 2), -rate, **WIDE).exp(), rtol=1e-8), rate
        change()


@pytest.mark.parametrize("kept, read, why", [
    (itertools.repeat(1.0), next, "whose state no check sees"),
    (random.Random(1), lambda kept: 1 + 0 * kept.random(), "whose state no check sees"),
    (np.ones(10_000), lambda kept: float(kept[3]), "a NumPy array of 10000 numbers"),
    (list(range(30_000)), lambda kept: float(kept[1]), "can reach more than 20000 Python values"),
    (sys, lambda kept: 1.0 + 0 * kept.getrecursionlimit(), "uses the module sys"),
    (torch.ones(2, **WIDE), lambda kept: float(kept.tolist()[0]), "reads numbers out of a tensor"),
    (1.0, lambda kept: eval("1.0"), "calls eval"),
], ids=["iterator", "generator", "large array", "many values", "module", "tolist", "eval"])
def test_what_cannot_be_watched_runs_through_callbacks(kept, read, why):
    field = Holds(kept, read)
    said = door.explain(field, Y0)
    assert said.startswith("Through callbacks") and why in said, said
    assert torch.allclose(end(field), Y0 / math.e, rtol=1e-8)


def test_what_no_field_reads_is_not_watched():
    field = Holds(1.0, lambda kept: kept)
    field.log, field.data = sys.stderr, list(range(100))
    assert door.explain(field, Y0).startswith("In the core")


def test_nan_in_a_trial_refuses_and_times_are_those_of_the_solve():
    field = lambda t, y: -y * torch.sqrt(t - 1)  # noqa: E731
    assert "NaN or inf in a trial" in door.explain(field, Y0)
    field = lambda t, y: -y * torch.sqrt(t - 1)  # noqa: E731
    assert door.explain(field, Y0, T + 1).startswith("In the core")
    masked = lambda t, y: torch.nn.functional.softplus(y, threshold=1.0) + 0 * torch.log(y - 5)  # noqa: E731
    assert door.explain(masked, Y0).startswith("Through callbacks")


class Branches(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = torch.nn.Parameter(torch.ones((), **WIDE))

    def forward(self, t, y):
        return y if y.sum() > 1e9 else -self.rate * y


def test_backsolve_is_taken_through_callbacks_too():
    field = Branches()
    states = door.odeint(field, Y0, T, adjoint="backsolve")
    assert "Backsolve" in type(states.grad_fn).__name__
    by_rate, = torch.autograd.grad(states[-1].sum(), field.rate)
    assert by_rate.item() == pytest.approx(-6 / math.e, rel=1e-5)
    assert "with a solve backwards: it reads a number" in door.explain(field, Y0, adjoint="backsolve")
    assert "path='callbacks' asks for it" in door.explain(field, Y0, path="callbacks")
    assert door.explain(field, Y0, path="native").startswith("Not at all")
    with pytest.raises(ValueError, match="must have a torch.nn.Module as func .* take adjoint='discrete'"):
        door.odeint(lambda t, y: -y, Y0, T, adjoint="backsolve", path="callbacks")
    with pytest.raises(ValueError, match="adjoint must be one of discrete, backsolve; got 'continuous'"):
        door.explain(field, Y0, adjoint="continuous")


def test_a_first_derivative_is_the_same_with_a_graph():
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).double()
    y0 = torch.linspace(-1, 1, 8, **WIDE).reshape(4, 2).requires_grad_(True)
    loss = end(lambda t, y: 3 * net(y), y0, rtol=1e-3, atol=1e-3).square().sum()
    alone, = torch.autograd.grad(loss, y0, retain_graph=True)
    recorded, = torch.autograd.grad(loss, y0, create_graph=True)
    assert recorded.requires_grad and (alone == recorded).all()


def test_a_bound_method_is_captured_once():
    class Model(torch.nn.Module):
        def decays(self, t, y):
            return -y

        def grows(self, t, y):
            return y

    model = Model()
    plans = [_native.plan_for(getattr(model, name), (Y0,), False)[0] for name in ("decays", "grows", "decays")]
    assert plans[0] is plans[2] and plans[0] is not plans[1]
    assert torch.allclose(end(model.decays), Y0 / math.e) and torch.allclose(end(model.grows), Y0 * math.e)


def test_a_trial_leaves_the_output_of_the_process_alone(capsys):
    before = []
    field = lambda t, y: -y if before.append(sys.stdout) is None else y  # noqa: E731
    end(field, method="euler")
    assert all(stream is sys.stdout for stream in before)


@pytest.mark.parametrize("slope", [lambda y: (y.double() * math.pi).sin().float(), lambda y: y.clone().mul_(torch.full((2,), 1 / 3, **WIDE)),
                                   lambda y: y - y.mean(1, keepdim=True, dtype=torch.float64).to(y)], ids=["converted", "in place", "mean"])
def test_a_field_that_computes_in_more_digits_keeps_them(slope):
    assert "it computes in torch.float64" in door.explain(lambda t, y: slope(y), Y0.float())


def test_tolerances_by_number_and_the_least_step_are_the_cores():
    field = lambda t, y: y * torch.tensor([-1.0, 2.0], **WIDE) * torch.cos(20 * t)  # noqa: E731
    by_number = torch.tensor([1e-3, 1e-9], **WIDE)
    for arguments in ({"rtol": by_number}, {"atol": by_number, "rtol": 0.0}, {"options": {"min_step": 0.3}}):
        native, called = (end(field, Y0[:1], path=path, **arguments) for path in ("native", "callbacks"))
        assert (native - called).abs().max() < 1e-13
    by_sample = by_number.repeat(3, 1) * torch.tensor([[1.0], [2.0], [3.0]], **WIDE)
    assert "tolerances differ between samples" in door.explain(field, Y0, rtol=by_sample)


@pytest.mark.parametrize("method, allowed", [("vern7", 1e-8), ("vern9", 1e-8), ("dop853", 1e-8), ("ralston", 1e-3)])
@pytest.mark.parametrize("path", ["native", "callbacks"])
def test_more_methods_of_the_core(method, allowed, path):
    t = torch.linspace(0, 1, 9, **WIDE)
    options = {"step_size": 0.02} if method == "ralston" else {}
    found = door.odeint(lambda t, y: -y * torch.cos(3 * t), Y0, t, method=method, options=options, path=path, rtol=1e-9, atol=1e-11)
    error = (found - torch.exp(-torch.sin(3 * t) / 3)[:, None, None]).abs().max()
    assert (1e-6 if options else 0) < error < allowed


def test_garbage_that_others_collect_is_no_code_of_the_field():
    def collected(phase, info):
        return sorted(info)

    def field(t, y):
        loops = [[] for _ in range(50)]
        for loop in loops:
            loop.append(loop)
        return -y

    threshold = gc.get_threshold()
    gc.callbacks.append(collected)  # as JAX does when it is imported
    gc.set_threshold(1)
    try:
        assert door.explain(field, Y0).startswith("In the core")
        assert gc.isenabled()
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(collected)


ASKING = {
    "mode": lambda t, y: -(2.0 if torch.is_grad_enabled() else 1.0) * y,
    "state": lambda t, y: -(2.0 if y.requires_grad else 1.0) * y,
    "leaf": lambda t, y: -(2.0 if y.is_leaf else 1.0) * y,
    "constant": lambda t, y: torch.tensor(-2.0 if y.requires_grad else -1.0, **WIDE) * y,
    "operation": lambda t, y: -y if torch.is_grad_enabled() else -y.clamp(-100, 100),
    "inference": lambda t, y: -(2.0 if torch.is_inference_mode_enabled() else 1.0) * y,
}


@pytest.mark.parametrize("name", ASKING)
def test_a_field_that_asks_for_gradients_is_answered_as_by_torchdiffeq(name):
    peer = pytest.importorskip("torchdiffeq", reason="torchdiffeq is not installed")
    assert door.explain(ASKING[name], Y0).startswith("Through callbacks: it asks whether")
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        for flows in (False, True):
            y0 = Y0.clone().requires_grad_(flows)
            with mode():
                found, expected = (solve(ASKING[name], y0, T, method="rk4") for solve in (door.odeint, peer.odeint))
                assert torch.allclose(found, expected) and found.requires_grad is expected.requires_grad, (mode, flows)


def test_a_field_that_asks_and_does_the_same_is_captured():
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()

    def field(t, y):
        with torch.enable_grad():
            y = y if y.requires_grad else y.detach().requires_grad_(True)
            return torch.autograd.grad(net(y).sum(), y, create_graph=True)[0]

    assert door.explain(field, Y0).startswith("In the core")
    frozen = lambda t, y: -y * (1.0 if net[0].weight.requires_grad else 2.0)  # noqa: E731
    assert "asks whether gradients flow to a tensor that it reads" in door.explain(frozen, Y0)
