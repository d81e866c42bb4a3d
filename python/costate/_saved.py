"""Arrays of dtypes that a safetensors file of costate has no place for: as F64, with their dtype in the metadata."""

import numpy as np

from costate import _core


def _is_exact(array, dtype):
    """Whether the numbers are the same in f64."""
    if dtype.kind in "iu":
        return not array.size or -(2**53) <= int(array.min()) and int(array.max()) <= 2**53
    return bool(np.array_equal(array.astype(np.float64).astype(dtype), array, equal_nan=dtype.kind == "f"))


def dtype_beside(name, value):
    """The dtype to keep beside an array; '' where f32 or f64 say it all. DtypeError if f64 does not hold the numbers."""
    array = np.from_dlpack(value) if hasattr(value, "__dlpack__") and not hasattr(value, "__array__") else np.asarray(value)
    if array.dtype.newbyteorder("=") in (np.float32, np.float64):
        return ""
    if not _is_exact(array, array.dtype):
        raise _core.DtypeError(f"[save] '{name}' has numbers of {array.dtype.name} that F64 cannot hold exactly; convert it, such as by "
                               ".astype(float), or keep it in a file of NumPy (numpy.save).")
    return array.dtype.newbyteorder("=").name


def restored(array, dtype):
    """The array as it was, if the name is that of a dtype which holds it: files of others may say anything."""
    try:
        kept = np.dtype(dtype)
    except TypeError:
        return array
    if kept.kind not in "biuf":
        return array
    with np.errstate(invalid="ignore", over="ignore"):
        made = array.astype(kept)
    return made if np.array_equal(made.astype(np.float64), array, equal_nan=True) else array
