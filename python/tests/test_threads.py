"""Other threads go on while the core is at work; a process that was forked computes on; arrays of others come in as they are."""

import os
import signal
import threading
import time

import costate
import numpy as np
import pytest

STARTS = np.random.default_rng(0).normal(size=(500, 2))


def pendulum(t, z):
    return [z[1], -np.sin(z[0])]


def endless(amount=1):
    return costate.solve(pendulum, STARTS, [0.0, 400.0 * amount], rtol=1e-10, atol=1e-12)


def long_fit(amount=1):
    times = np.linspace(0, 30, 301)
    series = np.stack([np.cos(times), -np.sin(times)], axis=1)
    costate.fit(times, series, hidden=[32], memory="none", clock=["none"], epochs=600 * amount, patience=0, window=10)


def long_pullback(amount=1):
    f = costate.trace(lambda z0: costate.solve(pendulum, z0, [0.0, 60.0], rtol=1e-9, atol=1e-11)[-1], {"z0": (2,)})
    (ends,), pullback = costate.compile_pullback(f)(np.tile(STARTS, (amount, 1)))
    for _ in range(3):
        pullback(np.ones_like(ends))


@pytest.mark.parametrize("work", [endless, long_fit, long_pullback])
def test_other_python_threads_go_on(work):
    amount, took = 1, 0.0
    while took < 0.2:  # a shorter call would tell nothing, and how long one takes is the machine's affair
        thread = threading.Thread(target=work, args=(amount,))
        begin = last = time.perf_counter()
        thread.start()
        ticks, longest = 0, 0.0
        while thread.is_alive():
            time.sleep(1e-3)
            ticks += 1
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
        took = last - begin
        amount *= 2
    assert ticks > 5 and longest < 0.5 * took, (ticks, longest, took)


def in_child(work):
    """Whether work() gives True in a forked process, within 60 seconds."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_forked_process_computes_the_same():
    def run():
        return costate.solve(pendulum, STARTS, [0.0, 5.0]).states

    costate.set_num_threads(2)
    expected = run()

    def work():
        costate.set_num_threads(4)  # has no effect there
        return costate.num_threads() == 1 and np.array_equal(run(), expected)

    assert in_child(work)
    thread = threading.Thread(target=endless)  # a fork while the threads are at work
    thread.start()
    assert in_child(work)
    thread.join()
    assert costate.num_threads() == 2 and np.array_equal(run(), expected)
    costate.set_num_threads(0)


class Exported:
    """An array of another library, which has DLPack alone."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_by_dlpack(dtype):
    z0 = STARTS[:5].astype(dtype)
    states = costate.solve(pendulum, Exported(z0), [0.0, 1.0]).states
    assert states.dtype == dtype and np.array_equal(states, costate.solve(pendulum, z0, [0.0, 1.0]).states)
    program = costate.compile(costate.trace(lambda z: costate.sum(z), {"z": (2,)}), dtype=dtype)
    assert np.array_equal(program(Exported(z0))[0], program(z0)[0])


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    z0 = torch.tensor(STARTS[:5], dtype=torch.float32)
    states = costate.solve(pendulum, z0, [0.0, 1.0]).states
    assert states.dtype == np.float32 and np.array_equal(states, costate.solve(pendulum, z0.numpy(), [0.0, 1.0]).states)
    assert torch.from_numpy(states).data_ptr() == states.ctypes.data  # and out without a copy


def test_states_are_handed_out_without_a_copy():
    solution = costate.solve(pendulum, STARTS, [0.0, 1.0])
    assert solution.states is solution.states and not solution.states.flags.owndata
    assert np.from_dlpack(solution.states).ctypes.data == solution.states.ctypes.data
