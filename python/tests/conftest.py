import os
import signal
import threading

import pytest


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
