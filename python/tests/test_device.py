"""device= of a solve, as far as a machine without a card can tell."""

import costate
import numpy as np
import pytest


def decay(t, z):
    return -z


def test_the_cpu_is_the_default():
    times = [0.0, 0.5, 1.0]
    here = costate.solve(decay, [1.0, 2.0], times, device="cpu")
    np.testing.assert_array_equal(here.states, costate.solve(decay, [1.0, 2.0], times).states)


def test_a_card_is_refused_by_one_sentence(monkeypatch):
    monkeypatch.delenv("COSTATE_CUDA", raising=False)
    with pytest.raises(costate.NotSupported, match="set COSTATE_CUDA=experimental"):
        costate.solve(decay, [1.0], [0.0, 1.0], device="cuda")
    with pytest.raises(costate.InvalidArgument, match="did you mean 'cuda'"):
        costate.solve(decay, [1.0], [0.0, 1.0], device="cdua")
    with pytest.raises(costate.NotSupported, match="device='cuda' does not have dense=True yet"):
        costate.solve(decay, [1.0], [0.0, 1.0], device="cuda", dense=True)
    with pytest.raises(costate.NotSupported, match="device='cuda' does not have a solve inside a trace yet"):
        costate.trace(lambda z: costate.solve(decay, z, [0.0, 1.0], device="cuda"), {"z": (1,)})
