"""costate.torchdiffeq.odeint_adjoint: where it is the reverse of the steps taken, in the core, and what of it can be seen."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
import costate.torchdiffeq as td  # noqa: E402

WIDE = {"dtype": torch.float64}
T = torch.tensor([0.0, 1.0], **WIDE)


class Counted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).double()
        self.nfe = 0

    def forward(self, t, y):
        self.nfe += 1
        return self.net(y)


def start():
    return torch.tensor([[0.5, -1.0], [1.0, 0.25], [-0.75, 0.5]], requires_grad=True, **WIDE)


def is_in_the_core(states):
    node = states.grad_fn
    if type(node).__name__ == "IndexBackward0":  # the rows of a grid that are asked for
        node = node.next_functions[0][0]
    return type(node).__name__ == "NativeSolveBackward"


@pytest.mark.parametrize("method, of_a_step", [("rk4", 4), ("midpoint", 2), ("euler", 1)])
def test_a_counter_counts_forwards_and_backwards_what_a_solve_backwards_would(method, of_a_step):
    field = Counted()
    states = td.odeint_adjoint(field, start(), T, method=method, options={"step_size": 0.25})
    assert is_in_the_core(states) and field.nfe == 4 * of_a_step
    field.nfe = 0
    states[-1].sum().backward(retain_graph=True)
    assert field.nfe == 4 * of_a_step
    states[-1].sum().backward()
    assert field.nfe == 8 * of_a_step


def test_a_counter_does_not_move_in_the_backward_of_odeint():
    field = Counted()
    states = td.odeint(field, start(), T)
    field.nfe = 0
    states[-1].sum().backward()
    assert field.nfe == 0


def test_gradients_with_a_counter_are_those_of_the_solution():
    field, found = Counted(), []
    for solve, tolerance in ((td.odeint_adjoint, 1e-7), (td.odeint, 1e-12)):
        y0 = start()
        found.append(torch.autograd.grad(solve(field, y0, T, rtol=tolerance, atol=tolerance)[-1].square().sum(), (y0, *field.parameters())))
    for a, b in zip(*found):
        assert (a - b).abs().max() < 1e-5


def test_the_seminorm_asks_for_nothing_where_there_is_no_solve_backwards():
    field = Counted()
    plain, semi = (td.odeint_adjoint(field, start(), T, adjoint_options=options) for options in (None, {"norm": "seminorm"}))
    assert is_in_the_core(plain) and is_in_the_core(semi) and torch.equal(plain, semi)
    counts = []
    for states in (plain, semi):
        field.nfe = 0
        states.sum().backward()
        counts.append(field.nfe)
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("asked", [{"adjoint_options": {}}, {"adjoint_rtol": 1e-8}, {"adjoint_method": "rk4"},
                                   {"adjoint_options": {"norm": lambda parts: parts[1].abs().max()}}])
def test_what_is_asked_of_the_solve_backwards_makes_one(asked):
    assert not is_in_the_core(td.odeint_adjoint(Counted(), start(), T, **asked))


class Conditioned(torch.nn.Module):
    """Reads a tensor that is no parameter, and a layer without gradients; another one is not read."""

    def __init__(self):
        super().__init__()
        self.layer, self.constant, self.unread = (torch.nn.Linear(2, 2).double() for _ in range(3))
        self.given = torch.full((2,), 0.3, dtype=torch.float64, requires_grad=True)

    def forward(self, t, y):
        return self.layer(y) * self.given + torch.sin(t) * self.constant.weight.detach()[0]


@pytest.mark.parametrize("solve", ["odeint", "odeint_adjoint"])
@pytest.mark.parametrize("flows", [False, True])
def test_gradients_are_none_where_torchdiffeqs_are(solve, flows):
    peer = pytest.importorskip("torchdiffeq", reason="torchdiffeq is not installed")
    found = []
    for package in (td, peer):
        torch.manual_seed(4)
        field, y0 = Conditioned(), torch.ones(3, 2, dtype=torch.float64, requires_grad=flows)
        assert door.explain(field, y0).startswith("In the core")
        getattr(package, solve)(field, y0, T, rtol=1e-9, atol=1e-10)[-1].square().sum().backward()
        found.append([x.grad for x in (y0, field.given, *field.parameters())])
    for ours, theirs in zip(*found):
        assert ours is theirs is None or torch.allclose(ours, theirs, rtol=1e-6, atol=1e-9)


def test_states_without_gradients_require_none():
    layer = torch.nn.Linear(2, 2).double()

    def quiet(t, y):
        with torch.no_grad():
            return torch.tanh(layer(y))

    y0 = torch.ones(3, 2, dtype=torch.float64)
    for field in (quiet, lambda t, y: y @ layer.weight.detach()):
        assert door.explain(field, y0).startswith("In the core") and not td.odeint(field, y0, T).requires_grad
