"""Programs that run forward now and in reverse later."""

import gc
import pickle
import threading

import costate
import numpy as np
import pytest


def make():
    weights = costate.Parameter("weights", np.sin(np.arange(6.0)).reshape(2, 3))

    def f(z0, gain):
        field = lambda t, z: gain * costate.tanh(weights @ costate.concat([z, costate.stack([t])]))
        states = costate.solve(field, z0, [0.0, 0.5, 1.0])
        return states, costate.sum(states * states)

    return weights, costate.trace(f, {"z0": (2,), "gain": ()})


INPUTS = np.random.default_rng(0).normal(size=(5, 2)), np.linspace(0.5, 2, 5)
COTANGENTS = np.random.default_rng(1).normal(size=(5, 3, 2)), np.random.default_rng(2).normal(size=5)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_the_bits_are_those_of_the_vjp_in_one_go(dtype):
    weights, f = make()
    program = costate.compile_pullback(f, dtype=dtype)
    assert program.wrt == ["z0", "gain", "weights"]
    outputs, pullback = program(*INPUTS)
    at_once = costate.compile(costate.vjp(f), dtype=dtype)(*INPUTS, *COTANGENTS)
    for _ in range(2):
        for found, expected in zip([*outputs, *pullback(*COTANGENTS)], at_once, strict=True):
            assert found.dtype == dtype.replace("f", "float") and np.array_equal(found, expected)


def test_what_wrt_names_in_its_order():
    weights, f = make()
    of_all = costate.compile_pullback(f)(*INPUTS)[1](*COTANGENTS)
    of_some = costate.compile_pullback(f, wrt=[weights, "z0"])(*INPUTS)[1](*COTANGENTS)
    assert np.array_equal(of_some[0], of_all[2]) and np.array_equal(of_some[1], of_all[0])


def test_none_is_zeros():
    f = make()[1]
    pullback = costate.compile_pullback(f)(*INPUTS)[1]
    for found, expected in zip(pullback(None, COTANGENTS[1]), pullback(np.zeros((5, 3, 2)), COTANGENTS[1])):
        assert np.array_equal(found, expected)


def test_one_sample_goes_without_the_batch_axis():
    f = make()[1]
    program = costate.compile_pullback(f)
    outputs, pullback = program(*(x[0] for x in INPUTS))
    gradients = pullback(COTANGENTS[0][0], None)
    assert outputs[0].shape == (3, 2) and [g.shape for g in gradients] == [(2,), (), (2, 3)]
    outputs_of_batch, of_batch = program(*(x[:1] for x in INPUTS))
    assert np.array_equal(outputs_of_batch[0][0], outputs[0])
    assert np.array_equal(of_batch(COTANGENTS[0][:1], None)[0][0], gradients[0])


def test_it_is_at_the_parameters_of_its_run_and_outlives_its_program():
    weights, f = make()
    program = costate.compile_pullback(f)
    pullback = program(*INPUTS)[1]
    before = pullback(*COTANGENTS)
    weights.value = 2 * weights.value
    after = program(*INPUTS)[1](*COTANGENTS)
    del program, f
    gc.collect()
    assert np.array_equal(pullback(*COTANGENTS)[0], before[0]) and not np.array_equal(after[0], before[0])


def test_runs_wait_for_their_reverse_while_other_threads_run():
    f = make()[1]
    program = costate.compile_pullback(f)
    expected = program(*INPUTS)[1](*COTANGENTS)
    pullbacks = [program(*INPUTS)[1] for _ in range(3)]
    wrong = []

    def work():
        for pullback in pullbacks:
            for found in (pullback(*COTANGENTS), program(*INPUTS)[1](*COTANGENTS)):
                wrong.extend(i for i in range(3) if not np.array_equal(found[i], expected[i]))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_reports_of_both_directions():
    f = costate.trace(lambda z0: costate.solve(lambda t, z: z * z, z0, [0.0, 0.5, 1.0], max_steps=300), {"z0": (1,)})
    program = costate.compile_pullback(f)
    outputs, report, pullback = program.run(np.array([[0.5], [3.0]]))
    assert report["failures"][0]["sample"] == 1 and np.isnan(outputs[0][1, 2, 0])
    gradients, of_reverse = pullback.run(np.ones((2, 3, 1)))
    assert gradients[0][1, 0] == 0 and gradients[0][0, 0] > 1
    assert report["nfe_backward"] == 0 and of_reverse["nfe_backward"] > 0 and of_reverse["nfe_forward"] == 0


def test_messages():
    weights, f = make()
    program = costate.compile_pullback(f)
    pullback = program(*INPUTS)[1]
    with pytest.raises(ValueError, match="a cotangent for each of the 2 outputs; got 1"):
        pullback(COTANGENTS[0])
    with pytest.raises(ValueError, match=r"must have its shape in the run, \[5\]; got \[4\]"):
        pullback(COTANGENTS[0], np.ones(4))
    with pytest.raises(ValueError, match=r"\[PullbackProgram.run\] the function takes 2 inputs"):
        program(INPUTS[0])
    with pytest.raises(ValueError, match="z1"):
        costate.compile_pullback(f, wrt="z1")
    loss = costate.value_and_grad(costate.trace(lambda x: costate.sum(weights) * x, {"x": ()}), wrt=weights)
    with pytest.raises(costate.NotSupported, match="is a sum over the batch"):
        costate.compile_pullback(loss)
    with pytest.raises(TypeError, match="traced code is not pickled"):
        pickle.dumps(pullback)


def test_numbers_in_any_layout_come_in_as_they_are():
    f = costate.trace(lambda x: x * 2, {"x": (3,)})
    program = costate.compile(f)
    plain = np.arange(6.0).reshape(2, 3)
    for same in (plain, np.asfortranarray(plain), plain.astype(">f8"), plain.astype(np.float32), plain.astype(int), plain.tolist(),
                 np.concatenate([plain, plain], axis=1)[:, :3], np.ma.masked_array(plain)):
        assert np.array_equal(program(same)[0], 2 * plain)
    frozen = plain.copy()
    frozen.flags.writeable = False
    result = program(frozen)[0]
    result += 1  # the caller's own
    assert np.array_equal(program(frozen)[0], 2 * plain)
    with pytest.raises(TypeError, match="masked"):
        program(np.ma.masked_array(plain, mask=plain > 4))


def test_weights_that_a_field_computes_from_shared_values():
    """The gradient by the weight is summed, and taken through exp once for the run."""
    def end(z0, w):
        return costate.solve(lambda t, z: np.exp(w) * z, z0, [0.0, 1.0])[-1]

    f = costate.trace(end, {"z0": (3,), "w": (3,)}, shared=["w"])
    z0, w, cotangent = np.arange(12.0).reshape(4, 3), np.array([0.1, -0.2, 0.3]), np.ones((4, 3))
    outputs, pullback = costate.compile_pullback(f)(z0, w)
    expected = costate.compile(costate.vjp(f))(z0, w, cotangent)
    assert [x.shape for x in outputs] == [(4, 3)]
    for found, wanted in zip(pullback(cotangent), expected[1:], strict=True):
        assert (found == wanted).all()
