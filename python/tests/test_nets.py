"""The nets of costate/nn, against NumPy."""

import copy
import pickle

import costate
import numpy as np
import pytest


def values(net):
    return [p.value for p in net.parameters]


def outputs(net, *inputs):
    names = [f"x{i}" for i in range(len(inputs))]
    program = costate.compile(costate.trace(lambda *x: net(*x), {name: np.shape(x) for name, x in zip(names, inputs)}))
    return program(*inputs)[0]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


X, H = np.array([0.3, -1.2]), np.array([0.5, 0.1, -0.7])


def test_a_linear_layer():
    net = costate.Linear(2, 3, seed=5, name="f")
    weight, bias = values(net)
    assert [p.name for p in net.parameters] == ["f.weight", "f.bias"] and weight.shape == (3, 2)
    net.parameters[1].value = bias + 0.25
    np.testing.assert_allclose(outputs(net, X), weight @ X + 0.25, rtol=1e-14)
    assert not np.array_equal(weight, values(costate.Linear(2, 3, seed=5, stream=1))[0])


def test_a_residual_block():
    net = costate.Residual(2, [4], 2, seed=1, scale=0.5)
    np.testing.assert_allclose(outputs(net, X), X + 0.5 * outputs(net.branch, X), rtol=1e-14)
    assert net.branch.parameters == net.parameters
    with pytest.raises(costate.InvalidArgument, match="inputs = 2, outputs = 3"):
        costate.Residual(2, [4], 3)


def test_a_plain_cell():
    cell = costate.RnnCell(2, 3, seed=2)
    weight, bias = values(cell)
    np.testing.assert_allclose(outputs(cell, X, H), np.tanh(weight @ np.concatenate([X, H]) + bias), rtol=1e-14)
    with pytest.raises(costate.ShapeError, match=r"x must have shape \[2\] and h shape \[3\]"):
        outputs(cell, H, X)


def test_a_gated_cell():
    cell = costate.GruCell(2, 3, seed=2)
    w_r, b_r, w_z, b_z, w_c, b_c = values(cell)
    r = sigmoid(w_r @ np.concatenate([X, H]) + b_r)
    z = sigmoid(w_z @ np.concatenate([X, H]) + b_z)
    c = np.tanh(w_c @ np.concatenate([X, r * H]) + b_c)
    np.testing.assert_allclose(outputs(cell, X, H), z * H + (1 - z) * c, rtol=1e-13)


NETS = {
    "Linear(2, 3)": lambda: costate.Linear(2, 3, seed=7),
    "Mlp(2, [4], 3, activation='silu', name='f')": lambda: costate.Mlp(2, [4], 3, activation="silu", seed=7, name="f"),
    "Residual(2, [4], 2, scale=0.5)": lambda: costate.Residual(2, [4], 2, scale=0.5),
    "RnnCell(2, 3)": lambda: costate.RnnCell(2, 3, init="orthogonal"),
    "GruCell(2, 3, name='g')": lambda: costate.GruCell(2, 3, name="g"),
}


@pytest.fixture(params=NETS)
def net(request):
    made = NETS[request.param]()
    assert repr(made) == request.param
    return made


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "deepcopy", "pickle"])
def test_copies_have_values_of_their_own(net, again):
    net.parameters[0].value = 2 * net.parameters[0].value  # no longer as it was drawn
    other = again(net)
    assert repr(other) == repr(net)
    for mine, theirs in zip(net.parameters, other.parameters, strict=True):
        assert mine.name == theirs.name and mine != theirs
        np.testing.assert_array_equal(mine.value, theirs.value)


def test_files(net, tmp_path):
    costate.save(tmp_path / "net", net)
    other = copy.copy(net)
    for parameter in other.parameters:
        parameter.value = 0 * parameter.value
    costate.load(tmp_path / "net", into=other)
    for mine, theirs in zip(values(net), values(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: costate.Linear(2), r"^\[Linear\] argument 'outputs' is missing\.$"),
        (lambda: costate.Linear(2, 3, 4), "at most 2 arguments go by position; got 3; give the others by name: init, seed, stream, name"),
        (lambda: costate.Linear(2, 3, inputs=2), "argument 'inputs' is given twice"),
        (lambda: costate.GruCell(2, "3"), "hidden must be an integer; got str"),
        (lambda: costate.Mlp(2, [8], 2, "relu"), "at most 3 arguments go by position"),
        (lambda: costate.Residual(2, [8], 2, scale=None), "scale must be a number; got None"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(costate.CallError, match=message):
        call()
