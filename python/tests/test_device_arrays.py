"""Solves of arrays that stand on a card, by DLPack. The card is emulated (conftest.py), and so are the arrays (emulated_card.py)."""

import gc

import costate
import numpy as np
import pytest
from emulated_card import OnCard, OnHost

TIMES = np.array([0.0, 0.4, 1.0])


def net(t, z, w, gain):
    return gain * costate.tanh(costate.matmul(w, z)) * costate.cos(t) - z


def field():
    return costate.vector_field(net, (3,), {"w": (3, 3), "gain": ()}, shared=["w"])


@pytest.fixture
def arrays():
    random = np.random.default_rng(3)
    return random.normal(size=(40, 3)), random.normal(size=(3, 3)), random.uniform(0.5, 2, size=40)


def test_a_solve_has_the_bits_of_the_cpu_and_runs_on_the_callers_stream(card, arrays):
    for dtype, name in ((np.float64, "f64"), (np.float32, "f32")):
        z0, w, gain = (x.astype(dtype) for x in arrays)
        given = [OnCard(x) for x in (z0, w, gain)]
        there = costate.solve(field(), given[0], TIMES, args=given[1:], device="cuda", stream=4711)
        assert all(set(x.streams) == {4711} for x in given) and card("stream") == 4711
        assert there.states.shape == (40, 3, 3) and there.states.dtype == name and there.states.__dlpack_device__() == (2, 0)
        np.testing.assert_array_equal(there.states.to_numpy(), costate.solve(field(), z0, TIMES, args=[w, gain]).states)
    costate.solve(lambda t, z: -z, z0 := OnCard(np.ones((2, 1))), TIMES, device="cuda")
    assert set(z0.streams) == {1}, "the legacy default stream"


def test_gradients_are_the_cpus(card, arrays):
    solver = costate.DeviceSolver(field(), wrt=["z0", "times", "w", "gain"], rtol=1e-8)
    z0, w, gain = map(OnCard, arrays)
    solution, pullback = solver.run(z0, TIMES, w, gain, stream=2)
    cotangent = np.random.default_rng(4).normal(size=(40, 3, 3))
    found = pullback(OnCard(cotangent), stream=2)
    shapes = {"z0": (3,), "times": (3,), "w": (3, 3), "gain": ()}
    states = costate.trace(lambda z0, times, w, gain: costate.solve(lambda t, z: net(t, z, w, gain), z0, times, rtol=1e-8), shapes, shared=["w"])
    outputs, here = costate.compile_pullback(states)(arrays[0], np.tile(TIMES, (40, 1)), *arrays[1:])
    np.testing.assert_allclose(solution.states.to_numpy(), outputs[0], rtol=1e-12)
    for got, expected in zip(found, here(cotangent), strict=True):
        np.testing.assert_allclose(got.to_numpy(), expected, rtol=1e-9, atol=1e-11)
    assert solver(z0, TIMES, w, gain).accepted.tolist() == solution.accepted.tolist()


def test_memory_on_the_card_lives_as_long_as_it_is_seen(card, arrays):
    gc.collect()
    before = card("blocks")
    solver = costate.DeviceSolver(field(), wrt=["w"])
    solution, pullback = solver.run(*[OnCard(arrays[0]), TIMES, *map(OnCard, arrays[1:])])
    by_w, = pullback(OnCard(np.ones((40, 3, 3))))
    seen, expected = np.from_dlpack(OnHost(solution.states)), solution.states.to_numpy()
    seen_gradient = np.from_dlpack(OnHost(by_w))
    del solution, pullback, by_w, solver
    gc.collect()
    assert card("blocks") == before + 2
    np.testing.assert_array_equal(seen, expected)
    assert np.isfinite(seen_gradient).all()
    del seen, seen_gradient
    gc.collect()
    assert card("blocks") == before


def test_what_it_is_given_lives_until_its_reverse(card):
    z0 = np.full((3, 2), 0.5)
    solver = costate.DeviceSolver(costate.vector_field(lambda t, z, k: k * z, (2,), {"k": ()}), wrt=["k"])
    _, pullback = solver.run(OnCard(z0), TIMES, OnCard(np.full(3, -1.0)))  # of which nobody else holds the latter
    gc.collect()
    by_k, = pullback(OnCard(np.ones((3, 3, 2))))
    np.testing.assert_allclose(by_k.to_numpy(), 2 * 0.5 * (0.4 * np.exp(-0.4) + np.exp(-1)), rtol=1e-5)


def test_what_does_not_fit_is_refused_by_one_sentence(card, arrays):
    def refused(error, match, z0, *args, **keywords):
        with pytest.raises(error, match=match):
            costate.solve(field(), z0, TIMES, args=args, device="cuda", **keywords)

    z0, w, gain = map(OnCard, arrays)
    refused(TypeError, r"args\[0\] must be an array on the card that has __dlpack__.*; got list", z0, [1.0], gain)
    refused(costate.InvalidArgument, r"args\[0\] must stand on the card; got a numpy.ndarray that stands elsewhere", z0, arrays[1], gain)
    refused(costate.InvalidArgument, "z0 must stand on the first card, cuda:0; got one on cuda:1", OnCard(arrays[0], 1), w, gain)
    refused(costate.DtypeError, r"args\[0\] must be of f64, as this solve; got f32", z0, OnCard(arrays[1].astype(np.float32)), gain)
    refused(costate.DtypeError, "z0 must hold real numbers of 32 or 64 bits", OnCard(np.ones((40, 3), dtype=np.int32)), w, gain)
    refused(costate.ShapeError, r"z0 must lie row-major without gaps; got other strides for its shape \[40, 3\]", OnCard(np.asfortranarray(arrays[0])), w, gain)
    refused(costate.ShapeError, r"argument 'w' must have shape \[3, 3\]; got \[2, 3\]", z0, OnCard(np.ones((2, 3))), gain)
    refused(costate.ShapeError, r"z0 on a card must be a batch", OnCard(np.ones(3)), w, gain)
    refused(costate.InvalidArgument, r"\[solve\] stream must be 1 .*; got 0", z0, w, gain, stream=0)
    refused(costate.NotSupported, "does not have the method 'radau5', only the explicit ones", z0, w, gain, method="radau5")
    refused(costate.NotSupported, "dense=True is for arrays of the host", z0, w, gain, dense=True)
    with pytest.raises(costate.InvalidArgument, match="z0 stands on a card; say device='cuda' to solve there"):
        costate.solve(field(), z0, TIMES, args=[w, gain])
    with pytest.raises(TypeError, match="stream is for a z0 that stands on a card; got numpy.ndarray"):
        costate.solve(field(), arrays[0], TIMES, args=arrays[1:], device="cuda", stream=2)
    with pytest.raises(costate.InvalidArgument, match="did you mean 'gain'"):
        costate.DeviceSolver(field(), wrt=["gian"])
    with pytest.raises(TypeError, match="field must be a costate.VectorField, which vector_field makes; got function"):
        costate.DeviceSolver(net)
    with pytest.raises(costate.InvalidArgument, match="made without gradients"):
        costate.DeviceSolver(field()).run(z0, TIMES, w, gain)
    with pytest.raises(costate.ShapeError, match=r"must have the states' shape \[40, 3, 3\]; got \[40, 3\]"):
        costate.DeviceSolver(field(), wrt=["z0"]).run(z0, TIMES, w, gain)[1](z0)
    with pytest.raises(costate.InvalidArgument, match=r"\[DeviceSolver\] stream must be 1"):
        costate.DeviceSolver(field())(z0, TIMES, w, gain, stream=-1)
    with pytest.raises(costate.InvalidArgument, match=r"\[DevicePullback\] stream must be 1"):
        costate.DeviceSolver(field(), wrt=["z0"]).run(z0, TIMES, w, gain)[1](z0, stream=0)
    with pytest.raises(costate.InvalidArgument, match="did you mean 'gain'"):
        costate.vector_field(net, (3,), {"w": (3, 3), "gain": ()}, shared=["gian"])


def test_a_sample_that_fails(card):
    z0 = OnCard(np.array([[0.1], [2.0]]))
    with pytest.raises(costate.SolveFailed, match="sample 1"):
        costate.solve(lambda t, z: z * z, z0, TIMES, device="cuda")
    failed = costate.solve(lambda t, z: z * z, z0, TIMES, device="cuda", throw=False)
    assert failed.status[0] == "ok" and failed.status[1] != "ok" and np.isnan(failed.states.to_numpy()[1, -1, 0])


def test_shared_arguments_on_the_cpu(arrays):
    whole = costate.solve(field(), arrays[0], TIMES, args=arrays[1:]).states
    one = costate.solve(field(), arrays[0][5], TIMES, args=[arrays[1], arrays[2][5]]).states
    np.testing.assert_array_equal(one, whole[5])
