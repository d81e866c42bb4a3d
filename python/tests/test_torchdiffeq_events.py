"""costate.torchdiffeq: solves that end at events."""

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torchdiffeq as td  # noqa: E402

F64 = {"dtype": torch.float64}


@pytest.mark.parametrize("interface", [td.odeint, td.odeint_adjoint])
@pytest.mark.parametrize("method, options", [("dopri5", {}), ("rk4", {"step_size": 0.01, "interp": "cubic"})])
def test_an_event_and_its_gradients(interface, method, options):
    """A ball thrown up by v falls on the floor at t0 + (v + sqrt(v^2 + 2 g x)) / g."""
    g, x, v = 9.81, torch.tensor(1.0, requires_grad=True, **F64), torch.tensor(2.0, requires_grad=True, **F64)
    t0, floor = torch.tensor(0.5, requires_grad=True, **F64), torch.tensor(0.0, requires_grad=True, **F64)
    fall = torch.nn.Module()
    fall.forward = lambda t, y: (y[1], torch.full_like(y[1], -g))
    event = lambda t, y: y[0] - floor  # noqa: E731
    time, (height, speed) = td.odeint_event(fall, (x, v), t0, event_fn=event, odeint_interface=interface, method=method, options=options)
    root = math.sqrt(2.0**2 + 2 * g)
    assert time.item() == pytest.approx(0.5 + (2 + root) / g, abs=1e-7) and abs(height[-1].item()) < 1e-7
    by_x, by_v, by_t0, by_floor = torch.autograd.grad(time, (x, v, t0, floor), retain_graph=True)
    assert by_x.item() == pytest.approx(1 / root, rel=1e-4) and by_v.item() == pytest.approx((1 + 2 / root) / g, rel=1e-4)
    assert by_t0.item() == pytest.approx(1, rel=1e-4) and by_floor.item() == pytest.approx(-1 / root, rel=1e-4)
    by_x, = torch.autograd.grad(speed[-1], x)
    assert by_x.item() == pytest.approx(-g / root, rel=1e-4)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("event", [lambda t, y: (0.7 - t).clamp(min=0), lambda t, y: 0.7 - t if t < 0.6 else 0 * t, lambda t, y: (t < 0.7).double() - 0.5])
def test_an_event_is_found_where_it_begins_by_few_evaluations(event, backwards):
    """Values that stay 0, and that jump; of a smooth one, few evaluations."""
    def at(t, y):
        counts.append(float(t))
        return event(-t if backwards else t, y)

    counts, zero = [], torch.tensor(0.0, **F64)
    time, _ = td.odeint_event(lambda t, y: -y, torch.ones(1, **F64), zero, event_fn=at, reverse_time=backwards)
    expected = 0.6 if event(torch.tensor(0.65), None) == 0 else 0.7
    assert abs(time.item()) == pytest.approx(expected, abs=1e-12) and len(counts) < 80
    smooth = lambda t, y: counts.append(1) or y - 0.5  # noqa: E731
    counts.clear()
    time, _ = td.odeint_event(lambda t, y: -y, torch.ones(1, **F64), zero, event_fn=smooth, options={"first_step": 0.2, "max_step": 0.2})
    assert time.item() == pytest.approx(math.log(2), abs=1e-6) and len(counts) < 20


@pytest.mark.parametrize("event, at", [
    (lambda t, y: torch.zeros_like(t) if t > 0.7 else y + 1, 0.7), (lambda t, y: (t < 0.7).double(), 0.7), (lambda t, y: torch.where(t > 0.7, 0 * y, y), 0.7),
])
def test_an_event_whose_value_jumps_to_a_constant(event, at):
    """As in torchdiffeq's learn_physics.py: the time stands still, and the state there has its gradient."""
    y0 = torch.tensor([2.0], **F64, requires_grad=True)
    time, states = td.odeint_event(lambda t, y: -y, y0, torch.tensor(0.0, **F64), event_fn=event)
    assert time.item() == pytest.approx(at, abs=1e-12)
    assert torch.autograd.grad(states[-1].sum(), y0)[0].item() == pytest.approx(math.exp(-at), abs=1e-7)


def test_events_backwards_of_several_numbers_and_at_the_start():
    y0 = torch.tensor([1.0], **F64)
    decay = lambda t, y: -y  # noqa: E731
    several = lambda t, y: torch.stack([y[0] - 3.0, y[0] - 2.0])  # noqa: E731
    time, states = td.odeint_event(decay, y0, torch.tensor(0.0, **F64), event_fn=several, reverse_time=True)
    assert time.item() == pytest.approx(-math.log(2), abs=1e-7) and states.shape == (2, 1)
    time, states = td.odeint_event(decay, y0, torch.tensor(0.0, **F64), event_fn=lambda t, y: y - 1.0)
    assert time.item() == 0 and states[1].item() == 1
    with pytest.raises(AssertionError, match="max_num_steps exceeded"):
        td.odeint_event(decay, y0, torch.tensor(0.0, **F64), event_fn=lambda t, y: y + 1, options={"max_num_steps": 50})
    with pytest.raises(AssertionError, match="requires `step_size`"):
        td.odeint_event(decay, y0, torch.tensor(0.0, **F64), event_fn=lambda t, y: y - 0.5, method="rk4")
    with pytest.raises(RuntimeError, match="Reached maximum number of iterations"):
        td.odeint_event(decay, y0, torch.tensor(0.0, **F64), event_fn=lambda t, y: y + 1, method="euler", options={"step_size": 1e-6})
