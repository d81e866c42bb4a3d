import importlib.util

import costate
import numpy as np
import pytest


@pytest.fixture(scope="module")
def model():
    times = np.linspace(0, 6, 61)
    states = np.stack([np.cos(times), -np.sin(times)], axis=1)
    return costate.fit(times, states, hidden=[8], memory="none", clock=["none"], epochs=40, polish=10)


def test_numpy_says_what_the_fit_says(model, tmp_path):
    model.export(tmp_path / "made.py", to="python")
    spec = importlib.util.spec_from_file_location("made", tmp_path / "made.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    times = np.linspace(0, 4, 9)
    np.testing.assert_allclose(made.solve([1.0, 0.0], times), model.predict([1.0, 0.0], times), atol=1e-9)


def test_every_target_is_written(model, tmp_path):
    model.export(tmp_path / "net.h", to="c", prefix="swing", dtype="f32", math="builtin", vjp=True)
    assert "swing_rate_vjp" in (tmp_path / "net.h").read_text()
    model.export(tmp_path / "net.onnx", to="onnx", steps=4)
    model.export(tmp_path / "net.py", to="torch")
    assert {path.name for path in tmp_path.iterdir()} == {"net.h", "net.onnx", "net.py", "net.safetensors"}


def test_mistakes(model, tmp_path):
    with pytest.raises(costate.InvalidArgument, match=r"\[export\] unknown target 'cc'; did you mean 'c'\?"):
        model.export(tmp_path / "net.h", to="cc")
    with pytest.raises(costate.InvalidArgument, match="must be a C identifier"):
        model.export(tmp_path / "net.h", to="c", prefix="a-b")
    with pytest.raises(costate.InvalidArgument, match="steps must be from 0 to 10000; got 1000000000000"):
        model.export(tmp_path / "net.onnx", to="onnx", steps=10**12)
    with pytest.raises(costate.InvalidArgument, match="member must be from 1 to 1; got 2"):
        model.export(tmp_path / "net.h", to="c", member=2)
    for target, options, name in (("python", {"vjp": True}, "vjp"), ("torch", {"math": "builtin"}, "math"), ("c", {"steps": 3}, "steps")):
        with pytest.raises(costate.InvalidArgument, match=rf"\[export\] {name} is of target '.*' alone; got it for '{target}'"):
            model.export(tmp_path / "net.x", to=target, **options)
    with pytest.raises(costate.InvalidArgument, match="dtype must be that of 64 bits for 'fmu'"):
        model.export(tmp_path / "net.fmu", to="fmu", dtype="f32")
    (tmp_path / "mine.h").write_text("mine")
    with pytest.raises(costate.InvalidArgument, match="is there and no earlier export"):
        model.export(tmp_path / "mine.h", to="c")
    with pytest.raises(costate.IoError):
        model.export(tmp_path / "none" / "net.h", to="c")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.h"]
