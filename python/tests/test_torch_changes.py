"""costate.torch: what a captured field reads in Python, and gradients that its operations do not tell."""

import collections
import functools
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402

WIDE = {"dtype": torch.float64}


def end(func, y0=None, **options):
    y0 = torch.ones(3, 2, **WIDE) if y0 is None else y0
    return door.odeint(func, y0, torch.tensor([0.0, 1.0], **WIDE), rtol=1e-9, atol=1e-11, **options)[-1]


class OfClass(torch.nn.Module):
    rate = 1.0

    def of_helper(self):
        return self.rate

    def forward(self, t, y):
        return -self.of_helper() * y


class Slots:
    __slots__ = ("rate",)


def of_class():
    class Field(OfClass):
        pass
    return Field(), lambda: setattr(Field, "rate", 2.0)


def shadowed():
    field = OfClass()
    return field, lambda: setattr(field, "rate", 2.0)


def class_as_namespace():
    class Settings:
        rate = 1.0
    return lambda t, y: -Settings.rate * y, lambda: setattr(Settings, "rate", 2.0)


def of_module():
    settings = types.ModuleType("settings")
    settings.rate = 1.0
    return lambda t, y: -settings.rate * y, lambda: setattr(settings, "rate", 2.0)


RATE = 1.0


def inner_function():
    globals()["RATE"] = 1.0
    return lambda t, y: sum([(lambda x: -RATE * x)(y) for _ in range(1)]), lambda: globals().update(RATE=2.0)


def default():
    def field(t, y, settings={"rate": 1.0}):
        return -settings["rate"] * y
    return field, lambda: field.__defaults__[0].update(rate=2.0)


def slots():
    settings = Slots()
    settings.rate = torch.ones(2, **WIDE)
    return lambda t, y: -settings.rate * y, lambda: setattr(settings, "rate", torch.full((2,), 2.0, **WIDE))


def arrays():
    rate = np.ones(2)
    return lambda t, y: -torch.from_numpy(rate) * y, lambda: np.copyto(rate, 2.0)


def tensor_as_list():
    rates = torch.ones(2, **WIDE)
    return lambda t, y: -rates.tolist()[0] * y, lambda: rates.fill_(2.0)


def partial():
    settings = {"rate": 1.0}
    return functools.partial(lambda settings, t, y: -settings["rate"] * y, settings), lambda: settings.update(rate=2.0)


def items():
    kept, rates = collections.deque([1.0]), {0.5, 0.25}
    return lambda t, y: -(kept[0] + 0 * sum(rates)) * y, lambda: kept.__setitem__(0, 2.0)


def in_set():
    rates = {1.0}
    return lambda t, y: -sum(rates) * y, lambda: (rates.clear(), rates.add(2.0))


def of_long_list():
    rates = [1.0] * 100
    return lambda t, y: -rates[80] * y, lambda: rates.__setitem__(80, 2.0)


def of_replaced_dict():
    field = types.SimpleNamespace(settings={"rate": 1.0})
    return lambda t, y: -field.settings["rate"] * y, lambda: setattr(field, "settings", {"rate": 2.0})


def of_replaced_function():
    field = torch.nn.Module()
    field.slope = torch.neg
    return lambda t, y: field.slope(y), lambda: setattr(field, "slope", lambda y: -2 * y)


def of_patched_class():
    class Field(OfClass):
        def forward(self, t, y):
            return -y
    return Field(), lambda: setattr(Field, "forward", lambda self, t, y: -2 * y)


def of_more_layers():
    layers = torch.nn.ModuleList([torch.nn.Identity()])
    doubling = torch.nn.Linear(2, 2, bias=False, **WIDE)
    torch.nn.init.eye_(doubling.weight).data.mul_(2)
    return lambda t, y: -functools.reduce(lambda x, layer: layer(x), layers, y), lambda: layers.append(doubling)


CHANGES = [of_class, shadowed, class_as_namespace, of_module, inner_function, default, slots, arrays, tensor_as_list, partial, items, in_set,
           of_long_list, of_replaced_dict, of_replaced_function, of_patched_class, of_more_layers]


@pytest.mark.parametrize("make", CHANGES, ids=lambda make: make.__name__)
def test_a_change_in_python_is_seen(make):
    field, change = make()
    for rate in (1.0, 2.0):
        assert torch.allclose(end(field), torch.full((3, 2), -rate, **WIDE).exp(), rtol=1e-8), rate
        change()


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, cotangent):
        return -cotangent


def hooked(p, y):
    found = p * y
    if found.requires_grad:
        found.register_hook(lambda cotangent: -cotangent)
    return found


def without_gradient(p, y):
    with torch.no_grad():
        doubled = 2 * p
    return doubled * y


@pytest.mark.parametrize("slope, of_p", [(lambda p, y: Reversed.apply(p * y), -1.0), (hooked, -1.0), (without_gradient, 0.0)],
                         ids=["function", "hook", "no_grad"])
def test_gradients_that_operations_do_not_tell_are_pytorchs(slope, of_p):
    p = torch.tensor(0.5, **WIDE, requires_grad=True)
    field = lambda t, y: slope(p, y)  # noqa: E731
    assert "its gradient is not that of its operations" in door.explain(field, torch.ones(3, 2, **WIDE))
    y0 = torch.ones(3, 2, **WIDE, requires_grad=True)
    found = torch.autograd.grad(end(field, y0, method="euler").sum(), [p, y0], allow_unused=True)
    rate = 1.0 if slope is without_gradient else 0.5 * of_p
    assert torch.allclose(found[1], torch.full((3, 2), 1 + rate, **WIDE))
    assert float(found[0] if found[0] is not None else 0.0) == pytest.approx(6 * of_p)


def test_a_parameter_that_is_set_free_later_is_checked():
    p = torch.nn.Parameter(torch.tensor(0.5, **WIDE), requires_grad=False)
    field = lambda t, y: without_gradient(p, y)  # noqa: E731
    y0 = torch.ones(3, 2, **WIDE, requires_grad=True)
    end(field, y0)
    p.requires_grad_(True)
    assert torch.autograd.grad(end(field, y0).sum(), p, allow_unused=True) == (None,)


@pytest.mark.parametrize("slope", [lambda y: -len(y) * y, lambda y: -y**len(y), lambda y: -y if len(y) <= 3 else -5 * y],
                         ids=["factor", "power", "if"])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_fields_that_look_at_the_number_of_samples(slope, count):
    field = lambda t, y: slope(y)  # noqa: E731
    end(field)
    y0 = torch.linspace(0.5, 1, 2 * count, **WIDE).reshape(count, 2)
    assert torch.allclose(end(field, y0), end(field, y0, path="callbacks"), rtol=1e-7)


def test_objects_that_are_equal_are_fields_of_their_own():
    class Field:
        def __init__(self, rate):
            self.rate = rate

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 1

        def __call__(self, t, y):
            return -self.rate * y

    one, other = Field(1.0), Field(2.0)
    assert torch.allclose(end(one), end(other).sqrt(), rtol=1e-8)


def test_numbers_read_at_a_time_are_not_kept():
    inputs = np.array([1.0, -2.0])
    field = lambda t, y: 0 * y + inputs[int(t.numpy() > 0.7)]  # noqa: E731
    t = torch.tensor([0.0, 0.7, 1.0], **WIDE)
    found = door.odeint(field, torch.zeros(3, 2, **WIDE), t, method="euler", options={"step_size": 0.1})[-1]
    assert torch.allclose(found, torch.full((3, 2), 0.7 + 0.1 - 2 * 0.2, **WIDE)) or torch.allclose(found, torch.full((3, 2), 0.7 - 2 * 0.3, **WIDE))


def test_a_trial_leaves_generators_and_dicts_as_they_were():
    generator, counts = np.random.default_rng(3), collections.Counter()

    def field(t, y):
        counts["calls"] += 1
        return -generator.random() * y

    found = end(field, method="euler")
    assert torch.allclose(found, torch.full((3, 2), 1 - np.random.default_rng(3).random(), **WIDE)) and counts == {"calls": 1}


def test_views_with_a_sign_and_inference_tensors():
    y0 = torch.conj(torch.complex(torch.ones(3, 2, **WIDE), torch.ones(3, 2, **WIDE))).imag
    assert torch.allclose(end(lambda t, y: -y, y0), -torch.ones(3, 2, **WIDE) / np.e, rtol=1e-8)
    with torch.inference_mode():
        rate = torch.ones(2, **WIDE)
    with torch.no_grad():
        assert torch.allclose(end(lambda t, y: -rate * y), torch.ones(3, 2, **WIDE) / np.e, rtol=1e-8)


def test_many_cotangents_at_once():
    p = torch.tensor(0.5, **WIDE)
    y0 = torch.ones(1, 2, **WIDE, requires_grad=True)
    ends = end(lambda t, y: y * -1 * p, y0)
    found, = torch.autograd.grad(ends, y0, torch.eye(2, **WIDE)[:, None], is_grads_batched=True)
    assert torch.allclose(found[:, 0], torch.eye(2, **WIDE) * np.exp(-0.5), rtol=1e-7)
