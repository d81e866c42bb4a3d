"""The training of classifiers, what they are trained on, and the files that labelled images come in."""

import gzip
import struct

import costate
import numpy as np
import pytest

POINTS, CLASSES = costate.concentric_circles(400, seed=1)
LABELS = CLASSES.argmax(axis=1)
RINGS, TEST = (costate.LabelledInputs(POINTS[part], LABELS[part]) for part in (slice(0, 300), slice(300, 400)))
OPTIONS = {"epochs": 25, "batch": 32, "schedule": costate.Schedule(base=0.02), "dtype": "f64"}


def net(seed=1):
    return costate.Mlp(2, [16], 2, activation="relu", seed=seed)


def share_misclassified(f, data):
    found = costate.compile(costate.trace(f, {"x": data.inputs.shape[1:]}))(data.inputs)[0]
    return (found.argmax(axis=1) != data.labels).mean()


def test_a_disc_in_a_ring():
    np.testing.assert_array_equal(np.linalg.norm(POINTS, axis=1) > 0.75, LABELS == 1)
    assert 0.6 < LABELS.mean() < 0.73 and POINTS.shape == CLASSES.shape == (400, 2)
    np.testing.assert_array_equal(costate.concentric_circles(10, seed=1, first=5)[0], POINTS[5:15])


def test_a_disc_is_told_from_a_ring():
    mlp = net()
    before = share_misclassified(mlp, RINGS)
    rows = []
    result = costate.fit_classifier(mlp, mlp, RINGS, held=TEST, keep="last", on_epoch=rows.append, **OPTIONS)
    assert before > 0.1 and result.history["misclassified"][-1] < 0.03
    assert result.history["validation_loss"][-1] == share_misclassified(mlp, TEST) < 0.05
    assert result.best_epoch == 24 and rows[3]["misclassified"] == result.history["misclassified"][3]


def test_the_first_step_counts_what_is_misclassified_before_it():
    mlp = net()
    before = share_misclassified(mlp, RINGS)
    assert costate.fit_classifier(mlp, mlp, RINGS, epochs=1).history["misclassified"][0] == before


def test_the_best_weights_by_what_is_held():
    mlp = net()
    result = costate.fit_classifier(mlp, mlp, RINGS, held=TEST, **OPTIONS)
    assert result.best_loss == result.history["validation_loss"].min() == share_misclassified(mlp, TEST)


def test_a_solve_in_a_classifier_lifts_the_disc_out_of_the_ring():
    field, last = costate.Mlp(3, [16, 16], 3, seed=1), costate.Linear(3, 2, seed=2)

    def logits(x):
        return last(costate.ode_block(lambda t, z: field(z), np.append(x, 0.0), rtol=1e-3, atol=1e-3))

    result = costate.fit_classifier(logits, [field, last], RINGS, **OPTIONS)
    assert result.history["misclassified"][-1] < 0.03 and result.history["nfe_backward"][-1] > 0


def bars(count):
    """Images of a bar that lies, or one that stands."""
    labels, random = np.arange(count) % 2, np.random.default_rng(0)
    images = 0.3 * random.normal(size=(count, 1, 6, 6)).astype(np.float32)
    for image, label, at in zip(images[:, 0], labels, random.integers(6, size=count)):
        (image if label == 0 else image.T)[at] += 1
    return images, labels


def test_a_resumed_training_on_moved_images_has_the_same_bits(tmp_path):
    images, labels = bars(40)
    seen = []

    def moved(numbers, epoch):
        seen.append((sorted(numbers), epoch))
        return costate.augmented(images[numbers], numbers, epoch, shift=1, flip=True)

    def train(**more):
        mlp = costate.Mlp(36, [8], 2, seed=1)
        options = {"epochs": 6, "batch": 20, "keep": "last", **more}
        result = costate.fit_classifier(lambda x: mlp(x.ravel()), mlp, costate.LabelledInputs(images, labels), moved, **options)
        return [p.value for p in mlp.parameters], result

    straight, result = train()
    assert [epoch for _, epoch in seen] == [epoch for epoch in range(6) for _ in range(2)]
    assert sorted(seen[0][0] + seen[1][0]) == list(range(40))
    stops = iter([False] * 2 + [True])
    train(checkpoint=tmp_path / "run", should_stop=lambda: next(stops))
    resumed, again = train(checkpoint=tmp_path / "run", resume=True)
    for mine, theirs in zip(straight, resumed):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(result.history["misclassified"], again.history["misclassified"])


def test_images_are_moved():
    images = np.arange(1.0, 1 + 50 * 2 * 3 * 4).reshape(50, 2, 3, 4)
    numbers = np.arange(50)
    flipped = costate.augmented(images, numbers, 0, shift=0, flip=True)
    mirrored = (flipped == images[..., ::-1]).all(axis=(1, 2, 3))
    assert 10 < mirrored.sum() < 40
    np.testing.assert_array_equal(flipped[~mirrored], images[~mirrored])
    shifted = costate.augmented(images, numbers, 0, shift=1)
    padded = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)])
    for one, around in zip(shifted, padded):
        assert any((one == around[:, i : i + 3, j : j + 4]).all() for i in range(3) for j in range(3))
    np.testing.assert_array_equal(costate.augmented(images[[31, 2]], [31, 2], 0, shift=1), shifted[[31, 2]])
    assert not np.array_equal(costate.augmented(images, numbers, 1, shift=1), shifted)
    assert costate.augmented(images.astype(np.float32), numbers, 0, shift=1).dtype == np.float32


def write_idx(path, array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    (gzip.open if path.suffix == ".gz" else open)(path, "wb").write(header + array.astype(np.uint8).tobytes())


def test_an_image_set_is_read(tmp_path):
    random = np.random.default_rng(0)
    sets = {"train": (random.integers(256, size=(5, 4, 3)), random.integers(10, size=5)),
            "t10k": (random.integers(256, size=(2, 4, 3)), random.integers(10, size=2))}
    for name, (images, labels) in sets.items():
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", labels)
    found = costate.read_image_set(tmp_path)
    for part, (images, labels) in zip((found.train, found.test), sets.values()):
        assert part.inputs.dtype == np.float32 and part.labels.dtype == np.int64 and len(part) == len(labels)
        np.testing.assert_array_equal(part.inputs, images[:, None])
        np.testing.assert_array_equal(part.labels, labels)
    with pytest.raises(costate.IoError, match="data_batch_1.bin"):
        costate.read_image_set(str(tmp_path / "none"))


@pytest.mark.parametrize("place", ["logits", "inputs", "on_epoch"])
def test_what_a_callback_raises_ends_training(place):
    mlp = net()

    def fail(*_):
        raise ZeroDivisionError(place)

    with pytest.raises(ZeroDivisionError, match=place):
        costate.fit_classifier(**{"logits": mlp, "parameters": mlp, "data": RINGS, "epochs": 2, place: fail})


def test_ctrl_c_ends_a_fit(ctrl_c):
    mlp = net()
    ctrl_c(0.5)
    with pytest.raises(KeyboardInterrupt):
        costate.fit_classifier(mlp, mlp, RINGS, epochs=10**8)


REFUSED = [
    (lambda m: costate.fit_classifier(m, m, POINTS), costate.CallError, "data must be a costate.LabelledInputs; got numpy.ndarray"),
    (lambda m: costate.fit_classifier(3, m, RINGS), costate.CallError, "logits must be a callable; got int"),
    (lambda m: costate.fit_classifier(m, m, RINGS, 3), costate.CallError, "inputs must be a callable; got int"),
    (lambda m: costate.fit_classifier(m, m, RINGS, held=POINTS), costate.CallError, "held must be a costate.LabelledInputs; got"),
    (lambda m: costate.fit_classifier(m, m, RINGS, epoch=3), costate.CallError, "did you mean 'epochs'"),
    (lambda m: costate.fit_classifier(m, m, RINGS, keep="all"), costate.InvalidArgument, "unknown keep 'all'"),
    (lambda m: costate.fit_classifier(m, m, RINGS, keep="last", patience=3), costate.InvalidArgument, "the last weights are to be kept"),
    (lambda m: costate.fit_classifier(m, m, costate.LabelledInputs(POINTS, LABELS + 1)), costate.DataError, "whole numbers from 0 to 1, the net's classes"),
    (lambda m: costate.fit_classifier(m, m, costate.LabelledInputs(np.where(np.arange(400)[:, None] == 5, np.nan, POINTS), LABELS)), costate.DataError, "number 0 of sample 5 is nan"),
    (lambda m: costate.fit_classifier(m, m, RINGS, lambda rows, epoch: POINTS[rows][:, :1]), costate.ShapeError, r"trained on must have shape \[300, 2\]; got \[300, 1\]"),
    (lambda m: costate.fit_classifier(lambda x: x[0], m, RINGS), costate.ShapeError, r"logits must be \[classes\]; got \[\]"),
    (lambda m: costate.LabelledInputs(POINTS, LABELS[1:]), costate.ShapeError, r"got inputs \[400, 2\] and labels \[399\]"),
    (lambda m: costate.LabelledInputs(POINTS, LABELS - 0.5), costate.DataError, "that of sample 0 is"),
    (lambda m: costate.LabelledInputs(POINTS, CLASSES), costate.ShapeError, r"labels \[400, 2\]"),
    (lambda m: costate.augmented(POINTS, range(400), 0), costate.ShapeError, r"images must be \[image, channel, row, column\]"),
    (lambda m: costate.augmented(np.ones((1, 1, 8, 8)), [-1], 0), costate.InvalidArgument, "numbers must be whole numbers from 0 on; got -1"),
    (lambda m: costate.augmented(np.ones((1, 1, 8, 8)), [0.5], 0), costate.InvalidArgument, "numbers must be whole numbers from 0 on; got 0.5"),
    (lambda m: costate.augmented(np.ones((1, 1, 8, 8)), [0, 1], 0), costate.ShapeError, "got 2 numbers of 1 images"),
    (lambda m: costate.augmented(np.ones((1, 1, 8, 8)), [0], 0, shift=8), costate.InvalidArgument, "below the 8 x 8 pixels"),
]


@pytest.mark.parametrize("call, error, message", REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call(net())
