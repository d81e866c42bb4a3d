import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """The library that stands in for the CUDA driver and NVRTC in this process."""
    if shutil.which("c++") is None:
        pytest.skip("needs a C++ compiler")
    library = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    subprocess.run(["c++", "-std=c++17", "-O1", "-shared", "-fPIC", f'-DCOSTATE_SOURCE_DIR="{ROOT}"', "-Wl,-soname,libcuda.so.1",
                    ROOT / "tests/cuda/driver_stand_in.cpp", "-o", library, "-ldl"], check=True)
    return ctypes.CDLL(str(library))


@pytest.fixture
def card(driver, tmp_path, monkeypatch):
    """An emulated card: `number(name)` reads what its driver counts."""
    monkeypatch.setenv("COSTATE_CUDA", "experimental")
    monkeypatch.setenv("COSTATE_NVRTC", driver._name)
    monkeypatch.setenv("COSTATE_KERNEL_CACHE", str(tmp_path))
    return lambda name: ctypes.c_size_t.in_dll(driver, f"costate_stand_in_{name}").value


@pytest.fixture
def ctrl_c():
    """Sends this process SIGINT after so many seconds, also where it was started in the background, to ignore that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []

    def send(after):
        timers.append(threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)))
        timers[-1].start()

    yield send
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, before)
