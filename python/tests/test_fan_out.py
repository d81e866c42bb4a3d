"""costate.fan_out: the same results here and on the workers of real engines."""

import concurrent.futures
import multiprocessing
import os
import pathlib
import sys

import numpy as np
import pytest

import costate

TIMES = np.linspace(0, 6, 40)
STATES = np.stack([np.cos(TIMES), -np.sin(TIMES)], axis=1)


def fitted(seed):
    return costate.fit(TIMES, STATES, hidden=[4], epochs=4, polish=2, seed=seed)


def ahead(fit):
    return np.asarray(fit.forecast(steps=5).states)


def failing(item):
    if item == 2:
        raise ValueError("no such thing as item 2")
    return item


@pytest.fixture(scope="module")
def dask():
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            yield client


@pytest.fixture(scope="module")
def ray():
    module = pytest.importorskip("ray", reason="Ray is not installed")
    # Its workers look for this file, whose functions they call, where Python does.
    path = os.pathsep.join([str(pathlib.Path(__file__).parent), *sys.path])
    module.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}})
    yield module
    module.shutdown()


@pytest.fixture(scope="module")
def processes():
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=["dask", "ray", "processes"])
def engine(request):
    return request.getfixturevalue(request.param)


def test_fits_and_forecasts_have_the_bits_of_this_process(engine):
    here = costate.fan_out(fitted, [0, 1])
    there = costate.fan_out(fitted, [0, 1], on=engine)
    expected = costate.fan_out(ahead, here)
    assert not np.array_equal(expected[0], expected[1])
    for found, wanted in zip(costate.fan_out(ahead, there, on=engine), expected):
        assert np.array_equal(found, wanted)


def test_results_keep_the_order_and_equal_items_are_calls_of_their_own(engine):
    assert costate.fan_out(abs, [3, -1, 3, -2], on=engine) == [3, 1, 3, 2]
    assert costate.fan_out(abs, [], on=engine) == []


def test_an_error_of_a_call_is_raised_here(engine):
    with pytest.raises(ValueError, match="no such thing as item 2"):
        costate.fan_out(failing, range(4), on=engine)


def test_other_engines_are_refused():
    with pytest.raises(TypeError, match="on must be a dask.distributed Client, the module ray, .* got int"):
        costate.fan_out(abs, [1], on=4)
