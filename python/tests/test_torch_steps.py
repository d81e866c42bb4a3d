"""costate.torchdiffeq: which steps the core takes, beside those through callbacks and torchdiffeq's."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
import costate.torchdiffeq as td  # noqa: E402

WIDE = {"dtype": torch.float64}
T = torch.tensor([0.0, 1.0], **WIDE)


class Oscillator(torch.nn.Module):
    """Van der Pol's, whose samples are the harder the farther out they begin."""

    def __init__(self):
        super().__init__()
        self.nfe, self.a = 0, torch.nn.Parameter(torch.tensor(0.5, **WIDE))

    def forward(self, t, y):
        self.nfe += 1
        return torch.cat([y[:, 1:], self.a * (1 - y[:, :1] ** 2) * y[:, 1:] - y[:, :1]], dim=1)


def starts(count):
    turns = torch.arange(count, **WIDE)
    return (0.2 + 3 * turns[:, None] / count) * torch.stack([torch.cos(turns), torch.sin(turns)], dim=1)


def both_ways(count, options):
    """(states, evaluations) in the core and through callbacks, with torchdiffeq's control."""
    found = []
    for path in ("native", "callbacks"):
        field = Oscillator()
        states = door.odeint(field, starts(count), T, rtol=1e-4, atol=1e-4, options={"controller": "torchdiffeq", **options}, path=path)
        found.append((states[-1].detach(), field.nfe))
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 20, 100])
def test_a_batch_takes_one_step_for_all_under_torchdiffeqs_control(count):
    (native, evaluations), (plain, of_callbacks) = both_ways(count, {"first_step": 0.05})
    assert evaluations == of_callbacks
    assert (native - plain).abs().max() < 1e-11  # rounding


@pytest.mark.parametrize("count", [3, 100])
def test_its_first_step_is_hairers(count):
    (native, evaluations), (plain, of_callbacks) = both_ways(count, {})
    assert evaluations == of_callbacks
    # Norms are those of errors in tolerances of 1.5 times as much, so that the core's step is longer by the fifth root of that.
    assert (native - plain).abs().max() < 1e-3


def test_gradients_along_such_steps_ask_for_no_more_of_them_where_the_state_moves():
    counts = []
    for grad in (False, True):
        field = Oscillator()
        with torch.set_grad_enabled(grad):
            td.odeint(field, starts(20), T, rtol=1e-5, atol=1e-6)
        counts.append(field.nfe)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("path", ["native", "callbacks"])
def test_a_time_that_is_a_jump_and_a_stop_is_refused(path):
    with pytest.raises(ValueError, match="`step_t` and `jump_t` must not have any repeated elements"):
        door.odeint(Oscillator(), starts(3), T, options={"jump_t": torch.tensor([0.5]), "step_t": torch.tensor([0.5])}, path=path)
