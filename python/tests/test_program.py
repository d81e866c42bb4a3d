import math

import costate
import numpy as np
import pytest
from costate import _core


def run(f, *inputs, **shapes):
    return costate.compile(costate.trace(f, shapes))(*inputs)[0]


@pytest.mark.parametrize("name", _core._numpy_names)
def test_functions_are_numpys(name):
    of_numpy = getattr(np, _core._numpy_names[name])
    x = np.linspace(0.05, 0.95, 24).reshape(4, 2, 3)  # [sample, operand, element]
    for f in getattr(costate, name), of_numpy:
        found = run(lambda x: f(*(x[i] for i in range(of_numpy.nin))), x, x=(2, 3))
        np.testing.assert_allclose(found, of_numpy(*(x[:, i] for i in range(of_numpy.nin))), rtol=1e-14)


@pytest.mark.parametrize("name, formula", [
    ("square", np.square), ("sigmoid", lambda x: 1 / (1 + np.exp(-x))), ("softplus", lambda x: np.log1p(np.exp(x))),
    ("relu", lambda x: np.maximum(x, 0)), ("erf", np.vectorize(math.erf))])
def test_functions_are_their_formulas(name, formula):
    x = np.linspace(0.05, 0.95, 12).reshape(4, 3)
    np.testing.assert_allclose(run(getattr(costate, name), x, x=(3,)), formula(x), rtol=1e-14)


def test_operators_mix_with_numbers_and_numpy():
    x = np.array([[1.0, 2.0, 3.0]])
    other = np.array([4.0, 5.0, 6.0])
    for f in (lambda x: 2 * x + 1, lambda x: other - x, lambda x: x / other, lambda x: other / x, lambda x: x**2, lambda x: 2**x,
              lambda x: -x, lambda x: abs(-x), lambda x: other @ x, lambda x: x @ np.outer(other, other)):
        np.testing.assert_allclose(run(f, x, x=(3,))[0], f(x[0]), rtol=1e-14)
    np.testing.assert_array_equal(run(lambda x: x > 2, x, x=(3,))[0], [0, 0, 1])
    np.testing.assert_array_equal(run(lambda x: x == 2, x, x=(3,))[0], [0, 1, 0])
    np.testing.assert_array_equal(run(lambda x: 2 != x, x, x=(3,))[0], [1, 0, 1])
    np.testing.assert_array_equal(run(lambda x: +x, x, x=(3,)), x)
    np.testing.assert_array_equal(run(lambda x: costate.where(x > 2, x, 0), x, x=(3,))[0], [0, 0, 3])


def test_indexing_and_structure():
    x = np.arange(12.0).reshape(1, 4, 3)
    np.testing.assert_array_equal(run(lambda x: x[1], x, x=(4, 3))[0], x[0, 1])
    np.testing.assert_array_equal(run(lambda x: x[-1], x, x=(4, 3))[0], x[0, -1])
    np.testing.assert_array_equal(run(lambda x: x[1:3], x, x=(4, 3))[0], x[0, 1:3])
    np.testing.assert_array_equal(run(lambda x: costate.concat([x[:1], x[2:]]), x, x=(4, 3))[0], x[0, [0, 2, 3]])
    np.testing.assert_array_equal(run(lambda x: costate.transpose(x), x, x=(4, 3))[0], x[0].T)
    np.testing.assert_allclose(run(lambda x: costate.sum(x, axis=0), x, x=(4, 3))[0], x[0].sum(0))
    np.testing.assert_allclose(run(costate.mean, x, x=(4, 3))[0], x.mean())
    np.testing.assert_array_equal(run(lambda x: costate.max(x, axis=-1), x, x=(4, 3))[0], x[0].max(-1))
    np.testing.assert_array_equal(run(lambda x: costate.reshape(x, (2, -1)), x, x=(4, 3))[0], x[0].reshape(2, -1))


@pytest.mark.parametrize("key", [np.s_[1, 2], np.s_[:, 0], np.s_[..., -1], np.s_[::-1, 1:], np.s_[[2, 0]], np.s_[None, 1], np.int64(1), True],
                         ids=str)
def test_an_index_is_numpys(key):
    x = np.arange(12.0).reshape(1, 4, 3)
    np.testing.assert_array_equal(run(lambda x: x[key], x, x=(4, 3))[0], x[0][key])
    loss = costate.trace(lambda x: costate.sum(costate.square(x[key])), {"x": (4, 3)})
    wanted = np.zeros((4, 3))
    wanted[key] = 2 * x[0][key]
    np.testing.assert_array_equal(costate.compile(costate.value_and_grad(loss))(x)[1][0], wanted)


def test_parameters_compare_as_objects_and_with_numbers_by_value():
    first, second = costate.Parameter("p", [1.0, 2.0]), costate.Parameter("p", [1.0, 2.0])
    assert first == first and first != second and len({first, second, first}) == 2
    np.testing.assert_array_equal(run(lambda x: (first == 1) * x, [[3.0, 4.0]], x=(2,))[0], [3, 0])


def test_derivatives():
    f = costate.trace(lambda x: costate.sum(costate.sin(x) * x), {"x": (3,)})
    x = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    value, gradient = costate.compile(costate.value_and_grad(f))(x)
    np.testing.assert_allclose(value, (np.sin(x) * x).sum(1), rtol=1e-14)
    np.testing.assert_allclose(gradient, np.cos(x) * x + np.sin(x), rtol=1e-14)
    _, tangent = costate.compile(costate.jvp(f))(x, np.ones_like(x))
    np.testing.assert_allclose(tangent, gradient.sum(1), rtol=1e-13)


def test_gradient_within_a_trace():
    x = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    one = run(lambda x: costate.gradient(costate.sum(x * x * x), x), x, x=(3,))
    np.testing.assert_allclose(one, 3 * x**2, rtol=1e-14)
    listed = run(lambda x: costate.gradient(costate.sum(x * x * x), [x])[0], x, x=(3,))
    np.testing.assert_array_equal(listed, one)


@pytest.mark.parametrize("adjoint", ["discrete", "backsolve", "interpolating", "quadrature", "forward"])
def test_a_net_is_trained_through_a_solve(adjoint):
    net = costate.Mlp(2, [16], 2, seed=1)
    field = costate.vector_field(lambda t, z: net(z), (2,))
    times = np.linspace(0, 1, 5)
    loss = costate.trace(lambda z0, seen: costate.mean(costate.square(costate.solve(field, z0, times, adjoint=adjoint) - seen)),
                         {"z0": (2,), "seen": (5, 2)})
    program = costate.compile(costate.value_and_grad(loss, wrt=net.parameters))
    starts = np.random.default_rng(0).normal(size=(20, 2))
    seen = costate.solve(lambda t, z: costate.stack([z[1], -z[0]]), starts, times).states
    first = program(starts, seen)[0].mean()
    for _ in range(200):
        _, *gradients = program(starts, seen)
        for parameter, gradient in zip(net.parameters, gradients):
            parameter.value = parameter.value - 0.2 / len(starts) * gradient
    outputs, report = program.run(starts, seen)
    assert outputs[0].mean() < 0.1 * first
    assert report["nfe_forward"] > 0 and report["nfe_backward"] > 0 and report["failures"] == []


def test_adjoints_agree_and_say_what_they_cannot_do():
    rate = costate.Parameter("rate", 0.8)

    def gradient(**options):
        end = costate.trace(lambda z0: costate.solve(lambda t, z: costate.stack([z[1], -rate * costate.sin(z[0])]), z0, [0.0, 2.0],
                                                     rtol=1e-9, atol=1e-10, **options)[-1, 0], {"z0": (2,)})
        return costate.compile(costate.value_and_grad(end, wrt=["z0", rate]))([1.0, 0.0])[1:]

    exact = gradient()
    for adjoint in ("backsolve", "interpolating", "quadrature", "forward"):
        for found, truth in zip(gradient(adjoint=adjoint), exact):
            np.testing.assert_allclose(found, truth, rtol=1e-6)
        for found, truth in zip(gradient(adjoint=adjoint, adjoint_rtol=1e-3, adjoint_atol=1e-5), exact):
            np.testing.assert_allclose(found, truth, rtol=0.1)
    for options, message in (({"adjoint_rtol": 1e-3}, "adjoint_rtol is for adjoints that solve an equation"),
                             ({"adjoint": "interpolating", "method": "rk4"}, "which fixed steps do not keep"),
                             ({"adjoint": "quadratur"}, "did you mean 'quadrature'")):
        with pytest.raises(ValueError, match=message):
            gradient(**options)
    many = costate.trace(lambda z0: costate.sum(costate.solve(lambda t, z: -z, z0, [0.0, 1.0], adjoint="forward")), {"z0": (1100,)})
    with pytest.raises(NotImplementedError, match="more than 1024 are refused"):
        costate.value_and_grad(many)


def test_the_report_names_samples_that_failed():
    rate = costate.Parameter("rate", [0.5])
    loss = costate.trace(lambda z0, times: costate.sum(costate.solve(lambda t, z: -rate * z * costate.cos(t), z0, times)),
                         {"z0": (1,), "times": (3,)})
    program = costate.compile(costate.value_and_grad(loss, wrt=rate))
    starts, times = np.ones((6, 1)), np.tile([0.0, 1.0, 2.0], (6, 1))
    starts[1], times[2], times[4] = np.nan, [0, np.nan, 2], [0, 2, 1]
    (value, by_rate), report = program.run(starts, times)
    assert [(f["sample"], f["reason"]) for f in report["failures"]] == [(1, "non_finite"), (2, "invalid_times"), (4, "invalid_times")]
    np.testing.assert_array_equal(np.isnan(value), [False, True, True, False, True, False])
    np.testing.assert_allclose(by_rate, program(starts[[0, 3, 5]], times[[0, 3, 5]])[1], rtol=1e-14)


def test_a_traced_solve_starts_from_what_the_trace_holds():
    start = costate.Parameter("start", [1.0, 2.0])

    def end(z0, times):
        return costate.sum(costate.solve(lambda t, z: -z, z0, times, rtol=1e-9, atol=1e-10)[-1])

    loss = costate.trace(lambda x: end(start, [0.0, 1.0]) * x, {"x": ()})
    np.testing.assert_allclose(costate.compile(costate.value_and_grad(loss, wrt=start))(np.ones(1))[1], np.exp([-1, -1]), rtol=1e-7)
    np.testing.assert_allclose(run(lambda x: end([x[0], 2 * x[1]], [0.0, 1.0]), [[1.0, 1.0]], x=(2,)), 3 * np.exp(-1), rtol=1e-7)
    np.testing.assert_allclose(run(lambda x: end([1.0, 2.0], x), [[0.0, 2.0]], x=(2,)), 3 * np.exp(-2), rtol=1e-7)


def switched(t, y, k, T):
    return -costate.where(t <= T, k, 0.0) * y


def test_a_time_at_which_the_field_jumps_is_refused_and_two_solves_have_its_gradient():
    k, T = costate.Parameter("k", [1.3]), costate.Parameter("T", [0.7])
    jumping = costate.trace(lambda y0: costate.sum(costate.solve(lambda t, y: switched(t, y, k, T), y0, [0.0, 2.0], rtol=1e-9)[-1]), {"y0": (1,)})
    with pytest.raises(NotImplementedError, match=r"\[vjp\] Parameter 'T' moves a time at which the field of a solve jumps.*solve\(before"):
        costate.value_and_grad(jumping, wrt=[k, T])
    with pytest.raises(NotImplementedError, match=r"\[jvp\] Parameter 'T' moves"):
        costate.jvp(jumping, wrt=T)
    by_k = costate.compile(costate.value_and_grad(jumping, wrt=k))(np.ones((1, 1)))[1]
    np.testing.assert_allclose(by_k, -0.7 * np.exp(-0.91), rtol=1e-5)

    def two_solves(y0):
        y = costate.solve(lambda t, y: -k * y, y0, costate.concat([np.zeros(1), T]), rtol=1e-10)[-1]
        return costate.sum(costate.solve(lambda t, y: 0 * y, y, costate.concat([T, np.full(1, 2.0)]), rtol=1e-10)[-1])

    by_k, by_t = costate.compile(costate.value_and_grad(costate.trace(two_solves, {"y0": (1,)}), wrt=[k, T]))(np.ones((1, 1)))[1:]
    np.testing.assert_allclose([by_k[0], by_t[0]], [-0.7 * np.exp(-0.91), -1.3 * np.exp(-0.91)], rtol=1e-7)


def test_lanes_change_no_bit_but_of_solves_whose_samples_share_steps():
    def trained(**options):
        return costate.trace(lambda z, w: costate.solve(lambda t, y: costate.tanh(w * y), z, [0.0, 1.0], **options)[1], {"z": (2,), "w": ()}, shared=["w"])

    z, w = np.linspace(-2, 3, 80).reshape(40, 2), 1.5
    own = trained()
    whole, = costate.compile(own)(z, w)
    outputs, pullback = costate.compile_pullback(own, lanes=16)(z, w)
    assert np.array_equal(costate.compile(own, lanes=64)(z, w)[0], whole) and np.array_equal(outputs[0] if isinstance(outputs, tuple) else outputs, whole)
    assert pullback(np.ones((40, 2)))[0].shape == (40, 2)
    joint = trained(control="joint")
    _, together = costate.compile(joint, lanes=64).run(z, w)
    alone, _ = costate.compile(joint, lanes=64).run(z[:20], w)
    assert together["nfe_forward"] % 40 == 0  # one number of evaluations for all
    assert not np.array_equal(costate.compile(joint, lanes=64)(z, w)[0][:20], alone[0])


def test_an_argument_that_moves_a_jump_is_named_by_the_input_it_comes_from():
    jumping = costate.trace(
        lambda T, k, y0: costate.solve(switched, y0, [0.0, 2.0], args=(k, costate.exp(T)))[-1], {"T": (), "k": (), "y0": ()})
    with pytest.raises(NotImplementedError, match=r"input 'T' moves a time"):
        costate.value_and_grad(jumping)
    costate.value_and_grad(jumping, wrt="k")
    held = costate.trace(
        lambda lag, y0: costate.solve(lambda t, y, lag: costate.interpolate([0.0, 1.0], [[1.0], [3.0]], t - lag, "hold")[0], y0,
                                      [0.0, 2.0], args=(lag,))[-1], {"lag": (), "y0": ()})
    with pytest.raises(NotImplementedError, match=r"input 'lag' moves a time"):
        costate.value_and_grad(held)
    knots = costate.trace(lambda at: costate.sum(costate.interpolate(at, [[1.0], [3.0]], 0.5)), {"at": (2,)})
    with pytest.raises(NotImplementedError, match=r"interpolate has no derivative by its times, which come from input 'at'"):
        costate.value_and_grad(knots)


def test_selects_of_a_parameter_have_gradients():
    V = costate.Parameter("V", [0.3])
    loss = costate.trace(lambda z: costate.sum(costate.solve(lambda t, y: costate.relu(V) - y, z, [0.0, 1.0], rtol=1e-9)[-1]), {"z": (1,)})
    by_v = costate.compile(costate.value_and_grad(loss, wrt=V))(np.zeros((2, 1)))[1]
    np.testing.assert_allclose(by_v, [2 * (1 - np.exp(-1))], rtol=1e-6)


def test_second_derivatives_through_a_solve():
    # z(1)^2 = z0^2 exp(-2 p)
    p = costate.Parameter("p", [0.7])
    loss = costate.trace(lambda z: costate.sum(costate.square(costate.solve(lambda t, y: -p * y, z, [0.0, 1.0], rtol=1e-10)[-1])), {"z": (1,)})
    z, v, e = np.array([[1.2], [-0.4]]), np.array([[1.0], [0.5]]), np.exp(-1.4)
    by_z, by_p = costate.compile(costate.jvp(costate.value_and_grad(loss)))(z, v, np.array([0.3]))[4:]
    np.testing.assert_allclose(by_z, 2 * e * v - 4 * z * e * 0.3, rtol=1e-6)
    np.testing.assert_allclose(by_p, [np.sum(-4 * z * v + 4 * z**2 * 0.3) * e], rtol=1e-6)
    reverse = costate.compile(costate.vjp(costate.jvp(loss), wrt=["z", p]))
    by_z, by_p = reverse(z, v, np.array([0.3]), np.zeros(2), np.ones(2))[2:]
    np.testing.assert_allclose(by_z, 2 * e * v - 4 * z * e * 0.3, rtol=1e-6)
    np.testing.assert_allclose(by_p, [np.sum(-4 * z * v + 4 * z**2 * 0.3) * e], rtol=1e-6)
    reverse_of_reverse = costate.compile(costate.vjp(costate.value_and_grad(loss), wrt=["z", p]))
    by_z, by_p = reverse_of_reverse(z, np.zeros(2), v, np.array([0.3]))[3:]
    np.testing.assert_allclose(by_z, 2 * e * v - 4 * z * e * 0.3, rtol=1e-6)
    np.testing.assert_allclose(by_p, [np.sum(-4 * z * v + 4 * z**2 * 0.3) * e], rtol=1e-6)


def test_mistakes_are_named():
    f = costate.trace(lambda x: x, {"x": (3,)})
    with pytest.raises(costate.ShapeError, match="must be a scalar"):
        costate.value_and_grad(f)
    with pytest.raises(costate.InvalidArgument, match="did you mean 'x'"):
        costate.vjp(f, wrt="xx")
    with pytest.raises(TypeError, match="names of inputs and Parameters"):
        costate.vjp(f, wrt=[0])
    with pytest.raises(costate.InvalidArgument, match="no input is named"):
        costate.vjp(f, wrt=[])
    with pytest.raises(costate.InvalidArgument, match="does not use Parameter 'p'"):
        costate.vjp(f, wrt=[costate.Parameter("p", 1.0)])
    with pytest.raises(costate.ShapeError, match=r"12 numbers of shape \[4, 3\] do not fill rows of 5"):
        run(lambda x: costate.reshape(x, (-1, 5)), np.ones((1, 4, 3)), x=(4, 3))
    with pytest.raises(costate.ShapeError, match=r"^\[reduce_max\] of gather \[0\]: of no numbers there is none\.$"):
        costate.trace(lambda x: costate.max(x[3:]), {"x": (3,)})
    with pytest.raises(costate.InvalidArgument, match="unknown shared input 'y'"):
        costate.trace(lambda x: x, {"x": (3,)}, shared=["y"])
    with pytest.raises(IndexError, match="out of bounds"):
        costate.trace(lambda x: x[0, 3], {"x": (2, 3)})
    with pytest.raises(costate.ShapeError, match=r"\[batch\] \+ \[3\]"):
        costate.compile(f)(np.ones((2, 4)))
    with pytest.raises(costate.InvalidArgument, match="did you mean 'f32'"):
        costate.compile(f, dtype="f23")
    with pytest.raises(costate.DtypeError, match="expected numbers; got int"):
        costate.trace(lambda x: x + 10**400, {"x": (2,)})
    with pytest.raises(IndexError):
        costate.trace(lambda x: x[10**30], {"x": (2,)})
    with pytest.raises(costate.Error):
        costate.zeros(3)  # outside of a trace
    escaped = []
    costate.trace(lambda x: escaped.append(x) or x, {"x": (2,)})
    with pytest.raises(costate.InvalidArgument, match="has ended"):
        repr(escaped[0])


@pytest.mark.parametrize("dtype, seen", [("f32", "float32"), ("float32", "float32"), (np.float32, "float32"), (np.dtype("f4"), "float32"),
                                         ("f64", "float64"), ("float64", "float64"), (np.float64, "float64"), (float, "float64")], ids=str)
def test_dtypes_as_numpy_spells_them(dtype, seen):
    f = costate.trace(lambda x: x, {"x": (2,)})
    assert costate.compile(f, dtype=dtype)(np.ones((1, 2)))[0].dtype == seen


def test_other_dtypes_are_refused():
    f = costate.trace(lambda x: x, {"x": (2,)})
    for dtype in ("float16", np.float16, np.int32):
        with pytest.raises(costate.InvalidArgument, match="known: f32, f64"):
            costate.compile(f, dtype=dtype)


def test_a_sample_alone_is_a_batch_of_one():
    p = costate.Parameter("p", [1.0, 2.0])
    f = costate.trace(lambda a, b, c: costate.sum(a * b * p) * c, {"a": (2,), "b": (), "c": ()}, shared=["c"])
    program = costate.compile(costate.value_and_grad(f))
    alone, batch = program([3.0, 4.0], 2.0, 0.5), program([[3.0, 4.0]], [2.0], 0.5)
    assert [x.shape for x in alone] == [(), (2,), (), (), (2,)]
    for one, many, is_sample in zip(alone, batch, (True, True, True, False, False)):
        np.testing.assert_array_equal(one, many[0] if is_sample else many)
    outputs, report = program.run([3.0, 4.0], 2.0, 0.5)
    np.testing.assert_array_equal(outputs[1], alone[1])
    assert report["failures"] == []
    with pytest.raises(costate.ShapeError, match="'b' has the shape of one sample and 'a' has not"):
        program(np.ones((3, 2)), 2.0, 0.5)
    with pytest.raises(costate.InvalidArgument, match="takes 3 inputs"):
        program([3.0, 4.0])


def test_jacobians_are_those_of_complex_steps():
    w = np.random.default_rng(0).normal(size=(4, 3))
    f = costate.trace(lambda x: np.tanh(w @ x) * x[0], {"x": (3,)})
    x = np.random.default_rng(1).normal(size=(5, 3))
    value, jacobian = costate.compile(costate.jacobian(f))(x)
    for sample, y, found in zip(x, value, jacobian):
        columns = [(np.tanh(w @ (sample + 1e-30j * unit)) * (sample + 1e-30j * unit)[0]).imag / 1e-30 for unit in np.eye(3)]
        np.testing.assert_allclose(found, np.array(columns).T, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(y, np.tanh(w @ sample) * sample[0], rtol=1e-14)
    within = run(lambda x: costate.jacobian(np.tanh(w @ x) * x[0], x), x, x=(3,))
    np.testing.assert_array_equal(within, jacobian)


def test_jacobians_and_hessians_of_solves():
    """x' = -a x, y' = x y from (x0, y0) against SciPy's differences of tight solves."""
    a = costate.Parameter("a", [0.7])
    tight = {"rtol": 1e-10, "atol": 1e-12}
    end = costate.trace(lambda z: costate.solve(lambda t, z: [-a[0] * z[0], z[0] * z[1]], z, [0.0, 1.0], **tight)[-1], {"z": (2,)})
    z = np.array([[1.0, 2.0], [0.5, -1.0]])
    _, by_z, by_a = costate.compile(costate.jacobian(end))(z)

    def closed(x, y, a):  # x(1), y(1)
        return np.array([x * np.exp(-a), y * np.exp(x * (1 - np.exp(-a)) / a)])

    for row, (x, y) in enumerate(z):
        columns = [closed(x + 1e-30j, y, 0.7).imag / 1e-30, closed(x, y + 1e-30j, 0.7).imag / 1e-30]
        np.testing.assert_allclose(by_z[row], np.array(columns).T, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(by_a[row, :, 0], closed(x, y, 0.7 + 1e-30j).imag / 1e-30, rtol=1e-7)
    loss = costate.trace(lambda z: costate.solve(lambda t, z: [-a[0] * z[0], z[0] * z[1]], z, [0.0, 1.0], **tight)[-1, 1], {"z": (2,)})
    _, hessian = costate.compile(costate.hessian(loss, wrt=a))(z)

    def slope(a):
        return sum(closed(x, y, a + 1e-30j)[1].imag / 1e-30 for x, y in z)

    np.testing.assert_allclose(hessian[0, 0], (slope(0.7 + 1e-5) - slope(0.7 - 1e-5)) / 2e-5, rtol=1e-6)


def test_least_squares_by_the_jacobian_of_a_solve():
    """SciPy's least_squares finds the rates that made the data."""
    from scipy.optimize import least_squares

    rates = costate.Parameter("rates", [1.0, 1.0])
    times = np.linspace(0, 2, 9)
    f = costate.trace(lambda z0: costate.solve(lambda t, z: [-rates[0] * z[0], rates[0] * z[0] - rates[1] * z[1]], z0, times), {"z0": (2,)})
    program = costate.compile(costate.jacobian(f, wrt=rates))
    start = np.array([1.0, 0.0])
    rates.value = [0.8, 2.0]
    seen = program(start)[0]

    def at(x):
        rates.value = x
        states, slopes = program(start)
        return (states - seen).ravel(), slopes.reshape(-1, 2)

    found = least_squares(lambda x: at(x)[0], [1.0, 1.0], jac=lambda x: at(x)[1])
    np.testing.assert_allclose(found.x, [0.8, 2.0], rtol=1e-4)


@pytest.mark.parametrize("through", ["plain", "solve"])
def test_tangents_of_parameters_may_be_of_each_sample(through):
    p = costate.Parameter("p", [0.4, 0.9])

    def f(x):
        if through == "plain":
            return costate.sum(x * x * p)
        return costate.sum(costate.solve(lambda t, z: -p * z, x, [0.0, 1.0], rtol=1e-10, atol=1e-12)[-1])

    x, directions = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]), np.array([[1.0, 0.0], [0.0, 2.0], [1.0, -1.0]])
    traced = costate.trace(f, {"x": (2,)})
    _, tangent = costate.compile(costate.jvp(traced, wrt=p, shared_tangents="sample"))(x, directions)
    slope = x * x if through == "plain" else -x * np.exp(-p.value)
    np.testing.assert_allclose(tangent, (slope * directions).sum(1), rtol=1e-7)
    for row in range(3):
        _, alone = costate.compile(costate.jvp(traced, wrt=p))(x, directions[row])
        np.testing.assert_allclose(alone[row], tangent[row], rtol=1e-7)
    with pytest.raises(costate.InvalidArgument, match="unknown shared_tangents 'batch'"):
        costate.jvp(traced, shared_tangents="batch")


def test_values_are_read_only():
    p = costate.Parameter("p", [1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        p.value[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        p.value += 1
    before = p.value
    p.value = p.value + 1
    np.testing.assert_array_equal(p.value, [2.0, 3.0])
    np.testing.assert_array_equal(before, [1.0, 2.0])


def test_linear_equations_and_roots():
    a, b = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -1.0])
    f = costate.trace(lambda a, b: costate.linear_solve(a, b), {"a": (2, 2), "b": (2,)})
    x, by_a, by_b = costate.compile(costate.jacobian(f))(a, b)
    inverse = np.linalg.inv(a)
    np.testing.assert_allclose(x, inverse @ b, rtol=1e-13)
    np.testing.assert_allclose(by_b, inverse, rtol=1e-12)
    np.testing.assert_allclose(by_a, -np.einsum("ij,k->ijk", inverse, x), rtol=1e-12)
    square_root = costate.trace(lambda y: costate.root(lambda x: x * x - y, [1.0, 1.0]), {"y": (2,)})
    x, by_y = costate.compile(costate.jacobian(square_root))([2.0, 9.0])
    np.testing.assert_allclose(x, np.sqrt([2.0, 9.0]), rtol=1e-12)
    np.testing.assert_allclose(by_y, np.diag(0.5 / x), rtol=1e-12, atol=1e-15)
    with pytest.raises(costate.CallError, match=r"f must be a callable; got int"):
        costate.trace(lambda y: costate.root(3, y), {"y": (2,)})
