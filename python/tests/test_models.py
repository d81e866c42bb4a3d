"""The models of costate/models, against closed forms and NumPy."""

import copy
import pickle

import costate
import numpy as np
import pytest

RNG = np.random.default_rng(0)


def run(f, *inputs, shared=()):
    """f's outputs on numbers, as one sample."""
    shapes = {f"x{i}": np.shape(x) for i, x in enumerate(inputs)}
    return costate.compile(costate.trace(f, shapes, shared=list(shared)))(*inputs)


def values(net):
    return [p.value for p in net.parameters]


def mlp(weights, x, activation=np.tanh):
    """An Mlp in NumPy: weights and biases in turn."""
    for i in range(0, len(weights), 2):
        x = weights[i] @ x + weights[i + 1]
        x = activation(x) if i + 2 < len(weights) else x
    return x


def normal(z):
    return -0.5 * np.sum(z * z, axis=-1) - 0.5 * z.shape[-1] * np.log(2 * np.pi)


def test_a_flow_of_a_linear_field_has_a_closed_form():
    flow = costate.Cnf(lambda t, z: -z, end=1.5, regularizers=True, rtol=1e-9, atol=1e-11)
    x = np.array([0.4, -2.0])

    def density(x):
        d = flow.density(x)
        return d.log_density, d.base, d.kinetic, d.jacobian, flow.sample(d.base), flow.path(d.base, [1.5, 0.5, 0.0])

    log_density, base, kinetic, jacobian, again, path = run(density, x)
    np.testing.assert_allclose(base, x * np.exp(-1.5), rtol=1e-7)
    np.testing.assert_allclose(log_density, normal(x * np.exp(-1.5)) - 2 * 1.5, rtol=1e-7)
    np.testing.assert_allclose(kinetic, np.sum(x * x) * (1 - np.exp(-3)) / 2, rtol=1e-7)
    np.testing.assert_allclose(jacobian, 2 * 1.5, rtol=1e-7)
    np.testing.assert_allclose(again, x, rtol=1e-7)
    np.testing.assert_allclose(path, x * np.exp(-np.array([1.5, 0.5, 0.0]))[:, None], rtol=1e-7)


def test_a_flow_is_a_density():
    net = costate.Mlp(3, [16], 2, seed=4)
    flow = costate.Cnf(lambda t, z: net(np.append(z, t)), rtol=1e-7, atol=1e-9)
    program = costate.compile(costate.trace(lambda x: flow.density(x).log_density, {"x": (2,)}))
    side = np.linspace(-9, 9, 121)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(np.exp(program(grid)[0]).sum() * (side[1] - side[0]) ** 2, 1.0, rtol=1e-3)


def test_an_estimated_trace_is_the_noises():
    a = np.array([[-1.0, 0.5], [2.0, 0.3]])
    flow = costate.Cnf(lambda t, z: a @ z, trace="hutchinson")
    noise = np.array([1.0, -1.0])
    log_density, base = run(lambda x: (flow.density(x, noise).log_density, flow.density(x, noise).base), np.ones(2))
    np.testing.assert_allclose(log_density, normal(base) + noise @ a @ noise, rtol=1e-5)
    with pytest.raises(costate.InvalidArgument, match=r"\[Cnf.density\] an estimated trace needs noise \[2\].*trace='exact'"):
        run(lambda x: flow.density(x).log_density, np.ones(2))
    with pytest.raises(costate.CallError, match="traced code is not pickled"):
        pickle.dumps(flow)


def test_what_was_not_asked_for_is_none():
    flow = costate.Cnf(lambda t, z: -z)

    def density(x):
        assert flow.density(x).kinetic is None and flow.density(x).jacobian is None
        return flow.density(x).log_density

    run(density, np.ones(2))
    np.testing.assert_allclose(run(costate.log_normal, np.ones(3))[0], normal(np.ones(3)), rtol=1e-14)


def test_planar_layers():
    flow = costate.PlanarFlow(dimension=2, count=4, seed=3)
    z = np.array([0.7, -0.4])
    end, log_det = run(flow, z)
    again, jacobian = run(lambda z: (flow.inverse(flow(z)[0]), costate.jacobian(flow(z)[0], z)), z)
    np.testing.assert_allclose(again, z, atol=1e-9)
    np.testing.assert_allclose(log_det, np.log(abs(np.linalg.det(jacobian))), rtol=1e-10)
    assert not np.allclose(end, z) and [p.name for p in flow.parameters] == ["planar.w", "planar.u", "planar.b"]


def test_the_continuous_planar_flow():
    field = costate.PlanarField(dimension=2, count=3, seed=3)
    t, z = 0.3, np.array([0.7, -0.4])
    numbers = mlp(values(field), np.array([t]))
    w, u, b, gate = numbers[:6].reshape(3, 2), numbers[6:12].reshape(3, 2), numbers[12:15], numbers[15:]
    np.testing.assert_allclose(run(field, t, z)[0], (np.tanh(w @ z + b) / (1 + np.exp(-gate))) @ u, rtol=1e-12)


def test_fields_of_mechanics():
    times = np.linspace(0, 5, 6)
    truth = np.stack([np.cos(times), -np.sin(times)], axis=1)
    tight = {"rtol": 1e-9, "atol": 1e-11}
    energy = costate.hamiltonian_field(1, lambda q, p: 0.5 * costate.sum(q * q + p * p))
    np.testing.assert_allclose(costate.solve(energy, [1.0, 0.0], times, **tight).states, truth, atol=1e-7)
    force = costate.second_order_field(1, lambda q, v: -q)
    np.testing.assert_allclose(costate.solve(force, [1.0, 0.0], times, **tight).states, truth, atol=1e-7)
    net = costate.Mlp(2, [8], 1)
    assert costate.second_order_field(1, lambda q, v: net(np.append(q, v))).parameters == net.parameters
    with pytest.raises(costate.ShapeError):
        costate.hamiltonian_field(2, lambda q, p: q)
    with pytest.raises(ZeroDivisionError):
        costate.hamiltonian_field(1, lambda q, p: 1 / 0)


@pytest.mark.parametrize("skip", ["identity", "none"])
def test_a_deep_net(skip):
    net = costate.DeepNet(3, 2, width=5, depth=4, skip=skip, seed=2)
    x = RNG.normal(size=3)
    weights = values(net)
    h = np.maximum(weights[0] @ x + weights[1], 0)
    for i in range(2, 10, 2):
        layer = np.maximum(weights[i] @ h + weights[i + 1], 0)
        h = layer if skip == "none" else h + layer
    np.testing.assert_allclose(run(net, x)[0], weights[10] @ h + weights[11], rtol=1e-12)


def test_driven_delays():
    model = costate.DrivenDelays(delays=3, inputs=2, hidden=[4], rate=0.5, seed=1)
    u = RNG.normal(size=(6, 2))
    z, t = RNG.normal(size=3), 1.25
    field = model.field(6, "linear")
    seen = np.array([[np.interp(t + k, np.arange(6), u[:, i]) for k in range(3)] for i in range(2)])
    slope = 0.5 * mlp(values(model), np.concatenate([z, seen[0], seen[1]]))
    start = costate.solve(field, z, [t, t + 1e-6], args=[np.arange(6.0), u]).states
    np.testing.assert_allclose((start[1] - start[0]) / 1e-6, slope, rtol=1e-5)
    assert model.delays == 3 and model.net.parameters == model.parameters


TIMES, SEEN = np.array([0.0, 0.3, 1.0, 1.2]), RNG.normal(size=(4, 2))


def test_parts_of_the_evidence_bound():
    mean, log_variance, x = RNG.normal(size=(3, 4))
    kl = 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance)
    nll = 0.5 * np.sum((x - mean) ** 2) / 0.09 + 4 * np.log(0.3 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(run(lambda m, x: costate.gaussian_negative_log_likelihood(m, x, 0.3), mean, x)[0], nll, rtol=1e-13)
    model = costate.LatentOde(observed=2, latent=3)

    def parts(times, x, noise):
        q = model.encode(costate.Observations(times, x))
        return q.mean, q.log_variance, costate.kl_to_standard_normal(q), q.sample(noise)

    noise = RNG.normal(size=3)
    mean, log_variance, found, sample = run(parts, TIMES, SEEN, noise)
    np.testing.assert_allclose(found, 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance), rtol=1e-12)
    np.testing.assert_allclose(sample, mean + np.exp(log_variance / 2) * noise, rtol=1e-13)
    assert kl > 0


@pytest.mark.parametrize("encoder", ["rnn", "ode_rnn"])
def test_a_latent_ode_is_its_parts(encoder):
    model = costate.LatentOde(observed=2, latent=3, encoder=encoder, encoder_units=5, rtol=1e-6, seed=2)

    def parts(times, x, noise):
        seen = costate.Observations(times, x)
        q = model.encode(seen)
        path = model.latent_path(q.sample(noise), times)
        nll = costate.gaussian_negative_log_likelihood(model.decode(path), x, 0.2)
        return model.loss(seen, noise, 0.2), nll + costate.kl_to_standard_normal(q), model.decode(path), model.predict(q.sample(noise), times)

    loss, same, decoded, predicted = run(parts, TIMES, SEEN, np.ones(3))
    np.testing.assert_allclose(loss, same, rtol=1e-12)
    np.testing.assert_array_equal(decoded, predicted)
    assert decoded.shape == (4, 2)


def test_a_latent_ode_learns():
    made = costate.spirals(count=24, observed=12, noise=0.1, seed=1)
    model = costate.LatentOde(observed=2, latent=4, encoder_units=10, seed=1)
    shapes = {"times": (12,), "x": (12, 2), "noise": (4,)}
    loss = costate.trace(lambda t, x, noise: model.loss(costate.Observations(t, x), noise, 0.5), shapes)
    program = costate.compile(costate.value_and_grad(loss, wrt=model.parameters))
    noise = RNG.normal(size=(24, 4))
    evaluate = lambda rows: costate.mean_over_batch(*program.run(made.times[rows], made.observations[rows], noise[rows]))  # noqa: E731
    history = costate.train(model, 24, evaluate, epochs=40, schedule=costate.Schedule(base=0.02)).history
    assert history["loss"][-1] < 0.5 * history["loss"][0] and history["nfe_forward"][0] > 0


def test_a_gap_net_forecasts_what_it_is_scored_by():
    net = costate.GapRnn(observed=2, units=6, seed=1)

    def both(times, x):
        seen = costate.Observations(times, x)
        first = costate.Observations(times[:1], x[:1])
        return net.negative_log_likelihood(seen, 0.3), net.forecast(first, times[1:])

    score, forecast = run(both, TIMES[:2], SEEN[:2])
    nll = 0.5 * np.sum((SEEN[1] - forecast[0]) ** 2) / 0.09 + 2 * np.log(0.3 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(score, nll, rtol=1e-12)
    with pytest.raises(costate.InvalidArgument, match="at least two observations"):
        run(lambda t, x: net.negative_log_likelihood(costate.Observations(t, x), 0.3), TIMES[:1], SEEN[:1])


MODELS = {
    "PlanarFlow(count=3)": lambda: costate.PlanarFlow(count=3, seed=1),
    "PlanarField(count=2)": lambda: costate.PlanarField(count=2),
    "DeepNet(3, 2, depth=2, skip='none')": lambda: costate.DeepNet(3, 2, depth=2, skip="none"),
    "DrivenDelays(delays=3)": lambda: costate.DrivenDelays(delays=3),
    "LatentOde(latent=2, encoder='ode_rnn', name='m', rtol=1e-05)": lambda: costate.LatentOde(latent=2, encoder="ode_rnn", rtol=1e-5, name="m"),
    "GapRnn(units=3)": lambda: costate.GapRnn(units=3),
}


@pytest.mark.parametrize("shown", MODELS)
def test_models_are_copied_pickled_and_saved(shown, tmp_path):
    model = MODELS[shown]()
    assert repr(model) == shown
    model.parameters[0].value = 2 * model.parameters[0].value
    costate.save(tmp_path / "model", model)
    loaded = copy.copy(model)
    for parameter in loaded.parameters:
        parameter.value = 0 * parameter.value
    costate.load(tmp_path / "model", into=loaded)
    for other in (loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert repr(other) == repr(model) and other.parameters != model.parameters
        for mine, theirs in zip(model.parameters, other.parameters, strict=True):
            np.testing.assert_array_equal(mine.value, theirs.value)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: costate.Cnf(3), costate.CallError, r"^\[Cnf\] field must be a callable; got int\.$"),
        (lambda: costate.Cnf(lambda t, z: z, dimensions=3), costate.CallError, "did you mean 'dimension'"),
        (lambda: costate.Cnf(lambda t, z: z, trace="hutchison"), costate.InvalidArgument, "did you mean 'hutchinson'"),
        (lambda: costate.Cnf(lambda t, z: z, end=-1), costate.InvalidArgument, "the end positive"),
        (lambda: costate.Cnf(lambda t, z: z[:1]), costate.ShapeError, r"must have its shape \[2\]; got \[1\]"),
        (lambda: costate.DeepNet(2), costate.CallError, "argument 'outputs' is missing"),
        (lambda: costate.DeepNet(2, 2, skip="identty"), costate.InvalidArgument, "did you mean 'identity'"),
        (lambda: costate.PlanarFlow(count=0), costate.InvalidArgument, "count must be at least 1"),
        (lambda: costate.DrivenDelays(hidden=4), costate.CallError, "hidden must be a list of integers; got int"),
        (lambda: costate.LatentOde(latent=2.5), costate.CallError, "latent must be an integer; got float"),
        (lambda: costate.LatentOde().encode(3), costate.CallError, r"^\[LatentOde.encode\] seen must be a costate.Observations; got int\.$"),
        (lambda: costate.LatentOde(gap_steps=0), costate.InvalidArgument, "gap_steps must be at least 1"),
        (lambda: costate.hamiltonian_field(1, 3), costate.CallError, "energy must be a callable; got int"),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
