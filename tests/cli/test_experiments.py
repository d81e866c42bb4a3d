"""Every experiment's quick version: its metrics hold and its run folder is whole. And what `reproduce` and `bench`
refuse."""

import json
import os
import pathlib

import pytest

from test_cli import ROOT, bad, costate, ok

MUMAX_HEADER = "# t (s)\tmx ()\tmy ()\tmz ()\tKu1.region100 (J/m3)\n"


def experiments():
    """Name and needs of each, as `costate reproduce --list` tells them."""
    found = {}
    for line in ok("reproduce", "--list").stdout.splitlines():
        if not line.startswith(" "):
            name = line
            found[name] = ""
        elif "; needs " in line:
            found[name] = line.split("; needs ")[1]
    return found


def test_the_list_names_every_folder():
    folders = {path.name for path in (ROOT / "experiments").iterdir() if path.is_dir()}
    assert set(experiments()) == folders


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "experiments").iterdir() if path.is_dir()))
def test_quick(name, outside_data, tmp_path):
    data = ["--data", outside_data("spintronics")] if "Chen et al. 2022" in experiments()[name] else []
    run = tmp_path / "run"
    done = costate("reproduce", name, "--quick", "--seed", "0", "--out", run, *data, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["all_hold"] and metrics["metrics"]
    assert (run / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (run / "figure.svg").read_text().startswith("<svg")
    assert "To repeat it" in (run / "report.html").read_text()
    assert f'experiment = "{name}"' in (run / "config.toml").read_text().replace("'", '"')


def test_reproduce_refuses(tmp_path):
    bad("did you mean 'pendulum'", "reproduce", "pendulun")
    bad("'costate reproduce --list'", "reproduce")
    bad("--seed", "reproduce", "adjoints", "--seed", "-1")
    bad("did you mean '--quick'", "reproduce", "adjoints", "--quikc")
    bad("'adjoints' needs no data; leave out --data", "reproduce", "adjoints", "--quick", "--data", tmp_path, "--out", tmp_path / "needless")
    bad("--data DIR", "reproduce", "skyrmion", "--quick", "--out", tmp_path / "none")
    bad("--data DIR", "reproduce", "skyrmion", "--quick", "--data", tmp_path, "--out", tmp_path / "empty")
    bad("--data DIR", "reproduce", "resnet", "--quick", "--data", tmp_path, "--out", tmp_path / "images")
    bad("--data DIR", "reproduce", "odenet", "--quick", "--data", tmp_path, "--out", tmp_path / "nets")
    bad("--data DIR", "reproduce", "odenet-statistics", "--quick", "--data", tmp_path, "--out", tmp_path / "statistics")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "letter.txt").write_text("mine")
    bad("already holds other files", "reproduce", "algorithm2", "--quick", "--out", taken)
    assert os.listdir(taken) == ["letter.txt"]


def test_reproduce_refuses_garbage_in_a_table(tmp_path):
    table = tmp_path / "1skyrmion_voltage_train.table.txt"
    table.write_text(MUMAX_HEADER + "0\t0\t0\t0.7\t8e5\n1\t0\t0\n")
    bad("line 3: expected 5 cells as in the header; got 3", "reproduce", "skyrmion", "--quick", "--data", tmp_path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_reproduce_refuses_short_tables_and_broken_numbers(tmp_path):
    table = tmp_path / "1skyrmion_voltage_train.table.txt"
    row = "0\t0\t0\t0.7\t8e5\n"
    table.write_text(MUMAX_HEADER + row * 100)
    bad("has 50 samples", "reproduce", "skyrmion", "--quick", "--data", tmp_path, "--out", tmp_path / "run")
    table.write_text(MUMAX_HEADER + row * 43_010)
    (tmp_path / "mg.txt").write_text("0.5\n" * 9000 + "x\n")
    bad("line 9001, column '1': expected a number; got 'x'", "reproduce", "skyrmion", "--quick", "--data", tmp_path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_reproduce_refuses_images_as_labels(tmp_path):
    images = pathlib.Path("/usr/share/datasets/fashion-mnist")
    if not images.is_dir():
        pytest.skip(f"{images} is not there (dataset-fashion-mnist)")
    for path in images.iterdir():
        (tmp_path / path.name).symlink_to(path)
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    labels.unlink()
    labels.symlink_to(images / "t10k-images-idx3-ubyte.gz")
    bad("are the files mixed up?", "reproduce", "resnet", "--quick", "--data", tmp_path, "--out", tmp_path / "run")


def test_reproduce_refuses_images_of_another_size(tmp_path):
    batch = tmp_path / "data_batch_1.bin"
    batch.write_bytes(bytes(3072))
    refused = ["reproduce", "odenet", "--quick", "--data", tmp_path, "--out", tmp_path / "run"]
    bad("must have records of 3073 bytes", *refused)
    batch.write_bytes(bytes([10]) + bytes(3072))
    bad("labels must be whole numbers from 0 to 9; that of image 0", *refused)
    batch.write_bytes(bytes(3073))
    bad("data_batch_2.bin", *refused)
    for name in [f"data_batch_{i}.bin" for i in range(2, 6)] + ["test_batch.bin"]:
        (tmp_path / name).write_bytes(bytes(3073))
    bad("got 5. Is a file cut short?", *refused)
    assert not (tmp_path / "run").exists()


def test_bench_prints_rates():
    lines = ok("bench", "spiral", "--seconds", "0", "--threads", "1").stdout.splitlines()
    assert "GFLOP/s of one core" in lines[0]
    assert lines[2].split()[0] == "spiral"
    numbers = json.loads(ok("bench", "single", "--seconds", "0", "--json").stdout)
    assert 0 < numbers["forward_gflops"] < numbers["peak_gflops"]
    assert numbers["first_gradient_ms"] > 0


def test_bench_refuses(tmp_path):
    bad("did you mean 'spiral'", "bench", "spirall")
    bad("--seconds takes a number of at least 0; got '-1'.", "bench", "spiral", "--seconds", "-1")
    bad("--json needs the name", "bench", "--json")
    bad("spiral.npz", "bench", "spiral", "--data", tmp_path)
