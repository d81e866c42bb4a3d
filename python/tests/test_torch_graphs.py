"""costate.torch: derivatives of derivatives, graphs that are kept, threads, transforms, and calls like one before."""

import concurrent.futures
import copy
import functools
import pickle

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate  # noqa: E402
import costate.torch as door  # noqa: E402
import costate.torchdiffeq as td  # noqa: E402
from costate.torch import _native  # noqa: E402

from torch.autograd import forward_ad  # noqa: E402

nn = torch.nn
F64 = {"dtype": torch.float64}
T = torch.tensor([0.0, 0.5, 1.0], **F64)


def net(make=nn.Linear):
    torch.manual_seed(2)
    return nn.Sequential(make(2, 6), nn.Tanh(), nn.Linear(6, 2)).double()


class Field(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, t, y):
        return self.layers(y) * torch.cos(t)


def normed(a, b):
    return nn.utils.parametrizations.weight_norm(nn.Linear(a, b))


def start(samples=4):
    return torch.linspace(-1, 1, 2 * samples, **F64).reshape(samples, 2).requires_grad_(True)


@pytest.mark.parametrize("make", [nn.Linear, normed], ids=["weights", "computed weights"])
def test_a_penalty_on_a_gradient_is_differentiated(make):
    field, y0, t = Field(net(make)), start(), T.clone().requires_grad_(True)
    assert door.explain(field, y0, T).startswith("In the core, each sample alone")
    found = []
    for path in ("native", "callbacks"):
        states = door.odeint(field, y0, t, method="rk4", path=path)
        by_y, by_t = torch.autograd.grad(states[1:].square().sum(), [y0, t], create_graph=True)
        penalty = (by_y.square().sum(dim=1).sqrt() - 1).square().mean() + by_t.square().sum()
        found.append((by_y, by_t, *torch.autograd.grad(states[-1].sum() + penalty, [y0, t, *field.parameters()])))
    for ours, theirs in zip(*found):
        assert (ours - theirs).abs().max() < 1e-10 * (1 + theirs.abs().max())


@pytest.mark.parametrize("make", [nn.Linear, normed], ids=["weights", "computed weights"])
def test_graphs_are_kept_when_asked_and_gone_otherwise(make):
    field, y0 = Field(net(make)), start()
    loss = door.odeint(field, y0, T, path="native")[-1].square().sum()
    wanted = [y0, *field.parameters()]
    first = torch.autograd.grad(loss, wanted, retain_graph=True)
    assert all((a == b).all() for a, b in zip(first, torch.autograd.grad(loss, wanted)))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, wanted)


def test_a_weight_that_is_written_before_the_backward_pass_is_an_error():
    field = Field(net())
    loss = door.odeint(field, start(), T, path="native")[-1].sum()
    with torch.no_grad():
        field.layers[0].weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_solves_and_gradients_from_many_threads():
    field = Field(net())

    def work(i):
        y0 = (start() + 0.1 * i).detach().requires_grad_(True)
        states = door.odeint(field, y0, T, path="native")
        return states, *torch.autograd.grad(states[-1].square().sum(), [y0, *field.parameters()])

    expected = [work(i) for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for one, other in zip(pool.map(work, range(8)), expected):
            assert all((a == b).all() for a, b in zip(one, other))


def test_a_backward_pass_from_another_thread():
    field, y0 = Field(net()), start()
    losses = [door.odeint(field, y0, T, path="native")[-1].square().sum() for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        there = pool.submit(torch.autograd.grad, losses[0], [y0, *field.parameters()]).result()
    assert all((a == b).all() for a, b in zip(there, torch.autograd.grad(losses[1], [y0, *field.parameters()])))


def test_transforms_go_through_or_are_refused_by_name():
    field, y0 = Field(net()), start().detach()
    parameters = dict(field.named_parameters())

    def loss(parameters):
        return door.odeint(lambda t, y: torch.func.functional_call(field, parameters, (t, y)), y0, T, rtol=1e-9, atol=1e-11)[-1].square().sum()

    expected = torch.autograd.grad(door.odeint(field, y0, T, rtol=1e-9, atol=1e-11)[-1].square().sum(), list(field.parameters()))
    for found, wanted in zip(torch.func.grad(loss)(parameters).values(), expected):
        assert (found - wanted).abs().max() < 1e-6
    stacked = {name: torch.stack([value.detach(), 2 * value.detach()]) for name, value in parameters.items()}
    with pytest.raises(NotImplementedError, match="torch.func.vmap cannot go through a solve"):
        torch.func.vmap(loss)(stacked)
    with pytest.raises(NotImplementedError, match="torch.func.vmap cannot go through a solve; give y0 a batch axis"):
        torch.func.vmap(lambda y: door.odeint(field, y, T))(y0)


def test_derivatives_forwards_go_through_callbacks():
    field, y0 = Field(net()), start().detach()
    solve = lambda y: td.odeint(field, y, T, method="rk4")[-1]  # noqa: E731
    solve(y0)
    tangent = torch.ones_like(y0)
    with forward_ad.dual_level():
        assert "derivatives are taken forwards" in door.explain(field, y0)
        found = forward_ad.unpack_dual(solve(forward_ad.make_dual(y0, tangent))).tangent
    expected = (solve(y0 + 1e-6 * tangent) - solve(y0 - 1e-6 * tangent)) / 2e-6
    assert (found - expected).abs().max() < 1e-8
    jacobian = torch.autograd.functional.jacobian(lambda y: solve(y).sum(dim=0), y0)
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        assert (transform(lambda y: solve(y).sum(dim=0))(y0) - jacobian).abs().max() < 1e-12


def test_half_precision_runs_through_callbacks_and_says_so():
    field, y0 = Field(net()).to(torch.bfloat16), torch.ones(3, 2, dtype=torch.bfloat16)
    assert "the core computes in float32 and float64, not in torch.bfloat16" in door.explain(field, y0)
    assert td.odeint(field, y0, T, rtol=1e-1, atol=1e-1).dtype == torch.bfloat16


def test_modules_are_copied_and_pickled_after_a_capture():
    field, y0 = Field(net()), start()
    expected = door.odeint(field, y0, T, path="native")
    for twin in (copy.deepcopy(field), pickle.loads(pickle.dumps(field))):
        assert (door.odeint(twin, y0, T, path="native") == expected).all()
        with torch.no_grad():
            twin.layers[2].weight.zero_()
        assert (door.odeint(twin, y0, T, path="native") != expected).any() and (door.odeint(field, y0, T) == expected).all()


def test_a_call_like_one_before_is_checked_as_that_was():
    field, y0 = Field(net()), start().detach()
    td.odeint(field, y0, T)
    with pytest.raises(AssertionError, match="non-finite values in state `y`"):
        td.odeint(field, torch.full_like(y0, float("nan")), T)
    with pytest.raises(AssertionError, match="strictly increasing or decreasing"):
        td.odeint(field, y0, torch.tensor([0.0, 2.0, 1.0], **F64))
    with pytest.raises(AssertionError, match="underflow in dt|max_num_steps"):
        td.odeint(lambda t, y: y * y * 1e3, y0.abs() + 1, T)
    backward = td.odeint(field, y0, T.flip(0))
    assert (backward - td.odeint(field, y0, T.flip(0).contiguous(), options={"norm": lambda y: y.abs().max()})).abs().max() < 1e-5
    by_column = y0.t().contiguous().t()
    assert not by_column.is_contiguous() and (td.odeint(field, by_column, T) == td.odeint(field, y0, T)).all()
    assert (td.odeint(field, y0, T.float()) == td.odeint(field, y0, T)).all()  # 0, 0.5 and 1 are exact in f32


def function(t, y):
    return -y


@pytest.mark.parametrize("make", [lambda: Field(net()), lambda: function, lambda: functools.partial(function)], ids=["module", "function", "partial"])
def test_a_callback_that_comes_later_is_called(make):
    field, y0, seen = make(), start().detach(), []
    for _ in range(2):
        td.odeint(field, y0, T)
    field.callback_step = lambda t, y, dt: seen.append(dt)
    try:
        td.odeint(field, y0, T)
        assert seen
    finally:
        del field.callback_step


def test_options_that_are_equal_are_one_solve():
    field, y0 = Field(net()), start().detach()
    coarse, fine = (td.odeint(field, y0, T, method="rk4", options={"step_size": size}) for size in (0.5, 0.1))
    for _ in range(2):
        assert (td.odeint(field, y0, T, method="rk4", options={"step_size": 0.5}) == coarse).all()
        assert (td.odeint(field, y0, T, method="rk4", options={"step_size": 0.1}) == fine).all()
    assert (coarse != fine).any()
    longer = td.odeint(field, y0, 2 * T, method="rk4", options={"step_size": 0.1})
    assert (longer - td.odeint(field, y0, 2 * T)).abs().max() < 1e-5
    with pytest.warns(UserWarning, match="Unexpected arguments"):
        for _ in range(2):
            td.odeint(field, y0, T, options={"first_stepp": 0.1})


def test_a_field_that_is_made_anew_for_each_solve_is_captured_once():
    layers, y0, captures = net(), start(), []
    rate = torch.ones((), **F64)

    def solve(layers, rate):
        field = lambda t, y: rate * layers(y)  # noqa: E731
        states = door.odeint(field, y0, T, path="native")
        captures.append(next(iter(_native.kept_of(field).plans.values()))[0])
        return states

    first = solve(layers, rate).detach()  # a graph would keep the field
    assert (solve(layers, rate).detach() == first).all() and captures[0] is captures[1]
    twice = solve(layers, 2 * rate).detach()  # another tensor of its kind
    assert captures[2] is captures[0] and torch.allclose(twice, door.odeint(lambda t, y: 2 * layers(y), y0, T), rtol=1e-6)
    other = solve(nn.Linear(2, 2).double(), rate).detach()
    assert captures[3] is not captures[0] and (other != first).any()
    loss = solve(layers, rate)[-1].square().sum()  # its field lives on in the graph
    solve(layers, rate)[-1].square().sum()
    assert captures[-1] is not captures[-2]
    found = torch.autograd.grad(loss, list(layers.parameters()))
    assert all((a == b).all() for a, b in zip(found, torch.autograd.grad(solve(layers, rate)[-1].square().sum(), list(layers.parameters()))))


def test_fields_that_are_made_for_one_solve_each_are_not_captured_for_ever():
    class Once(Field):
        pass

    layers, y0 = net(), start()
    said = []
    for _ in range(20):
        once = Once(layers)
        td.odeint(once, y0, T)
        said.append(bool(_native.kept_of(once).plans))
        del once
    assert said[:16] == [True] * 16 and not any(said[16:])
    lasting = Once(layers)
    assert "made anew for each solve" in door.explain(lasting, y0)
    for _ in range(4):
        states = td.odeint(lasting, y0, T)
    assert door.explain(lasting, y0).startswith("In the core") and torch.allclose(states, td.odeint(Field(layers), y0, T), rtol=1e-6)


def test_the_adjoint_is_decided_once_and_checked_each_time():
    field, y0 = Field(net()), start()
    field.unused = nn.Parameter(torch.ones(2, **F64))
    for _ in range(3):
        field.zero_grad()
        td.odeint_adjoint(field, y0, T)[-1].sum().backward()
        assert (field.unused.grad == 0).all() and field.layers[0].weight.grad.abs().max() > 0
    field.unused.requires_grad_(False)
    field.zero_grad()
    td.odeint_adjoint(field, y0, T)[-1].sum().backward()
    assert field.unused.grad is None
    seen = []
    field.callback_step_adjoint = lambda t, y, dt: seen.append(dt)
    td.odeint_adjoint(field, y0, T)[-1].sum().backward()
    assert seen


def test_a_number_that_is_another_at_each_solve_is_not_captured_each_time():
    class Scaled(Field):
        scale = 1.0

        def forward(self, t, y):
            return self.scale * super().forward(t, y)

    field, y0, said = Scaled(net()), start(), []
    for i in range(9):
        field.scale = 1 + 0.1 * i
        found = td.odeint(field, y0, T)
        assert torch.allclose(found, door.odeint(field, y0, T, path="callbacks", rtol=1e-9, atol=1e-9), rtol=1e-5, atol=1e-6)
        said.append(door.explain(field, y0, path="auto").startswith("In the core") if i > 6 else None)
    assert said[7:] == [False, False] and "is another at each solve" in door.explain(field, y0)
    assert torch.allclose(door.odeint(field, y0, T, path="native"), found, rtol=1e-5, atol=1e-6)
    for _ in range(2):
        assert torch.allclose(td.odeint(field, y0, T), found, rtol=1e-5, atol=1e-6)
    assert door.explain(field, y0).startswith("In the core")


def test_times_in_options_are_compared_by_their_numbers():
    field, y0, stops = Field(net()), start().detach(), torch.tensor([0.25], **F64)
    first = td.odeint(field, y0, T, options={"jump_t": stops}, rtol=1e-3, atol=1e-3)
    ready = len(_native.kept_of(field).ready)
    assert (td.odeint(field, y0, T, options={"jump_t": stops.clone()}, rtol=1e-3, atol=1e-3) == first).all() and len(_native.kept_of(field).ready) == ready
    stops.fill_(0.7)
    assert (td.odeint(field, y0, T, options={"jump_t": stops}, rtol=1e-3, atol=1e-3) != first).any()
    assert len(_native.kept_of(field).ready) == ready + 1


def test_memory_that_is_not_a_tensors_is_not_read():
    field, y0 = Field(net()), start().detach()
    door.odeint(field, y0, T)
    ready = next(iter(_native.kept_of(field).ready.values()))
    program = ready.plan.program(ready.count, ready.options[False], ())
    tensors = (y0, *ready.plan.capture.read_tensors()[:-1], torch.ones(1, **F64))
    with pytest.raises(costate.ShapeError, match="a tensor changed its shape while a solve .* was under way: it has 1 numbers, and had 2"):
        program.run(tensors, len(tensors), T, False, len(y0), torch.float64)


@pytest.mark.parametrize("interface", [td.odeint, td.odeint_adjoint])
def test_a_compiled_module_is_captured_as_the_module_itself(interface):
    field, y0 = Field(net()), start()
    compiled = torch.compile(field, backend="eager")
    assert door.explain(compiled, y0).startswith("In the core")
    ours, plain = (interface(func, y0, T) for func in (compiled, field))
    assert (ours == plain).all()
    for one, other in zip(*(torch.autograd.grad(states[-1].sum(), list(field.parameters())) for states in (ours, plain))):
        assert (one == other).all()


def test_a_failure_names_the_sample_that_failed_by_itself():
    y0, blows_up = torch.tensor([[0.1], [2.0], [0.3]], **F64), lambda t, y: y * y
    with pytest.raises(AssertionError, match="underflow in dt .* in sample 1 at t = 0.5"):
        door.odeint(blows_up, y0, T)
    with pytest.raises(AssertionError, match="underflow in dt [^ ]* at t = 0.5"):
        td.odeint(blows_up, y0, T)


def test_a_weight_that_is_another_at_the_backward_pass_is_an_error():
    field = Field(net())
    loss = door.odeint(field, start(), T, path="native")[-1].sum()
    field.layers[2].weight.data = torch.ones(1, 1, **F64)
    with pytest.raises(costate.ShapeError, match="it has 1 numbers, and had 12"):
        loss.backward()


def test_gradients_in_a_batch_have_a_graph_where_one_is_asked_for():
    field, y0 = Field(net()), torch.ones(2, 2, **F64, requires_grad=True)
    states = td.odeint(field, y0, T)[-1]
    cotangents = torch.eye(4, **F64).reshape(4, 2, 2)
    alone, recorded = (torch.autograd.grad(states, y0, cotangents, is_grads_batched=True, create_graph=asked, retain_graph=True)[0]
                       for asked in (False, True))
    assert not alone.requires_grad and recorded.requires_grad and torch.equal(alone, recorded)


def test_states_between_the_outputs_are_not_kept_where_steps_are_even():
    """Steps of a grid that end at the outputs are the core's own; others are outputs of the core, of which those that are asked for are read."""
    from costate.torch import _core_options

    def steps(grid, outputs):
        return _core_options._steps_between(torch.tensor(grid, dtype=torch.float64), torch.tensor(outputs, dtype=torch.float64))

    assert steps([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 1.0]) == 4
    assert steps([1.0, 0.7, 0.4, 0.1], [1.0, 0.7, 0.4, 0.1]) == 1
    assert steps([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0]) == 2
    assert steps([0.0, 0.3, 0.6, 0.9, 1.0], [0.0, 1.0]) is None
    assert steps([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.25, 1.0]) is None
    assert steps([0.0, 0.4, 0.8], [0.0, 0.3, 0.8]) is None
    assert steps([0.0], [0.0]) is None
