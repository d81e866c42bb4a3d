"""costate.torchdiffeq: torchdiffeq's functions, options, callbacks and messages."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import costate.torch as door  # noqa: E402
import costate.torchdiffeq as td  # noqa: E402
from costate.torch import _implicit  # noqa: E402
from costate.torch._callbacks import ADAPTIVE, METHODS, options_of  # noqa: E402

F64 = {"dtype": torch.float64}
# Largest error at steps of 0.05, of y' = -y cos t over [0, 3]: what the order allows, times three.
GRID_ERRORS = {"euler": 0.3, "midpoint": 2e-3, "heun2": 2e-3, "ralston": 2e-3, "heun3": 5e-5, "rk4": 5e-7, "explicit_adams": 3e-5, "implicit_adams": 3e-7,
               "fixed_adams": 3e-7, "implicit_euler": 0.3, "implicit_midpoint": 2e-3, "trapezoid": 2e-3, "radauIIA3": 1e-5,
               "radauIIA5": 1e-8, "gl4": 1e-6, "gl6": 1e-10, "sdirk2": 2e-3, "trbdf2": 1e-3}


def field(t, y):
    return -y * torch.cos(t)


def solution(y0, t, t0=0.0):
    return y0 * torch.exp(math.sin(t0) - torch.sin(t))[:, None]


class Net(torch.nn.Module):
    """Reads t, so that all of its gradients by times are there."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = torch.nn.Parameter(torch.randn(2, 2, generator=generator, **F64))

    def forward(self, t, y):
        return torch.tanh(y @ self.weight) * torch.cos(t)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_accuracy(method):
    if method == "scipy_solver":
        pytest.importorskip("scipy")
    y0 = torch.tensor([1.0, 2.0], **F64)
    options = {"step_size": 0.05, "interp": "cubic"} if method in GRID_ERRORS else {}
    for t in (torch.linspace(0, 3, 7, **F64), torch.linspace(3, 0, 7, **F64)):
        start = solution(y0, t[:1])[0]
        found = td.odeint(field, start, t, method=method, options=options)
        allowed = GRID_ERRORS.get(method, 2e-5)
        assert found.shape == (7, 2)
        assert (found - solution(y0, t)).abs().max() < 3 * allowed, method


@pytest.mark.parametrize("method", ["dopri5", "bosh3", "rk4", "implicit_adams", "radauIIA3", "trbdf2"])
def test_gradients_are_those_of_the_steps(method):
    net, y0 = Net(), torch.tensor([[1.0, -0.5]], requires_grad=True, **F64)
    t = torch.tensor([0.0, 0.3, 0.9], requires_grad=True, **F64)
    options = {"first_step": 0.1} if method in ADAPTIVE else {"step_size": 0.25, "interp": "cubic"}
    tolerances = {"rtol": 1e-9, "atol": 1e-10} if method == "dopri5" else {"rtol": 1e-7, "atol": 1e-8} if method == "bosh3" else {}

    def solve(y0, t, weight):
        net_of = lambda t, y: torch.tanh(y @ weight) * torch.cos(t)  # noqa: E731
        return door.odeint(net_of, y0, t, method=method, options=options, path="callbacks", **tolerances)[-1]

    # Differences see what adaptive steps do, too: their errors are 1e-9 (1e-7), and differences of 1e-4 (1e-2) tell 1e-5.
    assert torch.autograd.gradcheck(solve, (y0, t, net.weight), eps={"dopri5": 1e-4, "bosh3": 3e-3}.get(method, 1e-6), atol=5e-5)


@pytest.mark.parametrize("method", ["rk4", "gl4"])
def test_second_derivatives(method):
    y0 = torch.tensor([0.4], requires_grad=True, **F64)
    t = torch.linspace(0, 1, 11, **F64)
    solve = lambda y: door.odeint(lambda t, y: -(y**3), y, t, method=method, path="callbacks")[-1].sum()  # noqa: E731
    assert torch.autograd.gradgradcheck(solve, (y0,))
    second = torch.autograd.functional.hessian(solve, y0).item()  # of y / sqrt(1 + 2 y^2)
    assert second == pytest.approx(-6 * 0.4 / (1 + 2 * 0.4**2) ** 2.5, rel=1e-5)


def test_tuples_and_their_norm():
    seen = []

    def norm(state):
        seen.append([part.shape for part in state])
        return max(part.abs().max() for part in state)

    y0 = (torch.ones((), **F64), torch.full((2, 3), 2.0, **F64))
    t = torch.tensor([0.0, 1.0], **F64)
    for options in ({}, {"norm": norm}):
        a, b = td.odeint(lambda t, y: (-y[0], y[1]), y0, t, options=options)
        assert a.shape == (2,) and b.shape == (2, 2, 3)
        assert a[1].item() == pytest.approx(math.exp(-1), abs=1e-6) and b[1, 0, 0].item() == pytest.approx(2 * math.e, abs=1e-5)
    assert seen[0] == [(), (2, 3)]


@pytest.mark.parametrize("interface", [td.odeint, td.odeint_adjoint])
def test_complex_states_with_a_real_parameter(interface):
    class Turn(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rate = torch.nn.Parameter(torch.tensor(1.5, **F64))

        def forward(self, t, y):
            return 1j * self.rate * y

    turn, y0 = Turn(), torch.tensor([1.0 + 0j], dtype=torch.complex128, requires_grad=True)
    end = interface(turn, y0, torch.tensor([0.0, 1.0], **F64))[-1]
    end.real.sum().backward()
    assert abs(end.item() - np.exp(1.5j)) < 1e-6
    assert turn.rate.grad.item() == pytest.approx(-math.sin(1.5), abs=1e-6)
    assert abs(y0.grad.item() - np.exp(-1.5j)) < 1e-6  # PyTorch's convention


@pytest.mark.parametrize("method, options", [("dopri5", {}), ("rk4", {"step_size": 0.1})])
def test_callbacks(method, options):
    class Told(Net):
        def __init__(self):
            super().__init__()
            self.seen = []

        def callback_step(self, t0, y0, dt):
            assert t0.ndim == 0 and y0.shape == (1, 2) and dt > 0
            self.seen.append("step")

        def callback_step_adjoint(self, t0, y0, dt):
            self.seen.append("adjoint")

    class Accepted(Told):
        def callback_accept_step(self, t0, y0, dt):
            self.seen.append("accept")

        def callback_reject_step(self, t0, y0, dt):
            self.seen.append("reject")

    told = Accepted() if method == "dopri5" else Told()
    for t in (torch.tensor([0.0, 1.0], **F64), torch.tensor([1.0, 0.0], **F64)):
        told.seen.clear()
        y = td.odeint_adjoint(told, torch.ones(1, 2, **F64), t, method=method, options=options)
        steps = told.seen.count("step")
        assert steps == (10 if method == "rk4" else told.seen.count("accept") + told.seen.count("reject"))
        y.sum().backward()
        assert told.seen.count("adjoint") > 0
    with pytest.warns(UserWarning, match=r"Solver 'euler' does not support callbacks {'callback_(accept|reject)_step'"):
        td.odeint(Accepted(), torch.ones(1, 2, **F64), t, method="euler")


def test_dense_output():
    y0 = torch.tensor([1.0, 2.0], requires_grad=True, **F64)
    for t0, t1 in ((0.0, 3.0), (3.0, 0.0)):
        found = td.odeint_dense(field, y0, torch.tensor(t0, **F64), torch.tensor(t1, **F64), method="dopri8")
        times = torch.linspace(0, 3, 11, **F64)
        assert found(times).shape == (11, 2)
        assert (found(times) - solution(y0, times, t0)).abs().max() < 1e-5
        by_y0, = torch.autograd.grad(found(torch.tensor(1.5, **F64)).sum(), y0)
        assert by_y0[0].item() == pytest.approx(math.exp(math.sin(t0) - math.sin(1.5)), abs=1e-5)
    with pytest.raises(ValueError, match="asked for 3.5"):
        found(3.5)


def test_the_norm_of_the_adjoint_can_be_replaced_and_unused_parameters_have_gradients_of_zero():
    class Part(Net):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.ones(3, **F64))
            self.nfe = 0

        def forward(self, t, y):
            self.nfe += 1
            return super().forward(t, y)

    net, t = Part(), torch.tensor([0.0, 1.0], **F64)
    counts = []
    for options in ({}, {"norm": "seminorm"}):
        y = td.odeint_adjoint(net, torch.ones(1, 2, **F64), t, adjoint_options=options, adjoint_method="dopri5")
        norm = y.grad_fn.adjoint_options["norm"]
        seen = []
        y.grad_fn.adjoint_options["norm"] = lambda parts, norm=norm: (seen.append([p.shape for p in parts]), norm(parts))[1]
        net.nfe = 0
        y.sum().backward()
        counts.append(net.nfe)
        assert seen[0] == [(), (1, 2), (1, 2), (2, 2), (3,)]
    assert (net.unused.grad == 0).all() and counts[1] <= counts[0]
    exact = torch.autograd.grad(td.odeint(net, torch.ones(1, 2, **F64), t, rtol=1e-10).sum(), net.weight)[0]
    assert (net.weight.grad / 2 - exact).abs().max() < 1e-6


def test_the_backward_solve_can_be_differentiated():
    net, y0 = Net(), torch.tensor([[0.3, 0.4]], requires_grad=True, **F64)
    found = []
    for solve in (lambda: td.odeint_adjoint(net, y0, torch.tensor([0.0, 1.0], **F64), adjoint_options={}, rtol=1e-10, atol=1e-12),
                  lambda: td.odeint(net, y0, torch.tensor([0.0, 1.0], **F64), rtol=1e-10, atol=1e-12)):
        first, = torch.autograd.grad(solve()[-1].square().sum(), y0, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), (y0, net.weight)))
    for a, b in zip(*found):
        assert (a - b).abs().max() < 1e-6


def test_tolerances_of_members_go_backwards_too():
    y0 = (torch.ones(2, requires_grad=True, **F64), torch.ones(3, requires_grad=True, **F64))
    states = td.odeint_adjoint(lambda t, y: (-y[0], -y[1]), y0, torch.tensor([0.0, 1.0], **F64), rtol=(1e-6, 1e-8), atol=(1e-8, 1e-9),
                               adjoint_params=())
    states[1][-1].sum().backward()
    assert y0[1].grad[0].item() == pytest.approx(math.exp(-1), abs=1e-6)


def test_options_of_steps():
    y0, t = torch.tensor([1.0], **F64), torch.tensor([0.0, 1.0], **F64)
    seen = []

    def jumping(t, y):
        seen.append(t.item())
        return torch.ones_like(y) if t < 0.5 else -torch.ones_like(y)

    end = td.odeint(jumping, y0, t, options={"jump_t": torch.tensor([0.5])})
    with_jump = len(seen)
    assert end[-1].item() == pytest.approx(1.0, abs=1e-14) and 0.5 not in seen
    seen.clear()
    td.odeint(jumping, y0, t)
    assert with_jump < len(seen)
    for perturb in (True, False):
        seen.clear()
        td.odeint(jumping, y0, t, method="rk4", options={"step_size": 0.5, "perturb": perturb})
        assert (0.5 in seen) is (0.0 in seen) is not perturb
    with pytest.raises(ValueError, match="must not have any repeated elements"):
        td.odeint(jumping, y0, t, options={"jump_t": torch.tensor([0.5]), "step_t": torch.tensor([0.5])})
    seen.clear()
    td.odeint(jumping, y0, t, options={"min_step": 2.0})
    assert len(seen) <= 8  # accepted, whatever the error
    grid = lambda f, y, t: torch.linspace(0, 1, 11, **F64)  # noqa: E731
    assert td.odeint(lambda t, y: y, y0, t, method="euler", options={"grid_constructor": grid})[-1].item() == pytest.approx(1.1**10)


@pytest.mark.parametrize("call, error, text", [
    (lambda y, t: td.odeint(field, y, t, method="dopri"), ValueError, r'Invalid method "dopri"\. Must be one of {"dopri8", .*Did you mean "dopri'),
    (lambda y, t: td.odeint(field, [1.0], t), AssertionError, "y0 must be either a torch.Tensor or a tuple; got list"),
    (lambda y, t: td.odeint(field, torch.ones(2, dtype=torch.int64), t), TypeError, "must hold floating point or complex numbers; got torch.int64"),
    (lambda y, t: td.odeint(field, y * math.nan, t), AssertionError, "non-finite values in state `y`"),
    (lambda y, t: td.odeint(field, y, [0.0, 1.0]), AssertionError, "t must be a torch.Tensor; got list"),
    (lambda y, t: td.odeint(field, y, torch.tensor([0, 1])), TypeError, "`t` must be a floating point Tensor"),
    (lambda y, t: td.odeint(field, y, t[None]), AssertionError, "t must be one dimensional"),
    (lambda y, t: td.odeint(field, y, t[[0, 0]]), AssertionError, "t must be strictly increasing or decreasing"),
    (lambda y, t: td.odeint(field, y, t[:0]), IndexError, "t must have at least one time"),
    (lambda y, t: td.odeint(field, y, t, rtol=torch.tensor(1e-3, requires_grad=True)), AssertionError, "rtol cannot require gradient"),
    (lambda y, t: td.odeint(field, (y, y), t, atol=(1e-3,)), AssertionError, "If using tupled atol it must have the same length"),
    (lambda y, t: td.odeint(lambda t, y: y[:1], y, t), RuntimeError, r"its state's shape \(2,\); got \(1,\)"),
    (lambda y, t: td.odeint(lambda t, y: None, y, t), TypeError, "must return a torch.Tensor; got None. Is a return missing"),
    (lambda y, t: td.odeint(lambda t, y: y.numpy(), y, t), TypeError, "got numpy.ndarray. Wrap it by torch.as_tensor"),
    (lambda y, t: td.odeint(lambda t, y: y + 1j, y, t), TypeError, "must return real numbers"),
    (lambda y, t: td.odeint(lambda t, y: y[0], (y, y), t), TypeError, "must return a tuple of 2 tensors"),
    (lambda y, t: td.odeint(3, y, t), TypeError, "func must be a callable"),
    (lambda y, t: td.odeint(field, y, t, options={"step_size": 0.1, "grid_constructor": len}, method="rk4"), ValueError, "mutually exclusive"),
    (lambda y, t: td.odeint(field, y, t, options={"interp": "spline"}, method="rk4"), ValueError, "Unknown interpolation method spline"),
    (lambda y, t: td.odeint(field, y, t, options={"max_num_steps": 3}), AssertionError, r"max_num_steps exceeded \(3>=3\)"),
    (lambda y, t: td.odeint(lambda t, y: y * math.inf, y, t), AssertionError, "underflow in dt .*NaN or inf"),
    (lambda y, t: td.odeint(lambda t, y: y * y, y, 5 * t), AssertionError, "underflow in dt"),
    (lambda y, t: td.odeint_adjoint(field, y, t), ValueError, "func must be an instance of nn.Module"),
    (lambda y, t: td.odeint_adjoint(field, y, t, adjoint_params=(), options={}, adjoint_method="rk4"), ValueError, "cannot infer `adjoint_options`"),
    (lambda y, t: td.odeint(field, y, t, rtol=None), TypeError, "rtol must be a number, or a tensor or tuple of numbers; got None"),
    (lambda y, t: td.odeint(field, y, t, atol="1e-3"), TypeError, "atol must be a number, .* got str"),
    (lambda y, t: td.odeint(field, y, t[[0, 1, 1]], event_fn=len), ValueError, r"We require len\(t\) == 2"),
    (lambda y, t: td.odeint(field, y, t, method="scipy_solver", event_fn=len), AttributeError, "scipy_solver finds no events"),
    (lambda y, t: td.odeint(field, y, t, method="rk4", options={"step_size": -0.1}), ValueError, "must be above 0"),
    (lambda y, t: td.odeint(field, y, t, options={"controller": "pid"}), ValueError, "one of costate, torchdiffeq"),
    (lambda y, t: td.odeint(field, y, t, rtol=-1.0), ValueError, "rtol must be a number that is not negative; got -1.0"),
    (lambda y, t: td.odeint(field, y, t, options={"first_step": 0.0}), AssertionError, "underflow in dt 0.0: options"),
    (lambda y, t: td.odeint_dense(field, y, t[0], t[1], method="rk4"), NotImplementedError, "method must be adaptive"),
    (lambda y, t: torch.func.vmap(lambda y: td.odeint(field, y, t))(y[:, None]), NotImplementedError, "vmap cannot go through a solve"),
])
def test_messages(call, error, text):
    with pytest.raises(error, match=text):
        call(torch.ones(2, **F64), torch.tensor([0.0, 1.0], **F64))


ADAPTIVE_KEYS = {"min_step", "max_step", "first_step", "step_t", "jump_t", "safety", "ifactor", "dfactor", "max_num_steps", "dtype", "norm"}
GRID_KEYS = {"step_size", "grid_constructor", "interp", "perturb"}


@pytest.mark.parametrize("method", METHODS)
def test_every_option_of_torchdiffeq_is_known(method):
    keys = ADAPTIVE_KEYS if method in ADAPTIVE else {"solver", "min_step", "max_step"} if method == "scipy_solver" else GRID_KEYS
    more = {"max_order", "max_iters"} if "adams" in method else {"max_iters"} if method in _implicit.METHODS else set()
    assert keys | more <= options_of(method).keys()


def test_the_second_companion_decides_on_steps():
    """dop853 through callbacks takes the steps of the core, which combines two estimates."""
    y0, t = torch.tensor([[1.0, 0.0]], **F64), torch.linspace(0, 20, 3, **F64)
    pendulum = lambda t, y: torch.stack([y[:, 1], -torch.sin(y[:, 0])], dim=1)  # noqa: E731
    native, called = (door.odeint(pendulum, y0, t, method="dop853", rtol=1e-6, atol=1e-6, path=path) for path in ("native", "callbacks"))
    assert (native - called).abs().max() < 1e-12  # steps that differ would differ by 1e-7


def test_unknown_options_are_warned_of():
    y, t = torch.ones(2, **F64), torch.tensor([0.0, 1.0], **F64)
    with pytest.warns(UserWarning, match=r"Dopri5Solver: Unexpected arguments {'max_steps': 1}.*did you mean 'max_step'"):
        td.odeint(field, y, t, options={"max_steps": 1})
    with pytest.warns(UserWarning, match="returns torch.float32 for a state of torch.float64"):
        td.odeint(lambda t, y: field(t, y).float(), y, t)


def test_a_func_that_raises_can_be_called_again():
    class Fails(torch.nn.Module):
        fails = True

        def forward(self, t, y):
            if self.fails:
                raise KeyError("of the user")
            return -y

    module, t = Fails(), torch.tensor([0.0, 1.0])
    with pytest.raises(KeyError, match="of the user") as caught:
        td.odeint(module, torch.ones(2), t)
    assert caught.traceback[-1].name == "forward"
    module.fails = False
    assert td.odeint(module, torch.ones(2), t)[-1, 0].item() == pytest.approx(math.exp(-1), abs=1e-5)


def test_one_time_no_numbers_and_any_layout():
    y0 = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    assert (td.odeint(field, y0, torch.tensor([2.0])) == y0[None]).all()
    assert td.odeint(field, torch.ones(0, 3), torch.tensor([0.0, 1.0])).shape == (2, 0, 3)
    t = torch.linspace(0, 1, 6, **F64)[::2]
    assert (td.odeint(field, y0.T, t) == td.odeint(field, y0.T.contiguous(), t.contiguous())).all()
    assert td.odeint(field, torch.tensor(1.0), t).shape == (3,)


@pytest.mark.parametrize("dtype, allowed", [(torch.float16, 1e-2), (torch.bfloat16, 5e-2)])
def test_half_precision(dtype, allowed):
    found = td.odeint(lambda t, y: -y, torch.ones(3, dtype=dtype), torch.tensor([0.0, 1.0]), rtol=1e-2, atol=1e-2)
    assert found.dtype == dtype and found[-1, 0].item() == pytest.approx(math.exp(-1), abs=allowed)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("solve", [door.odeint, td.odeint])
def test_half_precision_at_the_default_tolerances_is_exact_to_its_digits(dtype, solve):
    """torchdiffeq 0.2.5 gives 0.996 in bfloat16, and fails in float16."""
    calls, seen = [0], set()

    def decays(t, parts):
        calls[0] += 1
        seen.add((t.dtype, parts[0].dtype, parts[1].dtype))
        return -parts[0], -parts[1]

    y0 = torch.ones(3, dtype=dtype, requires_grad=True)
    one, two = solve(decays, (y0, 2 * y0), torch.tensor([0.0, 1.0]))
    assert seen == {(dtype, dtype, dtype)} and one.dtype is two.dtype is dtype and calls[0] < 4000
    rounding = torch.finfo(dtype).eps
    assert one[-1].tolist() == pytest.approx([math.exp(-1)] * 3, rel=rounding) and two[-1].tolist() == pytest.approx([2 * math.exp(-1)] * 3, rel=rounding)
    one[-1].sum().backward()
    assert y0.grad.dtype is dtype and y0.grad.tolist() == pytest.approx([math.exp(-1)] * 3, rel=4 * rounding)


def test_half_precision_in_dense_output_events_and_a_solve_backwards():
    y0, t = torch.ones(3, dtype=torch.float16, requires_grad=True), torch.tensor([0.0, 1.0])
    loose = {"rtol": 1e-3, "atol": 1e-3}
    dense = td.odeint_dense(lambda t, y: -y, y0, 0.0, 1.0, **loose)(torch.tensor([0.5, 1.0]))
    assert dense.dtype is torch.float16 and dense[:, 0].tolist() == pytest.approx([math.exp(-0.5), math.exp(-1)], abs=2e-3)
    time, states = td.odeint_event(lambda t, y: -y, y0, t[0], event_fn=lambda t, y: y[0] - torch.tensor(0.5, dtype=y.dtype), **loose)
    assert states.dtype is torch.float16 and time.item() == pytest.approx(math.log(2), abs=2e-3)
    states = td.odeint_adjoint(lambda t, y: -y, y0, t, adjoint_params=(), **loose)
    states[-1].sum().backward()
    assert y0.grad.dtype is torch.float16 and y0.grad.tolist() == pytest.approx([math.exp(-1)] * 3, abs=2e-3)


@pytest.mark.parametrize("options", [{}, {"step_size": 0.5}])
def test_a_grid_goes_on_with_numbers_that_are_not_finite(options):
    """As torchdiffeq: the first states are right, and the loss tells of the others."""

    class Grows(torch.nn.Module):
        nfe = 0

        def forward(self, t, y):
            self.nfe += 1
            return y**3

    y0, t = torch.tensor([[2.0], [0.1]], **F64, requires_grad=True), torch.linspace(0, 9, 10, **F64)
    grows = Grows()
    found = td.odeint(grows, y0, t, method="euler", options=options)
    assert grows.nfe == (18 if options else 9)
    called = door.odeint(Grows(), y0, t, method="euler", options=options, path="callbacks")
    assert torch.equal(found.nan_to_num(), called.nan_to_num()) and not torch.isfinite(found[-1, 0]).all() and torch.isfinite(found[:3]).all()
    by_y0 = [torch.autograd.grad(states[2].sum(), y0)[0].nan_to_num() for states in (found, called)]
    assert torch.equal(*by_y0) and by_y0[0].abs().max() > 1


PEERS = {"decay": (lambda t, y: -y, [1.0], 1.0), "pendulum": (lambda t, y: torch.stack([y[1], -torch.sin(y[0])]), [1.0, 0.0], 5.0),
         "forced": (lambda t, y: -2 * y + torch.sin(3 * t), [1.0], 5.0), "spiral": (lambda t, y: torch.stack([-0.1 * y[0] ** 3 - 2 * y[1] ** 3,
                                                                                                           2 * y[0] ** 3 - 0.1 * y[1] ** 3]), [2.0, 0.0], 2.0)}


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("method", ["dopri5", "bosh3", "dopri8"])
def test_no_more_evaluations_than_torchdiffeq(name, method):
    peer = pytest.importorskip("torchdiffeq", reason="torchdiffeq is not installed")
    f, start, end = PEERS[name]
    counted = [0]

    def count(t, y):
        counted[0] += 1
        return f(t, y)

    y0, t = torch.tensor(start, **F64), torch.tensor([0.0, end], **F64)
    exact = door.odeint(f, y0, t, method="dopri8", rtol=1e-13, atol=1e-14, path="callbacks")[-1]
    results = {}
    for key, solve, options in (("peer", peer.odeint, {}), ("ours", door.odeint, {"controller": "torchdiffeq"})):
        counted[0] = 0
        found = solve(count, y0, t, method=method, options=options, **({} if key == "peer" else {"path": "callbacks"}))[-1]
        results[key] = (counted[0], (found - exact).abs().max().item())
    (theirs, their_error), (ours, our_error) = results["peer"], results["ours"]
    assert ours <= 1.05 * theirs and our_error <= 2 * their_error, results  # their last state is interpolated, with errors of its own


@pytest.mark.parametrize("atol", [0.0, torch.tensor([0.0, 1e-9], **F64)])
def test_tolerances_that_are_both_0(atol):
    for path in ("auto", "callbacks"):
        with pytest.raises(ValueError, match="rtol and atol must not both be 0, at any number of the state"):
            door.odeint(field, torch.ones(2, **F64), torch.tensor([0.0, 1.0]), rtol=0.0, atol=atol, path=path)
    assert td.odeint(field, torch.ones(2, **F64), torch.tensor([0.0, 1.0]), rtol=0.0, atol=0.0, method="rk4").shape == (2, 2)


def test_options_that_are_no_dict():
    y, t = torch.ones(2, **F64), torch.tensor([0.0, 1.0], **F64)
    with pytest.raises(TypeError, match="options must be a dict; got list"):
        td.odeint(field, y, t, options=[1])


@pytest.mark.parametrize("method", ["dopri5", "bosh3"])
@pytest.mark.parametrize("slope", [lambda t, y: torch.stack([y[:, 1], -torch.sin(y[:, 0])], dim=1), lambda t, y: torch.sin(3 * t) - 2 * y,
                                   lambda t, y: (y**3) @ torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], **F64)], ids=["pendulum", "forced", "spiral"])
def test_the_core_takes_torchdiffeqs_steps(method, slope):
    peer = pytest.importorskip("torchdiffeq", reason="torchdiffeq is not installed")

    class Counts(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.nfe = 0

        def forward(self, t, y):
            self.nfe += 1
            return slope(t, y)

    y0, t = torch.linspace(-1.2, 1.3, 24, **F64).reshape(12, 2), torch.linspace(0, 3, 5, **F64)
    theirs, ours = Counts(), Counts()
    expected = peer.odeint(theirs, y0, t, method=method, rtol=1e-5, atol=1e-7)
    assert door.explain(ours, y0, t, options={"controller": "torchdiffeq"}).startswith("In the core, each sample alone")
    found = td.odeint(ours, y0, t, method=method, rtol=1e-5, atol=1e-7)
    step = 6 if method == "dopri5" else 3  # theirs may go on beyond the last time
    assert theirs.nfe - step - 0.05 * theirs.nfe <= ours.nfe <= 1.05 * theirs.nfe, (ours.nfe, theirs.nfe)
    if method == "dopri5":  # bosh3's outputs within a step are wrong there
        assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_a_gradient_at_rest_is_right():
    """y' = 2 - y from y = 2: torchdiffeq 0.2.5 gives 540 in place of exp(-10), since it looks at the state alone."""
    y0 = torch.full((3, 1), 2.0, requires_grad=True, **F64)
    end = td.odeint(lambda t, y: 2 - y, y0, torch.tensor([0.0, 10.0], **F64), rtol=1e-6, atol=1e-6)[-1]
    assert torch.allclose(torch.autograd.grad(end.sum(), y0)[0], torch.full((3, 1), math.exp(-10), **F64), rtol=1e-3)


def test_the_private_package_has_names_and_says_what_to_take():
    from costate.torchdiffeq import _impl
    from costate.torchdiffeq._impl.odeint import SOLVERS

    assert {"dopri5", "dopri8", "bosh3", "rk4", "euler", "implicit_adams", "scipy_solver"} <= set(SOLVERS)
    with pytest.raises(NotImplementedError, match="the solver 'rk4' is no class here; take odeint"):
        SOLVERS["rk4"](func=field, y0=None)
    with pytest.raises(AttributeError, match="torchdiffeq._impl is private to torchdiffeq, and has no 'misc' here; methods have names"):
        _impl.misc  # noqa: B018
