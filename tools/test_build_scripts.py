"""What the scripts of wheels and of the site say of calls that they cannot serve."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("arguments", [[], ["--release", "trixie"], ["out", "trixie", "bookworm"]])
def test_wheels_of_no_folder(arguments):
    done = subprocess.run([ROOT / "tools/build_wheels.sh", *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"build_wheels.sh: expected a folder, and perhaps a release of Debian; got '{' '.join(arguments)}'.\n"


def test_comments_behind_members_are_their_documentation():
    """The filter that tools/Doxyfile names."""
    command = re.search(r'^INPUT_FILTER\s*= "(.*)"$', (ROOT / "tools/Doxyfile").read_text(), re.M).group(1)
    text = "  int steps = 0;  // of ONNX: so many\n// a comment\n  kEnd,    // the last\n/// told  // twice\n  call(\"http://x\");\n"
    seen = subprocess.run(command, shell=True, input=text, check=True, capture_output=True, text=True).stdout
    assert seen == text.replace(";  // of", ";  ///< of").replace(",    // the", ",    ///< the")
