"""Data that is not in the repository, and which tests were skipped at the end."""

import collections
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pytest_terminal_summary(terminalreporter):
    """Counts and names the skipped tests, by reason."""
    skipped = collections.defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped[reason.removeprefix("Skipped: ")].append(report.nodeid.split("::")[-1])
    for reason, names in skipped.items():
        tests = "1 test" if len(names) == 1 else f"{len(names)} tests"
        terminalreporter.write_line(f"{tests} skipped, because {reason}: {', '.join(names)}")


@pytest.fixture
def outside_data():
    """folder(name): that folder of COSTATE_TEST_DATA, by default ../shared/data of the repository; skips the test if
    it is not there."""

    def folder(name):
        given = os.environ.get("COSTATE_TEST_DATA")
        data = pathlib.Path(given) if given else ROOT.parent / "shared/data"
        if not given and not data.is_dir():
            pytest.skip("COSTATE_TEST_DATA is not set")
        if not (data / name).is_dir():
            pytest.skip(f"{'COSTATE_TEST_DATA=' if given else ''}{data} has no folder {name}")
        return data / name

    return folder
