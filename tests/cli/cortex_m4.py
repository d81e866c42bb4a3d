#!/usr/bin/env python3
"""An exported model on an emulated Cortex-M4 with its floating-point unit: flash, stack, instructions and the states.

    python3 tests/cli/cortex_m4.py HEADER "START,…" "TIME,…" [STEPS]

prints them; HEADER is an export with --prefix model --dtype float --math builtin of a model without inputs and hidden
states. Needs arm-none-eabi-gcc (gcc-arm-none-eabi) and qemu-system-arm; no C library is linked.
"""

import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

FILES = pathlib.Path(__file__).resolve().parent / "cortex_m4"
TOOLS = ("arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm")
FLAGS = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -std=c99 -ffreestanding -Wall -Wextra -Wpedantic " \
        "-Wconversion -Werror -ffunction-sections -fdata-sections".split()


def missing_tools():
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def sizes(elf):
    text = subprocess.run(["arm-none-eabi-size", str(elf)], capture_output=True, text=True, check=True).stdout
    numbers = text.splitlines()[1].split()
    return int(numbers[0]) + int(numbers[1]), int(numbers[1]) + int(numbers[2])


def run(header, start, times, steps=0, optimize="-O2"):
    """What the board said, by name; `states` are floats, `flash` and `stack` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        elf, model = pathlib.Path(folder) / "model.elf", pathlib.Path(folder) / "model.h"
        shutil.copy(header, model)
        defines = [f"-DSTART={','.join(repr(float(x)) + 'f' for x in start)}", f"-DTIMES={','.join(map(repr, times))}"]
        defines += [f"-DFIXED={steps}"] if steps else []
        sources = [str(FILES / "main.c"), str(FILES / "board.c")]
        subprocess.run(["arm-none-eabi-gcc", *FLAGS, optimize, *defines, "-I", folder, "-I", str(FILES), *sources,
                        "-T", str(FILES / "board.ld"), "-nostdlib", "-Wl,--gc-sections", "-lgcc", "-o", str(elf)],
                       check=True)
        done = subprocess.run(["qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=0", "-nographic", "-monitor",
                               "none", "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel",
                               str(elf)], capture_output=True, text=True, timeout=120)
        said = done.stdout + done.stderr
        lines = [line.split() for line in said.splitlines() if len(line.split()) == 2 and line.split()[1].isdigit()]
        found = {name: int(value) for name, value in lines if name != "bits"}
        found["states"] = [struct.unpack("<f", struct.pack("<I", int(value)))[0] for name, value in lines if name == "bits"]
        found["exit_code"], (found["flash"], found["data"]) = done.returncode, sizes(elf)
        return found


if __name__ == "__main__":
    if missing_tools():
        sys.exit("needs " + ", ".join(missing_tools()))
    numbers = [[float(x) for x in part.split(",")] for part in sys.argv[2:4]]
    print(run(sys.argv[1], *numbers, steps=int(sys.argv[4]) if len(sys.argv) > 4 else 0))
