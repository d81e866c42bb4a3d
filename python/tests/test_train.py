"""Optimizers, schedules, the training loop and fits to trajectories."""

import pathlib
import pickle
import threading
import time

import costate
import numpy as np
import pytest

CURVATURE = np.array([1.0, 10.0])


def parabola():
    """A Parameter at (1, -2), and the Evaluation of sum(c x^2) / 2 there."""
    x = costate.Parameter("x", [1.0, -2.0])
    return x, lambda: costate.Evaluation(0.5 * np.sum(CURVATURE * x.value**2), [CURVATURE * x.value])


def numpy_adam(x, steps, rate, decay=0.0, beside=False):
    """Kingma and Ba 2015, algorithm 1; with `beside`, Loshchilov and Hutter 2019, algorithm 2."""
    m = v = np.zeros(2)
    for k in range(1, steps + 1):
        g = CURVATURE * x + (0 if beside else decay * x)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x = x - rate * (m / (1 - 0.9**k) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8) + (decay * x if beside else 0))
    return x


def numpy_sgd(x, steps, rate):
    v = np.zeros(2)
    for _ in range(steps):
        v = 0.9 * v + CURVATURE * x
        x = x - rate * v
    return x


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, lambda x: numpy_adam(x, 20, 0.01)),
        ({"weight_decay": 0.3}, lambda x: numpy_adam(x, 20, 0.01, 0.3)),
        ({"kind": "adamw", "weight_decay": 0.3}, lambda x: numpy_adam(x, 20, 0.01, 0.3, beside=True)),
        ({"kind": "sgd"}, lambda x: numpy_sgd(x, 20, 0.01)),
    ],
)
def test_steps_are_numpys(options, expected):
    x, evaluate = parabola()
    optimizer = costate.Optimizer(x, costate.OptimizerOptions(**options))
    for _ in range(20):
        step = optimizer.step(evaluate, 0.01)
    np.testing.assert_allclose(x.value, expected(np.array([1.0, -2.0])), rtol=1e-12)
    assert not step.was_skipped and step.loss > evaluate().loss and step.report["nfe_forward"] == 0


def test_lbfgs_solves_a_parabola():
    x, evaluate = parabola()
    optimizer = costate.Optimizer([x], costate.OptimizerOptions(kind="lbfgs"))
    for _ in range(15):
        optimizer.step(evaluate, 1.0)
    np.testing.assert_allclose(x.value, 0, atol=1e-6)


def test_an_optimizer_goes_on_from_its_state(tmp_path):
    x, evaluate = parabola()
    first = costate.Optimizer(x)
    for _ in range(5):
        first.step(evaluate, 0.1)
    costate.save(tmp_path / "state", {**first.state(), "x": x})
    for _ in range(5):
        first.step(evaluate, 0.1)
    y, evaluate = parabola()
    state = costate.load(tmp_path / "state")
    y.value = state.pop("x")
    second = costate.Optimizer(y)
    second.set_state(state)
    for _ in range(5):
        second.step(evaluate, 0.1)
    np.testing.assert_array_equal(x.value, y.value)
    with pytest.raises(costate.DataError):
        second.set_state({})
    with pytest.raises(costate.CallError, match=r"\[Optimizer\] is not pickled or copied; save its state\(\)"):
        pickle.dumps(second)


def test_gradients_that_do_not_fit_are_refused():
    x, _ = parabola()
    with pytest.raises(costate.ShapeError):
        costate.Optimizer(x).step(lambda: costate.Evaluation(1.0, [np.ones(3)]), 0.1)
    with pytest.raises(costate.CallError, match="evaluate must give a costate.Evaluation, as mean_over_batch.* is one; got tuple"):
        costate.Optimizer(x).step(lambda: (1.0, np.ones(2)), 0.1)
    assert costate.Optimizer(x).step(lambda: costate.Evaluation(np.nan, [np.ones(2)]), 0.1).was_skipped


def test_schedules_against_their_formulas():
    cosine = costate.Schedule(kind="cosine", base=0.1, final_ratio=0.01, warmup_epochs=2)
    rates = [costate.learning_rate(cosine, epoch, 12) for epoch in range(12)]
    np.testing.assert_allclose(rates[:2], [0.1 / 3, 0.2 / 3])
    np.testing.assert_allclose(rates[2:], 0.001 + 0.099 * 0.5 * (1 + np.cos(np.pi * np.arange(10) / 9)))
    exponential = costate.Schedule(kind="exponential", base=0.1, final_ratio=0.01)
    np.testing.assert_allclose(costate.learning_rate(exponential, 5, 11), 0.01)
    assert costate.learning_rate(costate.Schedule(base=0.2), 3, 10) == 0.2
    with pytest.raises(costate.InvalidArgument, match="must be positive"):
        costate.learning_rate(costate.Schedule(base=-1), 0, 1)
    again = pickle.loads(pickle.dumps(cosine))
    assert repr(again) == repr(cosine) == "Schedule(kind='cosine', base=0.1, warmup_epochs=2)"
    assert (again.kind, again.base, again.final_ratio, again.warmup_epochs) == ("cosine", 0.1, 0.01, 2)


X = np.random.default_rng(0).normal(size=(40, 2))
TRUTH = np.array([1.5, -0.5])


def line():
    """A Parameter w, and the mean loss (w . x - truth . x)^2 of rows of X."""
    w = costate.Parameter("w", [0.0, 0.0])
    loss = costate.trace(lambda x, y: costate.square(costate.sum(w * x) - y), {"x": (2,), "y": ()})
    program = costate.compile(costate.value_and_grad(loss, wrt=w))
    return w, lambda rows: costate.mean_over_batch(*program.run(X[rows], X[rows] @ TRUTH))


def test_a_line_is_learned():
    w, evaluate = line()
    result = costate.train(w, 40, evaluate, epochs=30, batch=10, schedule=costate.Schedule(base=0.05), polish=10)
    np.testing.assert_allclose(w.value, TRUTH, atol=1e-6)
    assert result.reason in ("epochs", "converged") and result.best_loss < 1e-12
    assert len(result.history["loss"]) >= 31 and result.history["loss"][0] > result.history["loss"][-1]
    again = pickle.loads(pickle.dumps(result))
    assert repr(again) == repr(result) and again.best_epoch == result.best_epoch
    np.testing.assert_array_equal(again.history["loss"], result.history["loss"])


def test_the_counts_of_solves_reach_the_history():
    rate = costate.Parameter("rate", 0.5)
    loss = costate.trace(lambda z0: costate.sum(costate.solve(lambda t, z: -rate * z, z0, [0.0, 1.0])[1]), {"z0": (1,)})
    program = costate.compile(costate.value_and_grad(loss, wrt=rate))
    result = costate.train(rate, 3, lambda rows: costate.mean_over_batch(*program.run(np.ones((len(rows), 1)))), epochs=2)
    assert result.history["nfe_forward"][0] == program.run(np.ones((3, 1)))[1]["nfe_forward"] > 0


def test_callbacks_are_called():
    w, evaluate = line()
    rows, seen = [], []

    def validate():
        seen.append(w.value)
        return float(len(seen) != 3)  # the third epoch is the best one

    result = costate.train(w, 40, evaluate, validate, epochs=50, batch=8, on_epoch=rows.append, should_stop=lambda: len(rows) == 7)
    assert result.reason == "asked" and [row["epoch"] for row in rows] == list(range(7))
    assert result.best_epoch == 2 and result.best_loss == 0
    np.testing.assert_array_equal(w.value, seen[2])
    result = costate.train(w, 40, evaluate, lambda: 1.0, epochs=50, patience=4)
    assert result.reason == "patience" and len(result.history["epoch"]) == 5


def test_a_resumed_run_has_the_same_bits(tmp_path):
    whole, evaluate = line()
    options = {"epochs": 12, "batch": 7, "seed": 3, "schedule": costate.Schedule(kind="cosine", base=0.05), "fingerprint": "line"}
    straight = costate.train(whole, 40, evaluate, **options)
    parts, evaluate = line()
    stops = iter([False] * 4 + [True])
    costate.train(parts, 40, evaluate, checkpoint=tmp_path / "run", should_stop=lambda: next(stops), **options)
    fresh, evaluate = line()
    resumed = costate.train(fresh, 40, evaluate, checkpoint=str(tmp_path / "run"), resume=True, **options)
    np.testing.assert_array_equal(fresh.value, whole.value)
    np.testing.assert_array_equal(resumed.history["loss"], straight.history["loss"])
    with pytest.raises(costate.InvalidArgument, match="curve"):
        costate.train(fresh, 40, evaluate, checkpoint=tmp_path / "run", resume=True, **{**options, "fingerprint": "curve"})


@pytest.mark.parametrize("place", ["evaluate", "validate", "on_epoch", "should_stop"])
def test_what_a_callback_raises_ends_training(place):
    w, evaluate = line()

    def fail(*_):
        raise ZeroDivisionError(place)

    callbacks = {"evaluate": evaluate, place: fail}
    with pytest.raises(ZeroDivisionError, match=place):
        costate.train(w, 40, epochs=3, **callbacks)


@pytest.mark.parametrize("sleeps", [False, True])
def test_ctrl_c_ends_training(ctrl_c, sleeps):
    w, evaluate = line()

    def slow(rows):
        time.sleep(0.01 if sleeps else 0)
        return evaluate(rows)

    ctrl_c(0.5)
    with pytest.raises(KeyboardInterrupt):
        costate.train(w, 40, slow, epochs=10**8)


def test_ctrl_c_ends_a_fit_to_trajectories(ctrl_c):
    net = costate.Mlp(2, [16], 2)
    windows = costate.TrajectoryWindows([0.0, 0.1], np.ones((1, 2, 2)))
    ctrl_c(0.5)
    with pytest.raises(KeyboardInterrupt):
        costate.fit_trajectories(lambda t, z: net(z), net, windows, epochs=10**8)


def test_other_threads_go_on():
    w, evaluate = line()
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    costate.train(w, 40, evaluate, epochs=3000)
    done.set()
    thread.join()
    assert len(ticks) > 3


def spirals(count, times):
    """z' = A z from `count` starts: the truth, and A."""
    a = np.array([[-0.1, 1.0], [-1.0, -0.1]])
    starts = np.random.default_rng(1).normal(size=(count, 2))
    turn = np.exp(-0.1 * times)[:, None, None] * np.moveaxis(np.array([[np.cos(times), np.sin(times)], [-np.sin(times), np.cos(times)]]), 2, 0)
    return np.einsum("tij,bj->bti", turn, starts), a


def test_a_linear_field_is_found():
    states, a = spirals(6, np.linspace(0, 4, 41))
    windows = costate.cut_windows(states, 0.1, length=11)
    assert windows.states.shape == (24, 11, 2) and windows.times.shape == (11,) and windows.arguments == []
    np.testing.assert_array_equal(windows.states[1], states[0, 10:21])
    net = costate.Linear(2, 2, seed=1)
    result = costate.fit_trajectories(lambda t, z: net(z), net, windows, epochs=1, polish=60, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(net.parameters[0].value, a, atol=1e-4)
    assert result.best_loss < 1e-9
    coarse = costate.Linear(2, 2, seed=1)
    costate.fit_trajectories(lambda t, z: coarse(z), coarse, windows, epochs=1, polish=60, dtype=np.float32)
    np.testing.assert_allclose(coarse.parameters[0].value, a, atol=1e-2)


@pytest.fixture(params=["swings.npy", "swings.npz"])
def swings(request, tmp_path):
    """States of z' = A z from some starts, and the MappedWindows of a file of them."""
    times = np.linspace(0, 2, 41)
    states, _ = spirals(5, times)
    if request.param.endswith("npy"):
        np.save(tmp_path / request.param, states)
        return states, lambda **options: costate.MappedWindows(tmp_path / request.param, 0.05, **options)
    np.savez(tmp_path / request.param, other=times, states=states)
    return states, lambda **options: costate.MappedWindows(tmp_path / request.param, 0.05, name="states", **options)


def test_windows_in_a_file_train_to_the_bits_of_an_array(swings):
    states, mapped = swings
    windows = mapped(length=9)
    assert len(windows) == 25 and windows.times.shape == (9,)
    found = []
    for given in (windows, costate.cut_windows(states, 0.05, length=9)):
        net = costate.Linear(2, 2, seed=1)
        costate.fit_trajectories(lambda t, z, net=net: net(z), net, given, epochs=2, polish=20)
        found.append(net.parameters[0].value)
    np.testing.assert_array_equal(found[0], found[1])


def test_windows_that_cannot_be_mapped_are_told_so(tmp_path):
    np.savez_compressed(tmp_path / "packed.npz", states=np.zeros((3, 20, 2)))
    with pytest.raises(NotImplementedError, match="compressed or encrypted, which cannot be mapped; write it by numpy.savez"):
        costate.MappedWindows(tmp_path / "packed.npz", 0.1, name="states")
    with pytest.raises(OSError, match="cannot read"):
        costate.MappedWindows(tmp_path / "none.npy", 0.1)
    with pytest.raises(TypeError, match="windows must be TrajectoryWindows or MappedWindows; got numpy.ndarray"):
        costate.fit_trajectories(lambda t, z: -z, costate.Parameter("a", 1.0), np.zeros((3, 20, 2)))


def test_training_on_a_file_holds_no_more_than_a_batch(tmp_path):
    """Anonymous memory, for 64 MiB on the disk."""
    states = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.float64, (512, 8192, 2))
    for i in range(512):
        states[i] = np.cos(0.01 * np.arange(8192) + i)[:, None]
    del states

    def anonymous():
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return max(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

    rate = costate.Parameter("rate", 0.1)
    windows = costate.MappedWindows(tmp_path / "large.npy", 0.01, length=65)
    costate.fit_trajectories(lambda t, z: -rate * z, rate, costate.TrajectoryWindows(windows.times, np.ones((4, 65, 2))), epochs=1)
    before, most = anonymous(), []
    costate.fit_trajectories(lambda t, z: -rate * z, rate, windows, epochs=1, batch=2048, method="euler", steps_per_interval=1,
                             keep="last", should_stop=lambda: most.append(anonymous()))
    assert len(windows) == 512 * 127
    assert most[-1] - before < 32


def test_windows_have_arguments_and_times_of_their_own():
    times = np.array([[0.0, 0.5, 1.0], [0.0, 1.0, 2.0]])
    push = np.array([[1.0], [-2.0]])
    states = push[:, None] * (1 - np.exp(-2.0 * times))[:, :, None] / 2  # z' = u - 2 z from 0
    rate = costate.Parameter("rate", 1.0)
    windows = costate.TrajectoryWindows(times, states, [push])
    costate.fit_trajectories(lambda t, z, u: u - rate * z, rate, windows, epochs=1, polish=30, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(rate.value, 2.0, rtol=1e-5)


def stream():
    """A line to be learned from 16 fresh samples in each step, which the step's number gives."""
    slope = costate.Parameter("slope", 0.0)
    loss = costate.trace(lambda x, y: costate.square(slope * x - y), {"x": (), "y": ()})
    program = costate.compile(costate.value_and_grad(loss, wrt=slope))

    def evaluate(step):
        x = np.random.default_rng(step).normal(size=16)
        return costate.mean_over_batch(*program.run(x, 3 * x))

    return slope, evaluate


def test_a_stream_is_trained_on_step_by_step(tmp_path):
    slope, evaluate = stream()
    result = costate.train(slope, None, evaluate, epochs=200, schedule=costate.Schedule(base=0.1))
    assert abs(slope.value - 3) < 0.01 and len(result.history["loss"]) == 200
    assert result.best_epoch == 199  # losses of fresh samples do not compare: the last weights count
    options = {"epochs": 200, "schedule": costate.Schedule(base=0.1), "checkpoint": tmp_path / "c", "resume": True}
    first, evaluate = stream()
    assert costate.train(first, None, evaluate, should_stop=lambda: True, **options).reason == "asked"
    second, evaluate = stream()
    costate.train(second, None, evaluate, **options)
    assert second.value == slope.value
    with pytest.raises(costate.InvalidArgument, match="a stream has batches of its own"):
        costate.train(slope, None, evaluate, batch=8)
    with pytest.raises(costate.InvalidArgument, match="num_samples must be at least 1, or None for a stream; got -1"):
        costate.train(slope, -1, evaluate)


def test_parameters_of_one_name_are_refused():
    nets = [costate.Linear(1, 1, seed=1), costate.Linear(1, 1, seed=2)]
    with pytest.raises(costate.InvalidArgument, match="two parameters are called '.*weight'"):
        costate.train(nets, 1, lambda rows: None, epochs=1)


def test_losses():
    def values(loss, x, y, mask):
        f = costate.trace(lambda x, y, mask: costate.loss_sum(loss, x, y, mask), {"x": (3,), "y": (3,), "mask": (3,)})
        return float(costate.compile(f)(x, y, mask)[0])

    x, y, mask = [1.0, 5.0, np.nan], [0.5, 2.0, 0.0], [1.0, 1.0, 0.0]
    assert values("mse", x, y, mask) == 9.25 and values("mae", x, y, mask) == 3.5
    assert values("huber", x, y, mask) == 0.125 + 2.5
    with pytest.raises(costate.InvalidArgument, match="mse"):
        values("msee", x, y, mask)
    logits = np.array([1.0, 2.0, 0.5])
    f = costate.compile(costate.trace(costate.cross_entropy, {"logits": (3,), "target": (3,)}))
    np.testing.assert_allclose(f(logits, [0.0, 0.0, 1.0])[0], np.log(np.exp(logits).sum()) - 0.5, rtol=1e-14)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda w, f: costate.train(w, 40, f, epoch=3), r"^\[train\] there is no argument 'epoch'; did you mean 'epochs'\?$"),
        (lambda w, f: costate.train(w, 40), r"^\[train\] argument 'evaluate' is missing\.$"),
        (lambda w, f: costate.train(w, 40, "f"), "evaluate must be a callable; got str"),
        (lambda w, f: costate.train(w, 40, f, 3), "validate must be a callable; got int"),
        (lambda w, f: costate.train(w, 40, f, on_epoch=3), "on_epoch must be a callable; got int"),
        (lambda w, f: costate.train(w, 40, f, optimizer="adam"), "optimizer must be a costate.OptimizerOptions; got str"),
        (lambda w, f: costate.train(w, 40, f, schedule=None), "schedule must be a costate.Schedule; got None"),
        (lambda w, f: costate.train(w, 40, f, checkpoint=3), "checkpoint must be a path; got int"),
        (lambda w, f: costate.train(w, 40, f, resume=1), "resume must be True or False; got int"),
        (lambda w, f: costate.train(3, 40, f), "expected a Parameter, a list of Parameters, or a net that has some; got int"),
        (lambda w, f: costate.train(w, 40, f, lambda: "low", epochs=1), "validate must give a number; got str"),
        (lambda w, f: costate.train(w, 40, lambda rows: 1.0, epochs=1), "evaluate must give a costate.Evaluation.*got float"),
        (lambda w, f: costate.fit_trajectories(3, w, costate.TrajectoryWindows([0, 1], np.ones((1, 2, 1)))), r"\[fit_trajectories\] field must be a callable"),
        (lambda w, f: costate.fit_trajectories(3, w, np.ones((1, 2, 1))), "windows must be TrajectoryWindows or MappedWindows; got numpy.ndarray"),
        (lambda w, f: costate.OptimizerOptions("adam"), "at most 0 arguments go by position; got 1; give the others by name: kind"),
        (lambda w, f: costate.Optimizer(w, kind="adam"), r"^\[Optimizer\] there is no argument 'kind'"),
        (lambda w, f: costate.mean_over_batch([]), "outputs must be those of a Program"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(costate.CallError, match=message):
        call(*line())


@pytest.mark.parametrize(
    "options, message",
    [(lambda: {"epochs": 0}, "epochs must be at least 1"), (lambda: {"optimizer": costate.OptimizerOptions(beta1=2.0)}, "beta1"),
     (lambda: {"schedule": costate.Schedule(warmup_epochs=100)}, "warmup_epochs must be at least 0 and below epochs")],
)
def test_options_out_of_range(options, message):
    w, evaluate = line()
    with pytest.raises(costate.InvalidArgument, match=message):
        costate.train(w, 40, evaluate, **options())


def test_an_unknown_optimizer():
    with pytest.raises(costate.InvalidArgument, match="did you mean 'adam'"):
        costate.OptimizerOptions(kind="adamm")
