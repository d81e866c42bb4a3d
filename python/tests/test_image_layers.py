"""Functions, layers and models of images, against NumPy in plain words and, where it is installed, PyTorch."""

import copy
import pickle

import costate
import numpy as np
import pytest
import scipy.special
from numpy.lib.stride_tricks import sliding_window_view

RNG = np.random.default_rng(0)


def run(f, *inputs, dtype=np.float64):
    """f's outputs on numbers, as one sample."""
    inputs = [np.asarray(x, float) for x in inputs]
    return costate.compile(costate.trace(f, {f"x{i}": x.shape for i, x in enumerate(inputs)}), dtype=dtype)(*inputs)


def values(net):
    return {p.name.split(".", 1)[1]: p.value for p in net.parameters}


def both(x):
    return (x, x) if isinstance(x, int) else x


def windows(x, kernel, stride, padding, fill=0.0):
    """[channels, rows, columns, kernel rows, kernel columns]."""
    x = np.pad(x, [(0, 0), *((p, p) for p in both(padding))], constant_values=fill)
    return sliding_window_view(x, both(kernel), axis=(1, 2))[:, :: both(stride)[0], :: both(stride)[1]]


def conv(x, weight, stride=1, padding=0, groups=1):
    seen = windows(x, weight.shape[2:], stride, padding)
    parts = zip(np.split(seen, groups), np.split(weight, groups))
    return np.concatenate([np.einsum("crskl,ockl->ors", part, w) for part, w in parts])


def norm(x, groups, eps=1e-5):
    rows = x.reshape(groups, -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return (rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + eps)).reshape(x.shape)


def affine(x, values, name):
    return x * values[f"{name}.weight"][:, None, None] + values[f"{name}.bias"][:, None, None]


IMAGE = RNG.normal(size=(4, 7, 6))


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"stride": (1, 3), "padding": (2, 0)}, {"groups": 2}], ids=str)
def test_convolutions(options):
    weight = RNG.normal(size=(6, 4 // options.get("groups", 1), 3, 2))
    np.testing.assert_allclose(run(lambda x, w: costate.conv2d(x, w, **options), IMAGE, weight)[0], conv(IMAGE, weight, **options), atol=1e-13)


def test_convolutions_with_gaps():
    weight = RNG.normal(size=(2, 4, 3, 2))
    wide = np.zeros((2, 4, 5, 4))
    wide[:, :, ::2, ::3] = weight
    np.testing.assert_allclose(run(lambda x, w: costate.conv2d(x, w, dilation=(2, 3)), IMAGE, weight)[0], conv(IMAGE, wide), atol=1e-13)


def test_convolutions_along_one_axis():
    x, weight = RNG.normal(size=(4, 9)), RNG.normal(size=(2, 2, 3))
    wanted = conv(x[:, None], weight[:, :, None], stride=(1, 2), padding=(0, 1), groups=2)[:, 0]
    np.testing.assert_allclose(run(lambda x, w: costate.conv1d(x, w, stride=2, padding=1, groups=2), x, weight)[0], wanted, atol=1e-13)


@pytest.mark.parametrize("options", [{}, {"kernel": (3, 2)}, {"kernel": 3, "stride": 1, "padding": 1}, {"kernel": (2, 4), "stride": (1, 3)}], ids=str)
def test_pools(options):
    kernel, padding = options.get("kernel", 2), options.get("padding", 0)
    stride = options.get("stride", kernel)
    largest, mean = run(lambda x: (costate.max_pool2d(x, **options), costate.avg_pool2d(x, **options)), IMAGE)
    np.testing.assert_array_equal(largest, windows(IMAGE, kernel, stride, padding, -np.inf).max(axis=(3, 4)))
    np.testing.assert_allclose(mean, windows(IMAGE, kernel, stride, padding).mean(axis=(3, 4)), atol=1e-15)


def test_windows_by_position_as_in_pytorch():
    by_position, by_name = run(lambda x: (costate.max_pool2d(x, 2), costate.max_pool2d(x, kernel=2)), IMAGE)
    np.testing.assert_array_equal(by_position, by_name)
    by_position, by_name = run(lambda x: (costate.avg_pool2d(x, (3, 2), 1, (1, 0)), costate.avg_pool2d(x, kernel=(3, 2), stride=1, padding=(1, 0))), IMAGE)
    np.testing.assert_array_equal(by_position, by_name)
    by_position, by_name = run(lambda x: (costate.max_pool1d(x, 3, 2), costate.max_pool1d(x, kernel=3, stride=2)), IMAGE[0])
    np.testing.assert_array_equal(by_position, by_name)


def test_pools_along_one_axis():
    largest, mean = run(lambda x: (costate.max_pool1d(x, kernel=3, stride=2), costate.avg_pool1d(x)), IMAGE[0])
    np.testing.assert_array_equal(largest, windows(IMAGE[0][:, None], (1, 3), (1, 2), 0).max(axis=(3, 4))[:, 0])
    np.testing.assert_allclose(mean, IMAGE[0].reshape(7, 3, 2).mean(axis=2), atol=1e-15)


def test_normalization():
    np.testing.assert_allclose(run(lambda x: costate.group_norm(x, 2), IMAGE)[0], norm(IMAGE, 2), atol=1e-13)
    np.testing.assert_allclose(run(lambda x: costate.layer_norm(x, (1, 2), eps=0.1), IMAGE)[0], norm(IMAGE, 4, 0.1), atol=1e-13)
    np.testing.assert_allclose(run(costate.global_average, IMAGE)[0], IMAGE.mean(axis=(1, 2)), atol=1e-15)
    np.testing.assert_allclose(run(lambda x: costate.softmax(x, 1), IMAGE)[0], scipy.special.softmax(IMAGE, axis=1), atol=1e-15)
    np.testing.assert_allclose(run(costate.log_softmax, IMAGE)[0], scipy.special.log_softmax(IMAGE, axis=-1), atol=1e-13)


def test_a_loss_of_labels():
    logits = RNG.normal(size=(5, 3))
    labels = np.array([0, 2, 1, 3, -1])
    program = costate.compile(costate.trace(costate.cross_entropy, {"logits": (3,), "label": ()}))
    found = program(logits, labels)[0]
    np.testing.assert_allclose(found[:3], -scipy.special.log_softmax(logits, axis=1)[range(3), labels[:3]], atol=1e-14)
    assert np.isnan(found[3:]).all()


PADS = [1, (1, 2), [(0, 1), (2, 0), (0, 0)]]


@pytest.mark.parametrize("width", PADS, ids=str)
def test_pad(width):
    wanted = np.pad(IMAGE, width)
    np.testing.assert_array_equal(run(lambda x: costate.pad(x, width), IMAGE)[0], wanted)
    np.testing.assert_array_equal(run(lambda x: np.pad(x, width), IMAGE)[0], wanted)
    np.testing.assert_allclose(run(lambda x: np.pad(x, width, constant_values=2.5), IMAGE)[0], np.pad(IMAGE, width, constant_values=2.5), atol=1e-15)
    for mode in ("edge", "reflect", "symmetric", "wrap"):
        np.testing.assert_array_equal(run(lambda x: np.pad(x, width, mode=mode), IMAGE)[0], np.pad(IMAGE, width, mode=mode))


def test_a_layer_along_one_axis():
    layer = costate.Conv1d(4, 6, 3, stride=2, padding=1, groups=2, seed=3)
    weight, bias = (p.value for p in layer.parameters)
    assert weight.shape == (6, 2, 3) and bias.shape == (6,)
    x = RNG.normal(size=(4, 9))
    wanted = conv(x[:, None], weight[:, :, None], (1, 2), (0, 1), 2)[:, 0] + bias[:, None]
    np.testing.assert_allclose(run(layer, x)[0], wanted, atol=1e-13)


def test_a_series_layer_of_pytorch_and_back():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = torch.nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2).double()
    layer = costate.load_state_dict(costate.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), model.state_dict())
    x = RNG.normal(size=(4, 11))
    np.testing.assert_allclose(run(layer, x)[0], model(torch.tensor(x)).detach().numpy(), atol=1e-13)
    for p in layer.parameters:
        p.value = 0.5 * p.value
    model.load_state_dict({name: torch.from_numpy(value) for name, value in costate.state_dict(layer, model.state_dict()).items()})
    np.testing.assert_allclose(run(layer, x)[0], model(torch.tensor(x)).detach().numpy(), atol=1e-13)


def test_a_layer_that_takes_the_time():
    layer = costate.ConcatConv2d(4, 6, 3, padding=1, seed=3)
    weight, bias = (p.value for p in layer.parameters)
    assert weight.shape == (6, 5, 3, 3)
    beside = np.concatenate([np.full((1, 7, 6), 0.7), IMAGE])
    np.testing.assert_allclose(run(lambda t, x: layer(t, x), 0.7, IMAGE)[0], conv(beside, weight, padding=1) + bias[:, None, None], atol=1e-13)


def downsampled(v, x, groups):
    x = conv(x, v["downsampling.conv0.weight"]) + v["downsampling.conv0.bias"][:, None, None]
    for i in (0, 1):
        x = np.maximum(affine(norm(x, groups), v, f"downsampling.norm{i}"), 0)
        x = conv(x, v[f"downsampling.conv{i + 1}.weight"], 2, 1) + v[f"downsampling.conv{i + 1}.bias"][:, None, None]
    return x


def head(v, x, groups):
    x = np.maximum(affine(norm(x, groups), v, "head.norm"), 0).mean(axis=(1, 2))
    return v["head.linear.weight"] @ x + v["head.linear.bias"]


def slope(v, t, x, groups):
    for i in (0, 1):
        x = np.maximum(affine(norm(x, groups), v, f"field.norm{i}"), 0)
        x = conv(np.concatenate([np.full((1, *x.shape[1:]), t), x]), v[f"field.conv{i}.weight"], 1, 1) + v[f"field.conv{i}.bias"][:, None, None]
    return affine(norm(x, groups), v, "field.norm2")


def runge_kutta(f, x, steps):
    h = 1 / steps
    for t in np.arange(steps) * h:
        a = f(t, x)
        b = f(t + h / 2, x + h / 2 * a)
        c = f(t + h / 2, x + h / 2 * b)
        x = x + h / 6 * (a + 2 * b + 2 * c + f(t + h, x + h * c))
    return x


def residual(v, x, i, groups):
    hidden = conv(np.maximum(affine(norm(x, groups), v, f"block{i}.norm0"), 0), v[f"block{i}.conv0.weight"], 1, 1)
    return x + conv(np.maximum(affine(norm(hidden, groups), v, f"block{i}.norm1"), 0), v[f"block{i}.conv1.weight"], 1, 1)


@pytest.mark.parametrize("kind", ["mlp", "plain", "resnet", "odenet", "rknet"])
def test_classifiers(kind):
    net = costate.ImageClassifier(kind, image_channels=2, image_rows=15, image_columns=14, classes=3, channels=4, hidden=5, blocks=2, seed=1,
                                  method="rk4_classic", steps_per_interval=2)
    for i, p in enumerate(net.parameters):  # weights of the norms start at 1, biases at 0
        p.value = p.value + 0.1 * np.random.default_rng(i).normal(size=p.value.shape)
    v, x = values(net), RNG.normal(size=(2, 15, 14))
    if kind == "mlp":
        wanted = v["mlp.1.weight"] @ np.maximum(v["mlp.0.weight"] @ x.ravel() + v["mlp.0.bias"], 0) + v["mlp.1.bias"]
    else:
        maps = downsampled(v, x, 4)
        assert maps.shape == (4, 3, 3)
        for i in range(2 if kind == "resnet" else 0):
            maps = residual(v, maps, i, 4)
        if kind in ("odenet", "rknet"):
            maps = runge_kutta(lambda t, z: slope(v, t, z, 4), maps, 2)
        wanted = head(v, maps, 4)
    np.testing.assert_allclose(run(net, x)[0], wanted, atol=1e-11)


@pytest.mark.parametrize("kind, count", [("mlp", 238510), ("plain", 132874), ("resnet", 576778), ("rknet", 208266), ("odenet", 208266)])
def test_numbers_of_parameters(kind, count):
    assert sum(p.value.size for p in costate.ImageClassifier(kind).parameters) == count


def test_a_solve_between_two_layers():
    conv_layer, field = costate.Conv2d(1, 4, 3, seed=1), costate.ConvField(channels=4, activation="tanh", seed=2)
    last = costate.ClassifierHead(channels=4, classes=2, seed=3)
    net = lambda x: last(costate.ode_block(field, conv_layer(x), rtol=1e-5, atol=1e-5))  # noqa: E731
    x = RNG.normal(size=(3, 1, 8, 8))
    parameters = [*conv_layer.parameters, *field.parameters, *last.parameters]
    loss = costate.trace(lambda x, label: costate.cross_entropy(net(x), label), {"x": (1, 8, 8), "label": ()})
    value, *gradients = costate.compile(costate.value_and_grad(loss, wrt=parameters))(x, [0, 1, 1])
    assert value.shape == (3,) and all(np.abs(g).max() > 0 for g in gradients)
    assert costate.check_gradient(loss, x[:1], [1.0], wrt=[conv_layer.parameters[0], field.parameters[2]], directions=1).ok


NETS = {
    "Conv2d(2, 4, 3, stride=2, padding=(1, 0), groups=2)": lambda: costate.Conv2d(2, 4, 3, stride=2, padding=(1, 0), groups=2, seed=7),
    "Conv1d(2, 4, 3, stride=2, groups=2)": lambda: costate.Conv1d(2, 4, 3, stride=2, groups=2, seed=7),
    "Conv2d(2, 4, (3, 1), bias=False, name='c')": lambda: costate.Conv2d(2, 4, (3, 1), bias=False, name="c"),
    "ConcatConv2d(2, 4, 3)": lambda: costate.ConcatConv2d(2, 4, 3, stream=2),
    "GroupNorm(2, 4, eps=0.1)": lambda: costate.GroupNorm(2, 4, eps=0.1),
    "LayerNorm([3, 2])": lambda: costate.LayerNorm((3, 2)),
    "Downsampling(channels=4)": lambda: costate.Downsampling(channels=4, seed=1),
    "ConvField(channels=4, activation='tanh')": lambda: costate.ConvField(channels=4, activation="tanh"),
    "ResidualConv(channels=4)": lambda: costate.ResidualConv(channels=4),
    "ClassifierHead(channels=4, classes=3)": lambda: costate.ClassifierHead(channels=4, classes=3),
    "ImageClassifier('rknet', channels=4, rtol=0.01)": lambda: costate.ImageClassifier("rknet", channels=4, rtol=0.01, seed=5),
}


@pytest.mark.parametrize("text", NETS)
def test_nets_are_shown_and_copied(text, tmp_path):
    net = NETS[text]()
    assert repr(net) == text
    net.parameters[0].value = 2 * net.parameters[0].value  # no longer as it was drawn
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(other) == text
        for mine, theirs in zip(net.parameters, other.parameters, strict=True):
            assert mine.name == theirs.name and mine != theirs
            np.testing.assert_array_equal(mine.value, theirs.value)
    costate.save(tmp_path / "net", net)
    costate.load(tmp_path / "net", into=other)


def test_state_dicts():
    net = costate.ImageClassifier("plain", channels=4)
    names = [f"{i}.{p.name.rpartition('.')[2]}" for i, p in enumerate(net.parameters)]
    state = costate.state_dict(net, names)
    assert list(state) == names
    assert list(costate.state_dict(net)) == [p.name for p in net.parameters]
    other = costate.load_state_dict(costate.ImageClassifier("plain", channels=4, seed=1), state)
    for mine, theirs in zip(net.parameters, other.parameters, strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value)
    with pytest.raises(costate.InvalidArgument, match="14 Parameters, whose names must differ; got 13 names"):
        costate.state_dict(net, names[1:])


WEIGHT, BIAS = np.ones((2, 3)), np.ones(2)
BAD_STATES = [
    ({"weight": WEIGHT}, costate.DataError, "has 2 Parameters and the state dict 1 entries"),
    ({"bias": BIAS, "weight": WEIGHT}, costate.DataError, r"'bias' of shape \[2\] stands where 'linear.weight' of shape \[2, 3\]"),
    ({"a.weight": WEIGHT.T, "a.bias": BIAS}, costate.DataError, r"'a.weight' of shape \[3, 2\]"),
    ({"0.weight": WEIGHT, "0.running_mean": BIAS}, costate.NotSupported, "'0.running_mean' belongs to batch normalization"),
]


@pytest.mark.parametrize("state, error, message", BAD_STATES, ids=lambda value: str(value)[:20])
def test_state_dicts_of_others(state, error, message):
    net = costate.Linear(3, 2, seed=1)
    before = [p.value for p in net.parameters]
    with pytest.raises(error, match=message):
        costate.load_state_dict(net, state)
    for p, value in zip(net.parameters, before):
        np.testing.assert_array_equal(p.value, value)


@pytest.mark.parametrize("name, message", [("BatchNorm2d", "use GroupNorm or LayerNorm"), ("Dropout", "use a penalty on the weights"),
                                           ("Conv3d", "the third axis among the channels, and use Conv2d"),
                                           ("max_pool3d", "the third axis among the channels, and use max_pool2d"),
                                           ("min_pool2d", r"is -max_pool2d\(-x, ...\)\."),
                                           ("ConvTranspose2d", "enlarge the maps by np.repeat along each axis, and use Conv2d")])
def test_what_is_not_there_is_refused_by_name(name, message):
    with pytest.raises(costate.NotSupported, match=f"costate has no '{name}': .*{message}"):
        getattr(costate, name)
    assert not hasattr(costate, name)


REFUSED = [
    (lambda x: costate.conv2d(x, np.ones((1, 4, 9, 1))), costate.ShapeError, "kernel"),
    (lambda x: costate.conv2d(x, np.ones((1, 4, 1, 1)), stride="2"), costate.CallError, r"^\[conv2d\] stride must be an integer or two of them; got str"),
    (lambda x: costate.conv2d(x, np.ones((1, 4, 1, 1)), padding=(1, 2, 3)), costate.CallError, "padding must be an integer or two of them"),
    (lambda x: costate.conv2d(x, np.ones((1, 4, 1, 1)), strides=2), costate.CallError, "did you mean 'stride'"),
    (lambda x: costate.max_pool2d(x, kernel=8), costate.ShapeError, "a kernel of 8 does not fit into an axis of 7"),
    (lambda x: costate.group_norm(x, 3), costate.InvalidArgument, "got 3 groups of 4 channels"),
    (lambda x: costate.pad(x, [(1, 1)]), costate.ShapeError, "a pair for each of the 3 axes"),
    (lambda x: costate.pad(x, 1.5), costate.InvalidArgument, r"^\[pad\] widths must be integers from 0 to 10\^9; got 1.5"),
    (lambda x: costate.pad(x, np.nan), costate.InvalidArgument, "widths must be integers from 0 to 10.9; got nan"),
    (lambda x: costate.max_pool2d(x, stride=(0, 1)), costate.InvalidArgument, r"^\[max_pool2d\] stride must be at least 1, or None .*; got 0"),
    (lambda x: costate.avg_pool1d(x[0], stride=0), costate.InvalidArgument, r"^\[avg_pool1d\] stride must be at least 1, or None .*; got 0"),
    (lambda x: costate.Conv2d(4, 2, kernel_size=3), costate.CallError, "there is no argument 'kernel_size'; did you mean 'kernel'"),
    (lambda x: costate.Conv2d(in_channels=4, outputs=2, kernel=3), costate.CallError, "did you mean 'inputs'"),
    (lambda x: costate.softmax(x, dim=0), costate.CallError, "did you mean 'axis'"),
    (lambda x: np.pad(x, 1, mode="mean"), costate.CallError, "no mode 'mean'"),
    (lambda x: costate.max_pool2d(x, 2, 2, 1, 1), costate.CallError, "at most 4 arguments go by position; got 5"),
    (lambda x: costate.max_pool2d(x, 2, kernel=3), costate.CallError, "argument 'kernel' is given twice"),
    (lambda x: costate.max_pool2d(x, kernel=2**62, padding=2**61), costate.InvalidArgument, "a kernel has at most 10.6 places"),
    (lambda x: costate.conv2d(x, np.ones((1, 4, 1, 1)), padding=2**62), costate.InvalidArgument, r"^\[conv2d\]: padding must be at most 10\^9"),
    (lambda x: costate.conv2d(x, np.ones((1, 4, 1, 1)), dilation=(2**63, 1)), costate.CallError, r"dilation = \(9223372036854775808, 1\) is out of range"),
    (lambda x: costate.conv2d(x, np.ones((1, 4, 1, 1)), padding=10**8), costate.ShapeError, "the result would have .* at most 16777216 are possible"),
    (lambda x: costate.conv1d(x[0], np.ones((1, 7, 9))), costate.ShapeError, r"^\[conv1d\] of x \[7, 6\] and weights \[1, 7, 9\]: the kernel"),
    (lambda x: costate.softmax(x, 3), costate.ShapeError, r"^\[softmax\] x must have numbers along the axis; got axis 3"),
    (lambda x: costate.Conv1d(4, 2, 3)(x), costate.ShapeError, r"^\[Conv1d\] 'conv.weight' takes series of shape \[4, place\]"),
    (lambda x: costate.ConcatConv2d(3, 2, 3)(0.5, x), costate.ShapeError, r"^\[ConcatConv2d\] 'conv.weight' takes"),
    (lambda x: costate.GroupNorm(2, 6)(x), costate.ShapeError, r"of shape \[6, …\]; got \[4, 7, 6\]"),
]


@pytest.mark.parametrize("f, error, message", REFUSED, ids=range(len(REFUSED)))
def test_sizes_that_do_not_fit(f, error, message):
    with pytest.raises(error, match=message):
        run(f, IMAGE)


def test_names_of_other_libraries():
    for name, use in [("MaxPool2d", "max_pool2d"), ("AdaptiveAvgPool2d", "global_average"), ("CrossEntropyLoss", "cross_entropy")]:
        with pytest.raises(AttributeError, match=f"costate has no '{name}'; use {use}"):
            getattr(costate, name)


def test_functions_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    F = torch.nn.functional  # noqa: N806
    weight = RNG.normal(size=(6, 2, 3, 2))
    pairs = [
        (lambda x, w: costate.conv2d(x, w, stride=2, padding=(1, 2), dilation=2, groups=2), lambda x, w: F.conv2d(x, w, None, 2, (1, 2), 2, 2)),
        (lambda x, w: costate.conv2d(x, w, padding=1, groups=2), lambda x, w: F.conv2d(x, w, None, 1, 1, 1, 2)),
        (lambda x, w: costate.max_pool2d(costate.relu(x), kernel=3, stride=2, padding=1) * w[0, 0, 0, 0],
         lambda x, w: F.max_pool2d(F.relu(x), 3, 2, 1) * w[0, 0, 0, 0]),  # relu makes ties
        (lambda x, w: costate.max_pool2d(costate.relu(x)) * w[0, 0, 0, 0], lambda x, w: F.max_pool2d(F.relu(x), 2) * w[0, 0, 0, 0]),
        (lambda x, w: costate.avg_pool2d(x) * w[0, 0, 0, 0], lambda x, w: F.avg_pool2d(x, 2) * w[0, 0, 0, 0]),
        (lambda x, w: costate.max_pool1d(x[0], 3, 2, 1) * w[0, 0, 0, 0], lambda x, w: F.max_pool1d(x[0], 3, 2, 1) * w[0, 0, 0, 0]),
        (lambda x, w: costate.avg_pool2d(x, kernel=(3, 2), stride=1, padding=1) * w[0, 0, 0, 0],
         lambda x, w: F.avg_pool2d(x, (3, 2), 1, 1) * w[0, 0, 0, 0]),
        (lambda x, w: costate.group_norm(x, 2) * w[0, 0, 0, 0], lambda x, w: F.group_norm(x[None], 2)[0] * w[0, 0, 0, 0]),
        (lambda x, w: costate.layer_norm(w, (2, 3)) * x[0, 0, 0], lambda x, w: F.layer_norm(w, (3, 2)) * x[0, 0, 0]),
        (lambda x, w: costate.log_softmax(w) * x[0, 0, 0], lambda x, w: F.log_softmax(w, -1) * x[0, 0, 0]),
    ]
    for mine, theirs in pairs:
        wave = np.sin(np.arange(1000.0))

        def total(y):
            return (y.ravel() * wave[: y.size]).sum()

        traced = costate.trace(lambda x, w: total(mine(x, w)), {"x": IMAGE.shape, "w": weight.shape})
        value, by_x, by_w = costate.compile(costate.value_and_grad(traced))(IMAGE, weight)
        x, w = (torch.tensor(numbers, requires_grad=True) for numbers in (IMAGE, weight))
        y = theirs(x, w)
        wanted = (y.ravel() * torch.tensor(wave[: y.numel()])).sum()
        wanted.backward()
        np.testing.assert_allclose(value, wanted.item(), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(by_x, x.grad.numpy(), atol=1e-11)
        np.testing.assert_allclose(by_w, w.grad.numpy(), atol=1e-11)


def test_a_window_with_nan_is_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    image = np.floor(RNG.normal(size=IMAGE.shape))
    image[:, ::3, 1::2], image[:, 1::3, ::2] = np.nan, np.inf
    traced = costate.trace(lambda x: costate.max_pool2d(x, kernel=3, stride=1, padding=1), {"x": image.shape})
    x = torch.tensor(image, requires_grad=True)
    y = torch.nn.functional.max_pool2d(x, 3, 1, 1)
    weights = RNG.normal(size=y.shape)
    y.backward(torch.tensor(weights))
    value, by_x = costate.compile(costate.vjp(traced))(image, weights)
    np.testing.assert_array_equal(value, y.detach().numpy())
    np.testing.assert_allclose(by_x, x.grad.numpy(), atol=1e-14)


def test_a_model_of_pytorch_and_back():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.conv1 = nn.GroupNorm(4, 4), nn.Conv2d(4, 4, 3, 1, 1, bias=False)
            self.norm2, self.conv2 = nn.GroupNorm(4, 4), nn.Conv2d(4, 4, 3, 1, 1, bias=False)

        def forward(self, x):
            return x + self.conv2(torch.relu(self.norm2(self.conv1(torch.relu(self.norm1(x))))))

    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 4, 3, 1), nn.GroupNorm(4, 4), nn.ReLU(), nn.Conv2d(4, 4, 4, 2, 1), nn.GroupNorm(4, 4), nn.ReLU(),
                          nn.Conv2d(4, 4, 4, 2, 1), Residual(), Residual(), nn.GroupNorm(4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)),
                          nn.Flatten(), nn.Linear(4, 3)).double()
    net = costate.ImageClassifier("resnet", image_channels=2, image_rows=15, image_columns=14, classes=3, channels=4, blocks=2)
    costate.load_state_dict(net, model.state_dict())
    x = RNG.normal(size=(2, 15, 14))
    np.testing.assert_allclose(run(net, x)[0], model(torch.tensor(x)[None])[0].detach().numpy(), atol=1e-12)
    for p in net.parameters:
        p.value = 0.5 * p.value
    state = costate.state_dict(net, model.state_dict())
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    np.testing.assert_allclose(run(net, x)[0], model(torch.tensor(x)[None])[0].detach().numpy(), atol=1e-12)
