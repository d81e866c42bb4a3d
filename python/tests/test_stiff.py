"""Methods for stiff fields from Python: auto, kencarp4, bdf and adams; jac and nonnegative."""

import pickle

import costate
import numpy as np
import pytest


def relaxation(t, z, mu):
    return costate.stack([z[1], mu[0] * (1 - z[0] ** 2) * z[1] - z[0]])


def test_auto_tells_which_steps_were_implicit_and_when_it_switched():
    mu = np.array([[1.0], [300.0]])
    found = costate.solve(relaxation, [[2.0, 0.0]] * 2, [0.0, 400.0], args=[mu], method="auto")
    truth = costate.solve(relaxation, [[2.0, 0.0]] * 2, [0.0, 400.0], args=[mu], method="rodas5p", rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.states[1], truth.states[1], rtol=1e-4, atol=1e-4)
    assert found.implicit_steps[0] == 0 and found.switches[0] == []
    assert 0 < found.implicit_steps[1] < found.accepted[1]
    assert len(found.switches[1]) >= 2 and found.switches[1] == sorted(found.switches[1])
    again = pickle.loads(pickle.dumps(found))
    assert again.switches == found.switches and np.array_equal(again.implicit_steps, found.implicit_steps)
    single = costate.solve(lambda t, z: -z, [1.0], [0.0, 1.0], method="auto")
    assert single.implicit_steps == 0 and single.switches == []


def test_kencarp4_takes_the_marked_part_explicitly():
    def field(t, z):
        return -1000.0 * (z - costate.cos(t)) + costate.explicit_part(-costate.sin(t))

    found = costate.solve(field, [1.0], [0.0, 2.0], method="kencarp4", rtol=1e-4, atol=1e-6)
    assert found.accepted < 100
    np.testing.assert_allclose(found.states[-1], np.cos(2.0), atol=1e-4)
    plain = costate.solve(lambda t, z: -1000.0 * (z - costate.cos(t)) - costate.sin(t), [1.0], [0.0, 2.0], method="rodas5p")
    marked = costate.solve(field, [1.0], [0.0, 2.0], method="rodas5p")
    assert np.array_equal(plain.states, marked.states)
    assert found.accepted < costate.solve(field, [1.0], [0.0, 2.0], method="dopri5").accepted / 2


@pytest.mark.parametrize("method", ["bdf", "adams"])
def test_cvode_methods(method):
    z0 = np.array([[1.0, 0.0], [0.5, 0.5], [2.0, -1.0]])
    found = costate.solve(lambda t, z: [z[1], -z[0]], z0, [0.0, 1.0, 3.0], method=method, rtol=1e-8, atol=1e-10)
    c, s = np.cos(3.0), np.sin(3.0)
    np.testing.assert_allclose(found.states[:, 2], z0 @ np.array([[c, -s], [s, c]]), atol=1e-5)
    assert found.status == ["ok"] * 3
    with pytest.raises(costate.NotSupported, match="dense output is for steps of Costate's own"):
        costate.solve(lambda t, z: -z, [1.0], [0.0, 1.0], method=method, dense=True)

    def loss(z0, adjoint):
        return costate.sum(costate.solve(lambda t, z: -z * z, z0, [0.0, 1.0], method=method, adjoint=adjoint, rtol=1e-8, atol=1e-10)[1])

    gradient = costate.compile(costate.value_and_grad(costate.trace(lambda z0: loss(z0, "cvodes"), {"z0": (1,)})))
    np.testing.assert_allclose(gradient([[1.0]])[1], [[0.25]], rtol=1e-5)
    with pytest.raises(costate.NotSupported, match="take adjoint = 'cvodes', whose gradients are off by 60 to 2,300"):
        costate.value_and_grad(costate.trace(lambda z0: loss(z0, "discrete"), {"z0": (1,)}))


def test_a_jacobian_of_ones_own():
    def field(t, z):
        return -50.0 * z

    right = costate.solve(field, [1.0, 2.0], [0.0, 1.0], method="kvaerno5", jac=lambda t, z: np.diag([-50.0, -50.0]))
    graph = costate.solve(field, [1.0, 2.0], [0.0, 1.0], method="kvaerno5")
    wrong = costate.solve(field, [1.0, 2.0], [0.0, 1.0], method="kvaerno5", jac=lambda t, z: np.diag([-5.0, -50.0]))
    np.testing.assert_allclose(right.states, graph.states, atol=1e-10)
    assert right.nfe == graph.nfe and wrong.nfe > right.nfe
    traced = costate.vector_field(field, (2,), jac=lambda t, z: np.diag([-50.0, -50.0]))
    assert np.array_equal(costate.solve(traced, [1.0, 2.0], [0.0, 1.0], method="kvaerno5").states, right.states)
    with pytest.raises(ValueError, match=r"the Jacobian must have the shape .* \[2, 2\]; got \[2\]"):
        costate.solve(field, [1.0, 2.0], [0.0, 1.0], jac=lambda t, z: z)
    with pytest.raises(TypeError, match="jac of a VectorField is given to vector_field"):
        costate.solve(traced, [1.0, 2.0], [0.0, 1.0], jac=lambda t, z: z)


def test_second_derivatives_do_not_go_by_jac():
    def end(z0, k):
        return costate.solve(lambda t, z, k: -k * z, z0, [0.0, 1.0], args=[k], jac=lambda t, z, k: [[-k]], rtol=1e-10, atol=1e-12)[-1, 0]

    found = costate.compile(costate.hessian(costate.trace(end, {"z0": (1,), "k": ()})))([1.0], 1.2)[1:]
    e = np.exp(-1.2)
    np.testing.assert_allclose([np.ravel(block)[0] for block in found], [0, -e, -e, e], atol=1e-8)


def test_nonnegative_numbers():
    options = dict(method="bosh3", rtol=0.1, atol=100.0, first_step=0.11)
    free = costate.solve(lambda t, z: -20.0 * z, [1.0], [0.0, 3.0], **options)
    held = costate.solve(lambda t, z: -20.0 * z, [1.0], [0.0, 3.0], **options, nonnegative=[0])
    assert held.accepted > free.accepted and held.states[-1, 0] >= 0
    with pytest.raises(ValueError, match="nonnegative must hold indices of the state, 0 to 0; got 1"):
        costate.solve(lambda t, z: -z, [1.0], [0.0, 1.0], nonnegative=[1])
