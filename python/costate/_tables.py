"""Tables from Python as the core's reader takes them: names, and cells of text. pandas is needed for files that only it reads."""

import csv
import datetime
import importlib
import io
import numbers
import os

import numpy as np

from costate import _core, _names

# What pandas reads, by the ends of files' names.
_READERS = {".parquet": "read_parquet", ".pq": "read_parquet", ".feather": "read_feather", ".arrow": "read_feather",
            ".xlsx": "read_excel", ".xlsm": "read_excel", ".xls": "read_excel", ".ods": "read_excel"}


def load(package, what):
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0].replace("sklearn", "scikit-learn")
        raise _core.NotSupported(f"{what} needs {name}, which cannot be imported ({error}); pip install {name} brings it.") from None


def _read_by_pandas(path, reader):
    if not os.path.exists(path):
        raise _core.IoError(f"[read_table] cannot read '{path}': no such file.")
    pandas = load("pandas", f"[read_table] reading '{path}'")
    # A sheet is cells, as a CSV file is lines: the core finds header, units and what comes before them.
    options = {"header": None, "dtype": object} if reader == "read_excel" else {}
    try:
        return getattr(pandas, reader)(path, **options)
    except ImportError as error:  # of what pandas itself uses, which its message names
        raise _core.NotSupported(f"[read_table] pandas cannot read '{path}': {error}") from None
    except OSError as error:
        raise _core.IoError(f"[read_table] cannot read '{path}': {error}.") from None
    except Exception as error:  # of any kind: each engine has its own
        raise _core.DataError(f"[read_table] pandas cannot read '{path}': {error}") from None


def number_text(number):
    """The shortest text that is this number again; whole numbers without '.0', as ids are written."""
    return "" if number != number else repr(float(number)).removesuffix(".0")


def date_texts(dates, zone=""):
    """datetime64 as ISO 8601, days where none has a time of day."""
    missing, unit = np.isnat(dates), "ns"
    for coarser in ("us", "s", "D"):
        if coarser == "D" and zone or (dates.astype(f"M8[{coarser}]") != dates)[~missing].any():
            break
        unit = coarser
    texts = np.datetime_as_string(dates.astype(f"M8[{unit}]"), unit=unit)
    return ["" if gone else text + zone for text, gone in zip(texts.tolist(), missing.tolist())]


def seconds_of(durations):
    """timedelta64 as numbers."""
    try:
        return durations / np.timedelta64(1, "s")
    except TypeError:
        raise _core.DtypeError("[fit_table] times that are months or years have no length in seconds; give dates, or numbers.") from None


def is_duration(value):
    return isinstance(value, (datetime.timedelta, np.timedelta64))


def is_date(value):
    return isinstance(value, (datetime.date, np.datetime64)) or hasattr(value, "to_timestamp")


def moment(value):
    """One date as datetime64, in UTC; a Period of pandas is its first moment."""
    if value is None or value != value:
        return np.datetime64("NaT", "us")
    if hasattr(value, "to_timestamp"):
        value = value.to_timestamp()
    if not is_date(value):
        raise _core.DtypeError(f"[NeuralODERegressor] a column of dates must hold dates alone; got {_names.type_of(value)}.")
    if getattr(value, "tzinfo", None) is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return np.datetime64(value, "us") if not hasattr(value, "to_datetime64") else value.to_datetime64().astype("M8[us]")


def durations_as_seconds(values):
    """Times with timedeltas, a list of them or a TimedeltaIndex among others, as seconds; other times as they are."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    some = values if isinstance(values, (list, tuple)) else np.asarray(values) if kind == "O" else ()
    if len(some) and is_duration(some[0]):
        return np.array([float(cell(value) or "nan") for value in some])
    return seconds_of(plain(values)[0]) if kind == "m" else values


def cell(value):
    """One value of any type as text; a duration is its seconds."""
    if isinstance(value, np.datetime64):
        return date_texts(np.array([value]))[0]
    if is_duration(value):  # pandas' has nanoseconds, too
        return number_text(float(seconds_of(getattr(value, "to_timedelta64", lambda: np.timedelta64(value))())))
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is None and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value).strip()


def _type_text(column):
    return str(getattr(column, "dtype", ""))


def plain(column):
    """A column as an array, and the zone of its dates: '' if they have none, 'Z' where they are in UTC now."""
    if isinstance(column, np.ma.MaskedArray):
        nothing = np.array("NaT", dtype=column.dtype) if column.dtype.kind in "mM" else None
        return np.where(np.ma.getmaskarray(column), nothing, column.data), ""
    dates = getattr(column, "dt", column)  # of a pandas Series; an index has the methods itself
    if _type_text(column).startswith("period"):
        return np.asarray(dates.to_timestamp()), ""
    if getattr(getattr(column, "dtype", None), "tz", None) is not None:
        in_utc = dates.tz_convert("UTC")
        return np.asarray(getattr(in_utc, "dt", in_utc).tz_localize(None)), "Z"
    return np.asarray(column), ""


def cells(column):
    """One column as texts; '' where nothing is."""
    array, zone = plain(column)
    if array.ndim != 1:
        raise _core.ShapeError(f"[fit_table] a column must have shape [samples]; got {list(array.shape)}.")
    kind = array.dtype.kind
    if kind == "M":
        return date_texts(array, zone)
    if kind == "m":
        return list(map(number_text, seconds_of(array).tolist()))
    if kind == "f":
        return [number_text(number) for number in array.astype(np.float64).tolist()]
    if kind in "iu":
        return list(map(str, array.tolist()))
    return [cell(value) for value in array]


def _index_columns(index, time, known):
    """The levels of a frame's index that have names, or dates or durations, as columns, unless a column is called so."""
    columns = {}
    for i in range(index.nlevels):
        level = index.get_level_values(i)
        is_time = _type_text(level).startswith(("datetime64", "period", "timedelta64", "timestamp[", "duration["))  # the last two of Arrow
        name = level.name if level.name is not None else (time or "time") if is_time else None
        if name is not None and str(name) not in known:
            columns[str(name)] = cells(level)
    return columns


def _frame_columns(frame, time):
    names = list(getattr(frame, "column_names", frame.columns))  # the former of an Arrow table
    for name in names:
        if isinstance(name, tuple):
            raise _core.InvalidArgument(f"[fit_table] a column must have a plain name; got {name!r}. Flatten the columns of the table.")
    known = list(map(str, names))
    if not hasattr(frame, "iloc"):  # a frame of another library, without an index
        return known, [cells(frame[name]) for name in names], ""
    index = _index_columns(frame.index, time, known)
    columns = [cells(frame.iloc[:, i]) for i in range(len(names))]
    return [*index, *known], [*index.values(), *columns], next(iter(index), "") if frame.index.nlevels == 1 else ""


def _sheet_text(frame):
    """A sheet as CSV; empty rows are blank lines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column for column in (cells(frame.iloc[:, i]) for i in range(frame.shape[1])) if any(column)]
    writer.writerows(row if any(row) else () for row in zip(*columns))
    return text.getvalue()


def _dict_columns(columns):
    texts = [cells(column) for column in columns.values()]
    if len({len(column) for column in texts}) > 1:
        sizes = ", ".join(f"'{name}' {len(column)}" for name, column in zip(columns, texts))
        raise _core.ShapeError(f"[fit_table] all columns must be as long; got {sizes}.")
    return list(map(str, columns)), texts, ""


def _xarray_frame(data):
    """A Dataset or a DataArray as a frame whose index is its dimensions."""
    if not hasattr(data, "data_vars"):
        data = data.to_dataset(name=data.name or "value")
    try:
        return data.to_dataframe()
    except ValueError as error:
        raise _core.InvalidArgument(f"[fit_table] xarray cannot make a table of the data: {error}") from None


def table_of(data, time, what="[fit_table] data"):
    """What the core is to read: ('path', path), ('text', text, source), or ('cells', names, columns, index, source), where `index` is
    the column that may be the times if nobody names one. `time` is what a frame's index is called that has dates and no name, `what` what
    a message calls the data."""
    source = "the table"
    if isinstance(data, (str, os.PathLike)):
        source = os.fspath(data)
        reader = _READERS.get(os.path.splitext(source)[1].lower())
        if reader is None:
            return "path", source
        data = _read_by_pandas(source, reader)
        if reader == "read_excel":
            return "text", _sheet_text(data), source
    if isinstance(data, dict):
        return "cells", *_dict_columns(data), source
    if type(data).__module__.partition(".")[0] == "xarray":
        data = _xarray_frame(data)
    if not (hasattr(data, "columns") and hasattr(data, "__getitem__")):
        raise _core.CallError(f"{what} must be a DataFrame, a dict of columns, an xarray Dataset or a path; got {_names.type_of(data)}.")
    return "cells", *_frame_columns(data, time), source


def time_text(value):
    """A time that a caller names: a number, a duration, or a date in any form; a Period of pandas is its first moment."""
    if not isinstance(value, str) and hasattr(value, "to_timestamp"):
        value = value.to_timestamp()
    if not (isinstance(value, (str, datetime.date, np.datetime64, numbers.Real)) or is_duration(value)):
        raise _core.CallError(f"[forecast] a time must be a number or a date; got {_names.type_of(value)}.")
    return cell(value)


def path_of(data):
    """The text of a path; None of data that is none."""
    return os.fspath(data) if isinstance(data, (str, os.PathLike)) else None
