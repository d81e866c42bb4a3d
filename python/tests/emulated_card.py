"""Arrays that say they stand on a CUDA card, for tests without one: the memory of the driver's stand-in is the host's.

Only what DLPack says of the device differs from an array of the host.
"""

import ctypes

CPU, CUDA = 1, 2  # kDLCPU, kDLCUDA


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("kind", ctypes.c_int32), ("number", ctypes.c_int32)]  # what follows is as it was


_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype, _pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def _as_of(capsule, kind):
    _Tensor.from_address(_pointer_of(capsule, b"dltensor")).kind = kind
    return capsule


class OnCard:
    """An array of NumPy or PyTorch, as one on a card; remembers the streams that it was asked for."""

    def __init__(self, array, number=0):
        self.array, self.number, self.streams = array, number, []

    def __dlpack_device__(self):
        return CUDA, self.number

    def __dlpack__(self, *, stream=None):
        self.streams.append(stream)
        return _as_of(self.array.__dlpack__(), CUDA)


class OnHost:
    """An array of the emulated card as one of the host, for from_dlpack of NumPy or PyTorch."""

    def __init__(self, array):
        self.array = array

    def __dlpack_device__(self):
        return CPU, 0

    def __dlpack__(self, **_keywords):
        return _as_of(self.array.__dlpack__(stream=1), CPU)
