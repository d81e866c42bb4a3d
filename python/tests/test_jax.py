"""Solves inside JAX programs. Skipped where JAX is not installed: pip install jax."""

import concurrent.futures
import gc
import os
import re
import subprocess
import sys
import time

import costate
import numpy as np
import pytest

jax = pytest.importorskip("jax")
import costate.jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from costate.jax import _operation  # noqa: E402

TIGHT = {"rtol": 1e-10, "atol": 1e-12}
TIMES = np.linspace(0.0, 2.0, 5)


@pytest.fixture(autouse=True)
def double():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def pendulum(t, z, k=1.0):
    return jnp.stack([z[1], -k * jnp.sin(z[0])])


def net(t, z, weights):
    for w, b in weights[:-1]:
        z = jnp.tanh(w @ z + b)
    return weights[-1][0] @ z + weights[-1][1] * jnp.cos(t)


def weights_of(seed=0, sizes=(2, 8, 2)):
    random = np.random.default_rng(seed)
    return [(jnp.asarray(random.normal(size=(m, n)) / np.sqrt(n)), jnp.asarray(0.1 * random.normal(size=m))) for n, m in zip(sizes, sizes[1:])]


def reference(f, z0, times, *args):
    """By JAX's own solver."""
    from jax.experimental.ode import odeint
    return odeint(lambda z, t: f(t, z, *args), jnp.asarray(z0), jnp.asarray(times), rtol=1e-11, atol=1e-12)


def test_states_are_those_of_costate_and_of_jax():
    states = costate.jax.solve(pendulum, jnp.array([1.0, 0.0]), TIMES, **TIGHT)
    of_costate = costate.solve(lambda t, z: [z[1], -np.sin(z[0])], [1.0, 0.0], TIMES, **TIGHT).states
    np.testing.assert_allclose(states, of_costate, rtol=1e-12)
    np.testing.assert_allclose(states, reference(pendulum, [1.0, 0.0], TIMES), rtol=1e-7)


def test_jit_gives_the_same_bits():
    run = lambda z0, k: costate.jax.solve(pendulum, z0, TIMES, (k,), **TIGHT)
    z0 = jnp.array([1.0, 0.5])
    assert np.array_equal(run(z0, 1.3), jax.jit(run)(z0, 1.3))


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["plain", "jit"])
def test_gradients_by_start_times_and_weights(wrap):
    def loss(solver, z0, times, weights):
        return jnp.sum(jnp.square(solver(z0, times, weights)[1:]))

    mine = lambda z0, times, weights: costate.jax.solve(net, z0, times, (weights,), **TIGHT)
    theirs = lambda z0, times, weights: reference(net, z0, times, weights)
    point = (jnp.array([0.3, -0.4]), jnp.asarray(TIMES), weights_of())
    found = wrap(jax.grad(lambda *p: loss(mine, *p), argnums=(0, 1, 2)))(*point)
    expected = jax.grad(lambda *p: loss(theirs, *p), argnums=(0, 1, 2))(*point)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-8)


def test_gradients_agree_with_differences():
    loss = lambda z0, k: costate.jax.solve(pendulum, z0, TIMES, (k,), **TIGHT)[-1, 0]
    z0, k, h = np.array([1.0, 0.2]), 1.3, 1e-5
    by_z0, by_k = jax.grad(loss, argnums=(0, 1))(jnp.asarray(z0), k)
    np.testing.assert_allclose(by_k, (loss(z0, k + h) - loss(z0, k - h)) / (2 * h), rtol=1e-7)
    for i, e in enumerate(np.eye(2)):
        np.testing.assert_allclose(by_z0[i], (loss(z0 + h * e, k) - loss(z0 - h * e, k)) / (2 * h), rtol=1e-6)


def images(z):
    return jnp.tanh(z.reshape(1, 2, 3, 2))


def convolved(z, kernel, **options):
    found = jax.lax.conv_general_dilated(images(z), kernel, options.pop("window_strides", (1, 1)), options.pop("padding", "SAME"), **options)
    return jnp.sum(found) * jnp.cos(z) + jnp.resize(found, z.shape)


OF_MATRICES = {
    "scan": lambda t, z, w: jax.lax.scan(lambda x, one: (jnp.tanh(one @ x), None), z[:3], w)[0],
    "scan backwards": lambda t, z, w: jnp.sum(jax.lax.scan(lambda x, one: (jnp.tanh(one @ x), 2 * x), z[:3] * t, w, reverse=True)[1], axis=0),
    "fori_loop": lambda t, z, w: jax.lax.fori_loop(0, 4, lambda i, x: jnp.sin(x) + w[i] @ x, z[:3]),
    "map": lambda t, z, w: jnp.sum(jax.lax.map(lambda one: jnp.tanh(one @ z[:3]), w), axis=0),
    "cond": lambda t, z, w: jax.lax.cond(z[0] > 0, lambda x: w[0] @ x, lambda x: -2.0 * x, z[:3]),
    "switch": lambda t, z, w: jax.lax.switch((z[0] > 0).astype(int) + (z[1] > 5), [lambda x: -x, lambda x: w[1] @ x, lambda x: x], z[:3]),
    "round": lambda t, z, w: jnp.round(z[:3]) + jnp.round(8 * t) * w[0, 0] - jax.lax.round(z[3:6] * 4, jax.lax.RoundingMethod.AWAY_FROM_ZERO),
    "parts": lambda t, z, w: sum(jnp.unstack(w[0] * jnp.tile(z[:3], (3, 1)))) if hasattr(jnp, "unstack") else jnp.tile(z[:1], 3),
    "cond under vmap": lambda t, z, w: jax.vmap(lambda x: jax.lax.cond(x > 0, jnp.sin, lambda x: 2 * x, x))(z[:3]) + jax.vmap(
        lambda i, x: jax.lax.switch(i, [jnp.cos, lambda x: -x, lambda x: w[0, 0, 0] * x], x))((z[:3] > 0).astype(int) + (z[3:6] > 0), z[6:9]),
    "switch by a wide integer": lambda t, z, w: jax.lax.switch((10 * z[2]).astype(int), [jnp.cos, lambda x: w[0] @ x, lambda x: 3 * x], z[:3]),
    "no turns": lambda t, z, w: sum(map(jnp.sum, jax.lax.scan(lambda x, one: (one @ x, 2 * x), z[:3], w[:0]))) * w[0, 0],
    "cbrt": lambda t, z, w: jnp.cbrt(4 + w[0] @ z[:3]),
    "convolve": lambda t, z, w: jnp.convolve(jnp.sin(z), w[0, 0], mode="same")[:3],
    "strides and dilation": lambda t, z, w: convolved(z, jnp.tile(w, (1, 2, 1, 1))[:, :, :, :2].reshape(4, 2, 3, 2), window_strides=(2, 1), rhs_dilation=(1, 2),
                                                      padding=[(2, 1), (1, 2)])[:3],
    "groups": lambda t, z, w: convolved(z, w.reshape(4, 1, 3, 3), feature_group_count=2)[:3],
}


@pytest.mark.parametrize("name", OF_MATRICES)
def test_loops_choices_and_convolutions(name):
    random = np.random.default_rng(5)
    z0, w = jnp.asarray(random.normal(size=12)), jnp.asarray(random.normal(size=(4, 3, 3)) / 4)
    field = lambda t, z, w: jnp.concatenate([OF_MATRICES[name](t, z, w), -z[3:]]) - 0.1 * z
    loss = lambda solver: lambda z0, w: jnp.sum(jnp.square(solver(z0, w)[-1]))
    found = jax.jit(jax.value_and_grad(loss(lambda z0, w: costate.jax.solve(field, z0, TIMES, (w,), **TIGHT)), argnums=(0, 1)))(z0, w)
    expected = jax.value_and_grad(loss(lambda z0, w: reference(field, z0, TIMES, w)), argnums=(0, 1))(z0, w)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-7)


def test_a_cond_in_time_is_a_where():
    fields = (lambda t, z: jax.lax.cond(t > 0.5, lambda x: -x, jnp.cos, z)), (lambda t, z: jnp.where(t > 0.5, -z, jnp.cos(z)))
    one, other = (costate.jax.solve(field, jnp.array([1.0, -0.3]), TIMES, rtol=1e-4) for field in fields)
    assert np.array_equal(one, other), "steps end at both"


def test_tangents_and_second_derivatives():
    end = lambda z0, k: costate.jax.solve(lambda t, z: -k * z, z0, jnp.array([0.0, 2.0]), **TIGHT)[-1]  # z0 exp(-2 k)
    z0, k = jnp.array([1.5, 0.7]), 0.4
    value, tangent = jax.jvp(end, (z0, k), (jnp.array([1.0, 0.0]), 0.5))
    np.testing.assert_allclose(value, z0 * np.exp(-0.8), rtol=1e-8)
    np.testing.assert_allclose(tangent, np.exp(-0.8) * (np.array([1.0, 0.0]) - 2 * 0.5 * np.asarray(z0)), rtol=1e-7)
    for mode in (jax.jacfwd, jax.jacrev, jax.jit(jax.jacfwd(end, 1))):
        found = mode(z0, k) if mode not in (jax.jacfwd, jax.jacrev) else mode(end, 1)(z0, k)
        np.testing.assert_allclose(found, -2 * z0 * np.exp(-0.8), rtol=1e-7)
    hessian = jax.jit(jax.hessian(lambda point: jnp.prod(end(point[:2], point[2]))))(jnp.append(z0, k))  # of z1 z2 exp(-4 k)
    a, b, e = 1.5, 0.7, np.exp(-1.6)
    np.testing.assert_allclose(hessian, e * np.array([[0, 1, -4 * b], [1, 0, -4 * a], [-4 * b, -4 * a, 16 * a * b]]), rtol=1e-6, atol=1e-9)
    many = jax.vmap(jax.hessian(lambda z0: jnp.sum(jnp.square(end(z0, k)))))(jnp.stack([z0, 2 * z0]))
    np.testing.assert_allclose(many, np.tile(2 * e * np.eye(2), (2, 1, 1)), rtol=1e-6, atol=1e-9)
    for twice in (jax.grad(lambda k: jax.grad(lambda k: end(z0, k)[0])(k)), lambda k: jax.jvp(lambda k: jax.jvp(lambda k: end(z0, k), (k,), (1.0,))[1], (k,), (1.0,))):
        with pytest.raises(costate.NotSupported, match="take jax.jvp or jax.jacfwd of jax.grad"):
            twice(k)


def test_samples_of_a_vmap_that_control_their_steps_together_do_not_across_its_calls():
    options = {"control": "joint", "rtol": 1e-3, "atol": 1e-6}
    run = lambda z0, k: costate.jax.solve(lambda t, z, k: -k * z, z0, TIMES, (k,), batch=True, **options)
    starts, k = jnp.array([[[1.0], [2.0]], [[30.0], [1e-3]], [[5.0], [5.0]]]), jnp.array(1.7)
    for given, axes in (((starts, k), (0, None)), ((starts, jnp.array([0.1, 9.0, 2.0])), (0, 0))):
        found = jax.jit(jax.vmap(run, in_axes=axes))(*given)
        for i in range(3):
            assert np.array_equal(found[i], run(starts[i], given[1] if axes[1] is None else given[1][i]))


def test_a_compiled_program_calls_the_core_and_keeps_the_solve():
    def compiled(rate):
        return jax.jit(lambda z0: costate.jax.solve(lambda t, z: -rate * z, z0, TIMES, **TIGHT)[-1]).lower(jnp.ones(1))

    text = compiled(1.0).as_text()
    assert "costate_states" in text and "callback" not in text, "which would cost more than the solve"
    programs = [compiled(rate).compile() for rate in (1.0, 2.0)]
    jax.clear_caches()
    gc.collect()
    assert [float(program(jnp.ones(1))[0]) for program in programs] == pytest.approx(list(np.exp([-2.0, -4.0])), rel=1e-8)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["plain", "jit"])
def test_nothing_gives_nothing(wrap):
    run = lambda z0, k=1.0, **options: costate.jax.solve(lambda t, z, k: -k * z, z0, TIMES, (k,), **options)
    none = jnp.ones((0, 2))
    assert wrap(lambda z0: run(z0, batch=True))(none).shape == wrap(jax.vmap(run))(none).shape == wrap(jax.vmap(run))(none, jnp.ones(0)).shape == (0, 5, 2)
    assert wrap(jax.grad(lambda k: jnp.sum(jax.vmap(run, in_axes=(0, None))(none, k))))(2.0) == 0
    assert wrap(jax.vmap(jax.grad(lambda k: jnp.sum(run(jnp.ones(2), k)))))(jnp.ones(0)).shape == (0,)


def test_a_call_from_xla_that_does_not_fit_is_an_error():
    traced = jax.make_jaxpr(lambda z0: costate.jax.solve(lambda t, z: -z, z0, TIMES))(jnp.ones(2))
    problem = next(one.params["problem"] for one in traced.eqns if one.primitive is _operation.operation)  # whose number is good as long as it is here
    of = lambda *shape: jax.ShapeDtypeStruct(shape, jnp.float64)

    def call(results, *inputs, **options):
        return jax.jit(lambda *inputs: jax.ffi.ffi_call("costate_states", results)(*inputs, **options))(*inputs)

    z0, times, key = jnp.ones((1, 2)), jnp.asarray(TIMES)[None], {"problem": np.int64(problem.solve.key)}
    np.testing.assert_allclose(call(of(1, 5, 2), z0, times, **key)[0, -1], np.exp([-2.0, -2.0]), rtol=1e-5)
    for message, arguments, options in [
            ("a compiled program outlived its solve", (of(1, 5, 2), z0, times), {"problem": np.int64(1)}),
            ("names its solve by one whole number", (of(1, 5, 2), z0, times), {}),
            ("names its solve by one whole number", (of(1, 5, 2), z0, times), {"problem": np.float32(1)}),
            ("a solve has 2 inputs; got 1", (of(1, 5, 2), z0), key),
            ("a result has 10 numbers; expected 15", (of(1, 5, 3), z0, times), key),
            ("a solve has at most 1 results; asked for 2", ((of(1, 5, 2), of(1, 5, 2)), z0, times), key),
            (r"shape \[1, 3\]; expected \[...\] \+ \[1, 2\]", (of(1, 5, 2), jnp.ones((1, 3)), times), key),
            ("another dtype than the solve", (of(1, 5, 2), z0.astype(jnp.float32), times), key)]:
        with pytest.raises(Exception, match=message):
            call(*arguments, **options)


def test_arrays_of_a_card_would_come_to_the_host():
    run = lambda z0: costate.jax.solve(lambda t, z: -z * z, z0, TIMES, **TIGHT)
    z0 = jnp.array([1.0, 0.5])
    traced = jax.make_jaxpr(run)(z0)
    problem = next(one.params["problem"] for one in traced.eqns if one.primitive is _operation.operation)
    found, = jax.jit(lambda *inputs: _operation._on_host(*inputs, problem=problem, kind="states"))(z0[None], jnp.asarray(TIMES)[None])
    assert np.array_equal(found[0], run(z0))


def test_threads_run_one_program():
    run = jax.jit(jax.value_and_grad(lambda k: costate.jax.solve(lambda t, z: -k * z, jnp.ones(2), jnp.array([0.0, 1.0]), **TIGHT)[-1, 0]))
    rates = np.linspace(0.1, 2.0, 40)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        values, gradients = zip(*pool.map(run, rates))
    np.testing.assert_allclose(values, np.exp(-rates), rtol=1e-8)
    np.testing.assert_allclose(gradients, -np.exp(-rates), rtol=1e-7)


def test_ctrl_c_ends_a_compiled_program(ctrl_c):
    run = jax.jit(lambda z: costate.jax.solve(lambda t, z: jnp.cos(1e3 * t) * z, z, jnp.array([0.0, 1e5]), method="rk4", step_size=1e-4, max_steps=10**9))
    ctrl_c(1.0)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(10**4):
            try:
                run(jnp.ones(1)).block_until_ready()
            except jax.errors.JaxRuntimeError:
                time.sleep(0.001)  # XLA's error comes first, Python's signal at its next step


@pytest.mark.parametrize("axes", [(0, None, None), (0, 0, None), (None, None, 0), (0, None, 0), (None, 0, 0)])
def test_vmap_equals_a_loop(axes):
    random = np.random.default_rng(0)
    many = (jnp.asarray(random.normal(size=(3, 2))), jnp.asarray(np.sort(random.uniform(0, 2, (3, 4)), axis=1)),
            jax.tree.map(lambda *parts: jnp.stack(parts), *[weights_of(i) for i in range(3)]))
    run = lambda z0, times, weights: costate.jax.solve(net, z0, times, (weights,), **TIGHT)
    value_and_grad = jax.value_and_grad(lambda *p: jnp.sum(jnp.square(run(*p))), argnums=(0, 1, 2))
    pick = lambda i: tuple(jax.tree.map(lambda leaf, axis=axis: leaf[i if axis == 0 else 0], one) for one, axis in zip(many, axes))
    given = tuple(one if axis == 0 else jax.tree.map(lambda leaf: leaf[0], one) for one, axis in zip(many, axes))
    for wrap in (lambda f: f, jax.jit):
        found = wrap(jax.vmap(value_and_grad, in_axes=axes))(*given)
        for i in range(3):
            alone = value_and_grad(*pick(i))
            for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(alone)):
                np.testing.assert_allclose(one[i], other, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("axes", [(0, None, None), (0, 0, None), (0, None, 0), (None, None, 0), (None, 0, None)])
def test_the_gradient_over_a_vmap_is_the_sum_of_the_samples(axes):
    random = np.random.default_rng(2)
    many = jnp.asarray(random.normal(size=(3, 2))), jnp.asarray(np.sort(random.uniform(0, 2, (3, 4)), axis=1)), jnp.asarray(random.uniform(0.5, 2, 3))
    w, given = jnp.asarray(random.normal(size=(2, 2))), tuple(one if axis == 0 else one[0] for one, axis in zip(many, axes))
    run = lambda z0, times, k, w: costate.jax.solve(lambda t, z, k, w: jnp.tanh(w @ z) * k - jnp.cos(t) * z, z0, times, (k, w), **TIGHT)
    for wrap in (lambda f: f, jax.jit):
        found = wrap(jax.grad(lambda *p: jnp.sum(jnp.square(jax.vmap(run, in_axes=(*axes, None))(*p))), argnums=(0, 1, 2, 3)))(*given, w)
        alone = lambda *p: sum(jnp.sum(jnp.square(run(*(one[i] if axis == 0 else one for one, axis in zip(p[:3], axes)), p[3]))) for i in range(3))
        for one, other in zip(found, jax.grad(alone, argnums=(0, 1, 2, 3))(*given, w)):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    nested = jax.vmap(jax.vmap(run, in_axes=(0, None, None, None)), in_axes=(None, None, 0, None))
    found = jax.grad(lambda w, k, z0: jnp.sum(nested(z0, many[1][0], k, w) ** 2), argnums=(0, 1, 2))(w, many[2], many[0])
    alone = lambda w, k, z0: sum(jnp.sum(run(z, many[1][0], one, w) ** 2) for z in z0 for one in k)
    for one, other in zip(found, jax.grad(alone, argnums=(0, 1, 2))(w, many[2], many[0])):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


ON_FOUR_DEVICES = """
import jax, jax.numpy as jnp, numpy as np, costate, costate.jax
jax.config.update("jax_enable_x64", True)
from jax.sharding import Mesh, PartitionSpec as P
mesh, z0, times = Mesh(np.array(jax.devices()), ("i",)), jnp.arange(1.0, 5.0).reshape(4, 1), np.array([0.0, 1.0])
solved = lambda z0, w: jax.vmap(lambda z: costate.jax.solve(lambda t, z, w: -w * z, z, times, (w,), rtol=1e-9, atol=1e-12)[-1])(z0)
exact = lambda z0, w: z0 * jnp.exp(-w)
for run in (jax.jit, lambda f: f):
    found = []
    for side in solved, exact:
        by_w = lambda z0, w: jax.lax.psum(jax.grad(lambda w: jnp.sum(side(z0, w) ** 2))(w), "i")
        inside = jax.shard_map(by_w, mesh=mesh, in_specs=(P("i"), P()), out_specs=P(), check_vma=False)
        around = jax.shard_map(side, mesh=mesh, in_specs=(P("i"), P()), out_specs=P("i"), check_vma=False)
        found.append([run(inside)(z0, jnp.array(0.7)), *run(jax.grad(lambda z0, w: jnp.sum(around(z0, w) ** 2), (0, 1)))(z0, jnp.array(0.7))])
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-7)
try:
    jax.shard_map(solved, mesh=mesh, in_specs=(P("i"), P()), out_specs=P("i"))(z0, jnp.array(0.7))
except costate.NotSupported as error:
    assert "check_vma=False" in str(error)
else:
    raise AssertionError("gradients would be wrong")
"""


def test_gradients_in_and_around_a_shard_map():
    if not hasattr(jax, "shard_map"):
        pytest.skip("needs jax.shard_map")
    run = subprocess.run([sys.executable, "-c", ON_FOUR_DEVICES], env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_gradient_of_a_vmap_is_that_of_a_batch():
    random = np.random.default_rng(1)
    starts, weights = jnp.asarray(random.normal(size=(4, 2))), weights_of()
    by_vmap = lambda z0, weights: jnp.sum(jnp.square(jax.vmap(lambda z: costate.jax.solve(net, z, TIMES, (weights,), **TIGHT))(z0)))
    by_batch = lambda z0, weights: jnp.sum(jnp.square(costate.jax.solve(net, z0, TIMES, (weights,), batch=True, **TIGHT)))
    for one, other in zip(jax.tree.leaves(jax.value_and_grad(by_vmap, argnums=(0, 1))(starts, weights)),
                          jax.tree.leaves(jax.value_and_grad(by_batch, argnums=(0, 1))(starts, weights))):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)
    both = jax.vmap(by_batch, in_axes=(0, None))(jnp.stack([starts, 2 * starts]), weights)
    np.testing.assert_allclose(both, [by_batch(starts, weights), by_batch(2 * starts, weights)], rtol=1e-12)
    found = jax.vmap(jax.grad(by_batch, argnums=1), in_axes=(0, None))(jnp.stack([starts, 2 * starts]), weights)
    np.testing.assert_allclose(found[0][0][1], jax.grad(by_batch, argnums=1)(2 * starts, weights)[0][0], rtol=1e-10)


def test_a_state_that_is_a_pytree():
    field = lambda t, z, k: {"x": z["v"], "v": -k * z["x"], "W": -z["W"]}
    start = {"x": jnp.ones(2), "v": jnp.zeros(2), "W": jnp.arange(6.0).reshape(2, 3)}
    states = costate.jax.solve(field, start, TIMES, (4.0,), **TIGHT)
    assert states["x"].shape == (5, 2) and states["W"].shape == (5, 2, 3)
    np.testing.assert_allclose(states["x"][:, 0], np.cos(2 * TIMES), atol=1e-8)
    np.testing.assert_allclose(states["W"][-1], start["W"] * np.exp(-2), rtol=1e-8)
    many = costate.jax.solve(field, jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), start), TIMES, (4.0,), batch=True, **TIGHT)
    assert np.array_equal(many["W"][1], states["W"])


def test_what_a_field_uses_of_the_program_around_it_is_differentiated():
    def loss(k):
        return costate.jax.solve(lambda t, z: -k * z, jnp.ones(1), [0.0, 1.0], **TIGHT)[-1, 0]

    np.testing.assert_allclose(jax.grad(loss)(0.5), -np.exp(-0.5), rtol=1e-8)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(0.5), -np.exp(-0.5), rtol=1e-8)


def test_arguments_may_hold_functions_beside_arrays():
    layer = {"activation": jnp.tanh, "name": "hidden", "weight": jnp.array([[0.3, -1.0], [0.7, 0.2]]), "scale": 2.0}
    of = lambda t, z, layer: layer["scale"] * layer["activation"](layer["weight"] @ z)
    z0 = jnp.array([0.5, -1.0])
    run = lambda weight: costate.jax.solve(of, z0, TIMES, ({**layer, "weight": weight},), **TIGHT)
    wanted = lambda weight: costate.jax.solve(lambda t, z: 2 * jnp.tanh(weight @ z), z0, TIMES, **TIGHT)
    np.testing.assert_allclose(run(layer["weight"]), wanted(layer["weight"]), rtol=1e-12)
    by = [jax.jit(jax.grad(lambda w, run=run: jnp.sum(run(w)[-1] ** 2)))(layer["weight"]) for run in (run, wanted)]
    np.testing.assert_allclose(*by, rtol=1e-10)


def test_odeint_has_the_signature_of_jax():
    from jax.experimental.ode import odeint
    field = lambda z, t, k: jnp.array([z[1], -k * jnp.sin(z[0])])
    mine = costate.jax.odeint(field, jnp.array([1.0, 0.0]), TIMES, 1.5)
    np.testing.assert_allclose(mine, odeint(field, jnp.array([1.0, 0.0]), TIMES, 1.5), atol=1e-6)


FIELDS = {
    "elementwise": lambda t, z: jnp.exp(-z) + jnp.log1p(z**2) - jnp.sqrt(z**2 + 1) + jax.nn.sigmoid(z) + jnp.arctan2(z, 1 + t) + jnp.abs(z) ** 1.5,
    "activations": lambda t, z: jax.nn.softplus(z) - jax.nn.gelu(z) + jax.nn.relu(z) - jax.nn.silu(z) + jax.nn.elu(z) - jax.nn.leaky_relu(z),
    "choices": lambda t, z: jnp.where(z > 0.1, -z, z**2) + jnp.clip(z, -0.2, 0.3) + jnp.maximum(z, 0.0) - jnp.sign(z) * z + (z > 0) * (t < 1) * z,
    "moves": lambda t, z: jnp.roll(z, 1) - z[::-1] + jnp.concatenate([z[2:], z[:2]]) + jnp.stack([z[0], z[-1], z[1], z[3]]) + jnp.pad(z[1:], (0, 1)),
    "products": lambda t, z: z @ jnp.arange(16.0).reshape(4, 4) / 16 - jnp.arange(16.0).reshape(4, 4) @ z / 9 + jnp.dot(z, z) * jnp.ones(4),
    "matrices": lambda t, z: (z.reshape(2, 2) @ z.reshape(2, 2).T - z.reshape(2, 2)).ravel() + jnp.einsum("ij,j->i", jnp.outer(z, z), z) / 4,
    "sums": lambda t, z: jax.nn.softmax(z) - z.mean() + jnp.cumsum(z) / 9 - jax.nn.logsumexp(z) + z.reshape(2, 2).sum(axis=0, keepdims=True).repeat(2, 0).ravel(),
    "inner functions": lambda t, z: jax.jit(jnp.sin)(z) + jax.checkpoint(jnp.cos)(z) - jax.vmap(lambda x: x * 2)(z) + jnp.linalg.norm(z),
    "tables": lambda t, z: -z + jnp.asarray([0.0, 1.0, 2.0, 3.0])[jnp.array([3, 1, 0, 2])] + z[jnp.array([1, 0, 3, 2])],
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_operations_have_the_values_and_gradients_of_jax(field):
    z0 = jnp.array([0.3, -0.7, 0.9, 0.45])
    shrunk = lambda t, z: 0.3 * field(t, z)
    mine = jax.value_and_grad(lambda z: jnp.sum(jnp.square(costate.jax.solve(shrunk, z, [0.0, 0.2], **TIGHT))))
    theirs = jax.value_and_grad(lambda z: jnp.sum(jnp.square(reference(shrunk, z, [0.0, 0.2]))))
    np.testing.assert_allclose(mine(z0)[0], theirs(z0)[0], rtol=1e-6)
    np.testing.assert_allclose(mine(z0)[1], theirs(z0)[1], rtol=1e-5, atol=1e-7)


@jax.custom_vjp
def straight_through(x):
    return jnp.floor(x)


straight_through.defvjp(lambda x: (jnp.floor(x), None), lambda kept, g: (g,))


@jax.custom_vjp
def clipped(x):
    return x * x


clipped.defvjp(lambda x: (x * x, x), lambda x, g: (jnp.clip(2 * x * g, -0.1, 0.1),))


@jax.custom_jvp
def seven(x):
    return jnp.sin(x)


seven.defjvp(lambda primals, tangents: (jnp.sin(*primals), 7 * tangents[0]))

# Fields that one step of Euler's method is compared with, value and gradient, to the bits of JAX's own where nothing cancels.
STEPPED = {
    "truth of numbers": (lambda t, z: z.astype(bool).astype(float) * 3 - z,),
    "asinh": (lambda t, z: jnp.arcsinh(z * jnp.array([-5e3, -1e12, 1.0, 1.0])) + jnp.arccosh(z + 3) - jnp.arctanh(z / 3),),
    "erfc": (lambda t, z: jnp.log(jax.scipy.special.erfc(4 * z)) + jax.scipy.stats.norm.logcdf(-9 * z),),
    "ties": (lambda t, z: jax.nn.relu(z) + jnp.maximum(z, 0.0) + jax.lax.clamp(0.0, z, 9.0) + jax.nn.softplus(z) + jnp.hypot(z, jnp.abs(z)[jnp.array([0, 1, 2, 0])] + 1),),
    "remainders": (lambda t, z: jnp.fmod(z * 7, 2.0) - z % 3.0,),
    "JAX's own rules": (lambda t, z: jax.scipy.special.xlogy(z, 3.0) + jax.scipy.special.entr(z + 2),),
    "custom_vjp": (lambda t, z: straight_through(z * 3) * z,),
    "custom_jvp": (lambda t, z: seven(z) * z,),
    "custom_vjp of arguments": (lambda t, z, w: straight_through(w) * z + clipped(w), 1.3),
    "indices": (lambda t, z, w, i: -z * w[i] + z[i], jnp.array([1.0, 2.0]), np.array(1)),
    "integers": (lambda t, z, n: -z * (n // 2) + (n >> 1), 3),
    "wrap-around": (lambda t, z, n: -z * (n + n) / 100.0, np.array(200, np.uint8)),
    "truth values": (lambda t, z, b: -z * ~b + jnp.where(b, z, 2.0), np.array([True, False, True, False])),
    "random keys": (lambda t, z, key: -z * jax.random.uniform(jax.random.wrap_key_data(key)), np.array([1, 2], np.uint32)),
    "scatter": (lambda t, z: jnp.zeros(4).at[0].set(z[1]).at[1].add(-z[0]).at[jnp.array([2, 2])].add(z[:2]) + z.at[1:3].multiply(-2.0).at[0].min(z[1]).at[9].add(5.0),),
    "products": (lambda t, z: z * jnp.prod(z[:3]) - jax.grad(lambda z: jnp.prod(z))(z),),
    "any and all": (lambda t, z: jnp.where(jnp.any(z > 1), z, -z) + jnp.where(jnp.all(z > 1), z, 2 * z) + jnp.where((z > 0) ^ (z > 1), 1.0, -1.0),),
    "to integers": (lambda t, z: z * jnp.floor(z * 3).astype(int) + z.astype(int),),
    "padding": (lambda t, z: jnp.pad(z[1:], (0, 1), constant_values=1e10) / 1e10 + jax.lax.pad(z, 5.0, [(1, -4, 1)]),),
}


@pytest.mark.parametrize("field, args", [(one[0], one[1:]) for one in STEPPED.values()], ids=STEPPED)
def test_a_step_has_the_value_and_gradient_of_jax(field, args):
    z0 = jnp.array([0.5, -1.3, 2.0, 0.0])
    mine = lambda z: jnp.sum((costate.jax.solve(field, z, [0.0, 1.0], args, method="euler")[-1] - z) * jnp.arange(1.0, 5.0))
    theirs = lambda z: jnp.sum(field(0.0, z, *args) * jnp.arange(1.0, 5.0))
    for one, other in zip(jax.value_and_grad(mine)(z0), jax.value_and_grad(theirs)(z0)):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


KNOTS = np.array([0.0, 0.3, 0.9, 1.4, 2.0])
TABLE = np.stack([np.sin(3 * KNOTS), KNOTS**2 - 1], axis=1)
# Fields that read a table u [time, channel] at a place that depends on t or z.
READS = {
    "interp": lambda t, z, u: jnp.interp(t, KNOTS, u[:, 0]) - z,
    "interp of states": lambda t, z, u: jnp.interp(z, KNOTS, u[:, 1]) * t - z,
    "interp beyond the ends": lambda t, z, u: jnp.interp(3 * t - 1, KNOTS, u[:, 1], left=3.0, right=-2.0) - z,
    "interp of channels": lambda t, z, u: jax.vmap(lambda one: jnp.interp(t, KNOTS, one))(u.T) - z,
    "held": lambda t, z, u: u[jnp.searchsorted(KNOTS, t, side="right") - 1] - z,
    "the next one": lambda t, z, u: u[jnp.searchsorted(KNOTS, t, side="left", method="compare_all")] - z,
    "one number": lambda t, z, u: u[jnp.searchsorted(KNOTS, t) - 1, 1] - z,
    "take": lambda t, z, u: jnp.take(u, jnp.searchsorted(KNOTS, z, side="right") - 1, axis=0)[0] - z,
    "columns": lambda t, z, u: u.T[:, jnp.searchsorted(KNOTS, z) - 1].sum(axis=0) - z,
    "some beside each other": lambda t, z, u: jax.lax.dynamic_slice(u, (jnp.searchsorted(KNOTS, t) - 1, jnp.int32(1)), (2, 1))[:, 0] - z,
}


@pytest.mark.parametrize("field", READS.values(), ids=READS)
def test_a_table_at_a_place_that_depends_on_t_or_z(field):
    z0, weights = jnp.array([0.35, 1.7]), jnp.array([1.0, 2.0])
    for t in (0.1, 0.7, 1.95):
        mine = lambda z, u: weights @ (costate.jax.solve(field, z, [t, t + 1.0], (u,), method="euler")[-1] - z)
        theirs = lambda z, u: weights @ field(t, z, u)
        found, expected = (jax.value_and_grad(of, argnums=(0, 1))(z0, jnp.asarray(TABLE)) for of in (mine, theirs))
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_steps_end_at_the_knots_of_a_table():
    heap = lambda t, z: 0 * z + jnp.interp(t, np.array([0.0, 3.0, 3.005, 3.01, 10.0]), np.array([0.0, 0.0, 1000.0, 0.0, 0.0]))
    np.testing.assert_allclose(costate.jax.solve(heap, jnp.zeros(1), [0.0, 10.0], rtol=1e-8, atol=1e-10)[-1], 5.0, rtol=1e-9)
    for side in ("left", "right"):
        pulse = lambda t, z: -z + jnp.array([0.0, 100.0, 0.0])[jnp.searchsorted(np.array([3.0, 3.01]), t, side=side)]
        end = costate.jax.solve(pulse, jnp.zeros(1), [0.0, 10.0], rtol=1e-8, atol=1e-10)[-1]
        np.testing.assert_allclose(end, 100 * np.expm1(0.01) * np.exp(3 - 10.0), rtol=1e-6)


def test_a_path_of_diffrax_among_the_arguments_has_the_gradient_of_jax():
    diffrax = pytest.importorskip("diffrax")
    path, z0 = diffrax.LinearInterpolation(jnp.asarray(KNOTS), jnp.asarray(TABLE)), jnp.array([0.35, 1.7])
    field = lambda t, z, path: path.evaluate(t) - z
    loss = lambda solver, **options: lambda path: jnp.sum(solver(field, z0, jnp.array([0.0, 1.0, 2.0]), path, **options)[1:])
    found = jax.jit(jax.value_and_grad(loss(lambda f, z, times, path: costate.jax.solve(f, z, times, (path,), **TIGHT))))(path)
    expected = jax.value_and_grad(loss(reference))(path)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-8)
    spline = diffrax.CubicInterpolation(jnp.asarray(KNOTS), diffrax.backward_hermite_coefficients(jnp.asarray(KNOTS), jnp.asarray(TABLE)))
    controlled = lambda t, z: spline.derivative(t)[:1] * z                  # dz = z dX: z is exp(X - X(0))
    states = costate.jax.solve(controlled, jnp.ones(1), KNOTS, **TIGHT)
    np.testing.assert_allclose(states[:, 0], np.exp(TABLE[:, 0] - TABLE[0, 0]), rtol=1e-8)


def test_a_rule_that_cannot_be_used_is_refused_by_name():
    run = lambda z0: jnp.sum(costate.jax.solve(lambda t, z: clipped(z), z0, [0.0, 1.0], method="euler")[-1])
    np.testing.assert_allclose(run(jnp.ones(1)), 2.0)
    with pytest.raises(costate.NotSupported, match="the field uses clipped, whose own rule"):
        jax.grad(run)(jnp.ones(1))


def test_python_numbers_are_solved_in_double_precision_and_nothing_gives_nothing():
    states = costate.jax.odeint(lambda y, t: -y, 1.0, jnp.array([0.0, 1.0]))
    assert states.dtype == jnp.float64 and abs(states[-1] - np.exp(-1)) < 1e-7
    assert costate.jax.odeint(lambda y, t: -y, jnp.ones((0, 2)), jnp.array([0.0, 1.0, 2.0])).shape == (3, 0, 2)
    beyond = costate.jax.solve(lambda t, z: jnp.take(z, jnp.array([0, 5])), jnp.ones(2), [0.0, 1.0])
    assert np.isnan(beyond[-1]).any()


def test_float32_by_default():
    jax.config.update("jax_enable_x64", False)
    states = costate.jax.solve(pendulum, jnp.array([1.0, 0.0]), TIMES, rtol=1e-5, atol=1e-6)
    assert states.dtype == jnp.float32
    np.testing.assert_allclose(costate.jax.odeint(lambda z, t: -z, jnp.ones(1), jnp.array([0.0, 1.0]))[-1], np.exp(-1), rtol=1e-5)


def test_a_sample_that_fails_is_nan_and_counts_nothing():
    run = lambda z0: costate.jax.solve(lambda t, z: z**2, z0, [0.0, 1.0], batch=True, max_steps=1000, **TIGHT)[:, -1]
    starts = jnp.array([[0.5], [2.0]])  # the second is infinite at t = 1/2
    assert np.isnan(run(starts)[1]) and abs(run(starts)[0, 0] - 1) < 1e-8
    gradient = jax.grad(lambda z0: jnp.nansum(run(z0)))(starts)
    np.testing.assert_allclose(gradient, [[4.0], [0.0]], rtol=1e-6)


@pytest.mark.parametrize("run, error, message", [
    (lambda: costate.jax.solve(lambda t, z: (z,), jnp.ones(1), TIMES), costate.ShapeError, "f must give a derivative in the structure of z"),
    (lambda: costate.jax.solve(lambda t, z: z[:1], jnp.ones(2), TIMES), costate.ShapeError, "must have its shape [2]; got [1]"),
    (lambda: costate.jax.solve(lambda t, z: jnp.linalg.inv(z), jnp.eye(2), TIMES), costate.NotSupported, "the field uses 'lu"),
    (lambda: costate.jax.solve(lambda t, z: jnp.sort(z), jnp.ones(2), TIMES), costate.NotSupported, "the field uses 'sort'"),
    (lambda: costate.jax.solve(lambda t, z: jnp.median(z) * z, jnp.ones(2), TIMES), costate.NotSupported, "the field uses 'sort' in 'median', which"),
    (lambda: costate.jax.solve(lambda t, z: z * jnp.interp(t, z, z), jnp.ones(2), TIMES), costate.NotSupported, "the field uses 'lt_to' in '_interp', which"),
    (lambda: costate.jax.solve(lambda t, z: jax.lax.fori_loop(0, 2000, lambda i, x: -x, z), jnp.ones(2), TIMES), costate.NotSupported, "the field uses 'scan', which"),
    (lambda: costate.jax.solve(lambda t, z: jax.lax.while_loop(lambda x: x[0] < 3, lambda x: x + 1, z), jnp.ones(2), TIMES), costate.NotSupported, "a loop whose number of turns is not known"),
    (lambda: jax.jit(lambda n: costate.jax.solve(lambda t, z, n: jax.lax.fori_loop(0, n, lambda i, x: -x * t, z), jnp.ones(2), TIMES, (n,)))(3), costate.NotSupported,
     "fori_loop of bounds that are no constants"),
    (lambda: costate.jax.solve(lambda t, z: jnp.zeros(2**24 + 1).at[jnp.array([0, 2**24])].add(z)[:2], jnp.ones(2), TIMES), costate.NotSupported, "'scatter-add' into 16777217 numbers, and"),
    (lambda: costate.jax.solve(lambda t, z: z * jnp.sum(z > 0), jnp.ones(2), TIMES), costate.NotSupported, "'reduce_sum' of integers that depend on t or z"),
    (lambda: jax.jit(lambda i: costate.jax.solve(lambda t, z, i: z * z[i], jnp.ones(2), TIMES, (i,)))(1), costate.NotSupported, "integers that jit, vmap or grad trace"),
    (lambda: costate.jax.solve(lambda t, z: z, jnp.ones(1), 1.0), costate.ShapeError, "times must have shape [time]; got []"),
    (lambda: costate.jax.solve(lambda t, z: z, {}, TIMES), costate.ShapeError, "z0 must hold at least one array"),
    (lambda: costate.jax.solve(lambda t, z: z, jnp.ones(1) * 1j, TIMES), costate.DtypeError, "z0 must hold real numbers; got complex128"),
    (lambda: costate.jax.solve(lambda t, z: z, (jnp.ones((2, 1)), jnp.ones((3, 1))), TIMES, batch=True), costate.ShapeError, "the same first axis"),
    (lambda: costate.jax.solve(lambda t, z: z, jnp.ones(1), TIMES, method="euller"), costate.InvalidArgument, "did you mean 'euler'"),
    (lambda: costate.jax.solve(lambda t, z, net: z, jnp.ones(1), TIMES, {"rate": 2.0}), costate.CallError, "args must be a tuple, of what f takes after t and z; got dict"),
    (lambda: costate.jax.solve(lambda t, z, rates: z, jnp.ones(1), TIMES, jnp.ones(2)), costate.CallError, "Write args=(…,)"),
    (lambda: costate.jax.solve(lambda t, z: z, jnp.ones(1), TIMES, foo=3), costate.CallError, "[costate.jax.solve] there is no argument 'foo'; known: throw, method, rtol"),
    (lambda: costate.jax.solve(lambda t, z: z, jnp.ones(1), TIMES, dt0=3), costate.CallError, "there is no argument 'dt0'; did you mean 'first_step'?"),
    (lambda: costate.jax.solve(lambda t, z: z, jnp.ones(1), TIMES, save=lambda t, z: z[0]), costate.NotSupported, "save is for costate.solve outside of JAX; apply"),
    (lambda: costate.jax.solve(lambda t, z: z, jnp.ones(1), TIMES, events=[]), costate.NotSupported, "events is for costate.solve outside of JAX; leave it out"),
])
def test_what_does_not_fit(run, error, message):
    with pytest.raises(error, match=re.escape(message)):
        run()


def test_second_derivatives_of_a_rule_are_refused():
    def loss(z0, method):
        return costate.jax.solve(lambda t, z: -straight_through(z), z0, jnp.array([0.0, 0.5]), method=method).sum()

    z0 = jnp.array([0.7, 1.3])
    assert jnp.isfinite(loss(z0, "rodas5p"))
    with pytest.raises(costate.NotSupported, match="gradients of rodas5p take second derivatives"):
        jax.grad(loss)(z0, "rodas5p")
    assert jnp.all(jnp.isfinite(jax.grad(loss)(z0, "kvaerno5")))
    with pytest.raises(costate.NotSupported, match="second derivatives of a solve take those of its field, which straight_through"):
        jax.hessian(loss)(z0, "kvaerno5")
