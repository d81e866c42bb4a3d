#!/usr/bin/env python3
"""Writes what the fuzz targets start from, small valid inputs of each format, into a folder: corpus.py FOLDER gives
FOLDER/<format>/<name>."""

import gzip
import io
import json
import pathlib
import re
import struct
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def npy(descr, shape, data, fortran=False, version=1):
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + data


def npz(files, compression):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def safetensors(arrays, metadata):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, content) in arrays.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def operations():
    """The spellings of ops.def, in its order, which is that of the codes."""
    return re.findall(r"^COSTATE_(?:OP|\w+_FUNCTION)\(\w+, (\w+),", (ROOT / "costate/graph/ops.def").read_text(), re.MULTILINE)


def graph(nodes, outputs):
    """As graph_fuzz.cpp reads it; a node is (operation, shape, operands, numbers, indices)."""
    codes = {name: code for code, name in enumerate(operations())}
    numbers = [len(nodes), len(outputs)]
    for operation, shape, *lists in nodes:
        numbers += [codes[operation], len(shape), *shape]
        for part in lists:
            numbers += [len(part), *part]
    return bytes(number & 0xFF for number in [*numbers, *outputs])


DOUBLES = struct.pack("<4d", 0.5, -1.0, 2.0, 1e300)
FLOATS = struct.pack("<2f", 1.5, -2.0)
IDX = bytes([0, 0, 8, 2]) + struct.pack(">2I", 2, 3) + bytes(range(6))
X, P = ("input", [3], [], [], [0]), ("input", [2, 3], [], [], [1])


def corpus():
    return {
        "csv": {
            "plain": b"t,x,y\n0,1,2\n1,1.5,-2e3\n2,,NA\n",
            "quoted": b'\xef\xbb\xbf# c\r\nt;"x ""a"""\r\n2024-01-01T10:00:00.5+01:00;1,5\r\n2024-01-02;nan\r\n',
            "dates": b"Date,Time,x\n13/05/2024,12:30,<0.01\n14/05/2024,06:00,0.5\n",
            "units": b"sep=;\nt;x\n[s];[m]\n0;1\n1;2\n",
            "thousands": b'id,t,x\na,May 13 2024,"1,000"\nb,May 14 2024,"2,000,000"\n',
            "series": b"@problemName A\n@univariate true\n@classLabel true a\n@data\n1,2,3:a\n",
            "relation": b"@relation A\n@attribute 'n' string\n@frequency daily\n@data\nT:1,2\n",
            "npy": npy("<f8", (2, 2), DOUBLES),
            "gzip": gzip.compress(b"t,x\n0,1\n1,2\n", mtime=0),
        },
        "toml": {
            "config": b'format = 1\n[model]\nhidden = [32, 32]\nrtol = 1e-6\nname = "a\\"b"\nis_on = true\nnames = ["x", "y"]\n',
            "numbers": b"a = -0x1F\nb = inf\nc = 1_000.5e-3\nd = []\n# comment\n[s]\nt = '''\nlines\n'''\n",
        },
        "safetensors": {
            "model": safetensors({"w": ("F64", [2, 2], DOUBLES), "b": ("F32", [2], FLOATS)}, {"format": "model 1"}),
            "scalar": safetensors({"s": ("F64", [], DOUBLES[:8]), "none": ("F32", [0, 3], b"")}, {}),
        },
        "npy": {
            "f8": npy("<f8", (2, 2), DOUBLES),
            "fortran": npy("<f8", (2, 2), DOUBLES, fortran=True),
            "big_endian": npy(">f4", (2,), FLOATS),
            "bytes": npy("|u1", (3, 1, 1), b"\x01\x02\xff", version=2),
            "booleans": npy("|b1", "(2,)", b"\x01\x00"),
            "scalar": npy("<i8", "()", DOUBLES[:8]),
        },
        "npz": {
            "stored": npz({"t.npy": npy("<f8", (4,), DOUBLES), "x.npy": npy("<f4", (2,), FLOATS)}, zipfile.ZIP_STORED),
            "deflated": npz({"t.npy": npy("<f8", (4,), DOUBLES)}, zipfile.ZIP_DEFLATED),
            "empty": npz({}, zipfile.ZIP_STORED),
        },
        "idx": {
            "images": IDX,
            "zipped": gzip.compress(IDX, mtime=0),
            "floats": bytes([0, 0, 13, 1]) + struct.pack(">I", 2) + struct.pack(">2f", 1, 2),
            "doubles": bytes([0, 0, 14, 1]) + struct.pack(">I", 1) + struct.pack(">d", 1),
        },
        "graph": {
            "net": graph([X, P, ("matmul", [2], [1, 0], [], []), ("constant", [2], [], [1], []), ("add", [2], [2, 3], [], []),
                          ("tanh", [2], [4], [], [])], [5]),
            "moves": graph([X, P, ("broadcast", [2, 3], [0], [], []), ("mul", [2, 3], [2, 1], [], []),
                            ("transpose", [3, 2], [3], [], [1, 0]), ("reshape", [5, 1][:1], [0], [], [])][:5]
                           + [("gather", [2], [4], [], [5, 0]), ("scatter", [4], [5], [], [1, 1]),
                              ("concat", [5], [5, 0], [], [0]), ("sum", [], [7], [], [0]), ("reduce_max", [2], [3], [], [1])],
                           [8, 9]),
            "image": graph([("constant", [1, 4, 4], [], [2], []), ("constant", [2, 1, 3, 3], [], [1], []),
                            ("conv2d", [2, 4, 4], [0, 1], [], [1, 1, 1, 1, 1, 1, 1])], [2]),
            "pools": graph([X, ("gather", [1, 3, 3], [0], [], [0, 1, 2, 2, 1, 0, 1, 1, 1]), ("max_pool", [1, 2, 2], [1, 1], [], [3, 3, 2, 2, 1, 1]),
                            ("max_pool_input", [1, 3, 3], [1, 2], [], [3, 3, 2, 2, 1, 1]), ("avg_pool", [1, 2, 2], [3], [], [2, 2, 1, 1, 0, 0]),
                            ("avg_pool_input", [1, 3, 3], [4], [], [2, 2, 1, 1, 0, 0])], [5]),
            "comparison": graph([X, ("less", [3], [0, 0], [], []), ("where", [3], [1, 0, 0], [], []),
                                 ("outer", [3, 3], [0, 2], [], [])], [3]),
        },
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    for target, inputs in corpus().items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, content in inputs.items():
            (folder / target / name).write_bytes(content)


if __name__ == "__main__":
    main()
