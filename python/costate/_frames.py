"""Tables and arrays from Python as the core's reader takes them: names and cells of text. pandas is not needed for any of it, but
for files that only pandas reads."""

import csv
import datetime
import importlib
import io
import os

import numpy as np

from costate import _core

# What pandas reads, by the ends of files' names.
_READERS = {".parquet": "read_parquet", ".pq": "read_parquet", ".feather": "read_feather", ".arrow": "read_feather",
            ".xlsx": "read_excel", ".xlsm": "read_excel", ".xls": "read_excel", ".ods": "read_excel"}


def load(package, what):
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise _core.NotSupported(f"{what} needs {name}, which cannot be imported ({error}); pip install {name} brings it.") from None


def _read_by_pandas(path, reader):
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


def _text(value):
    """A cell of no particular type."""
    if isinstance(value, np.generic):
        value = value.item() if value.dtype.kind not in "mM" else value.astype("M8[us]").item() if value.dtype.kind == "M" else value
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


def _plain(column):
    """A column as an array, and the zone of its dates: '' if they have none, 'Z' where they are in UTC now."""
    dates = getattr(column, "dt", column)  # of a pandas Series; an index has the methods itself
    if _type_text(column).startswith("period"):
        return np.asarray(dates.to_timestamp()), ""
    if getattr(getattr(column, "dtype", None), "tz", None) is not None:
        in_utc = dates.tz_convert("UTC")
        return np.asarray(getattr(in_utc, "dt", in_utc).tz_localize(None)), "Z"
    return np.asarray(column), ""


def is_dates(values):
    array, _ = _plain(values) if hasattr(values, "dtype") else (np.asarray(values, dtype=object), "")
    first = array.flat[0] if array.size else None
    return array.dtype.kind == "M" or isinstance(first, (datetime.date, np.datetime64, str))


def cells(column):
    """One column as texts; '' where nothing is."""
    array, zone = _plain(column)
    if array.ndim != 1:
        raise _core.ShapeError(f"[fit_table] a column must have shape [samples]; got {list(array.shape)}.")
    kind = array.dtype.kind
    if kind == "M":
        return date_texts(array, zone)
    if kind == "m":
        return [number_text(seconds) for seconds in (array / np.timedelta64(1, "s")).tolist()]
    if kind == "f":
        return [number_text(number) for number in array.astype(np.float64).tolist()]
    if kind in "iu":
        return list(map(str, array.tolist()))
    return [_text(value) for value in array.tolist()] if kind != "O" else [_text(value) for value in array]


def _index_columns(index, time, known):
    """The levels of a frame's index that have names, and dates even without one, as columns; and which of them is time."""
    levels = [index.get_level_values(i) for i in range(getattr(index, "nlevels", 1))]
    columns = {}
    for level in levels:
        name = level.name if level.name is not None else (time or "time") if _type_text(level).startswith(("datetime64", "period")) else None
        if name is not None and str(name) not in known:
            columns[str(name)] = cells(level)
    return columns, next(iter(columns)) if len(levels) == len(columns) == 1 else ""


def _frame_columns(frame, time):
    names = [name for name in frame.columns]
    for name in names:
        if isinstance(name, tuple):
            raise _core.InvalidArgument(f"[fit_table] a column must have a plain name; got {name!r}. Flatten the columns of the table.")
    known = list(map(str, names))
    index, found = _index_columns(frame.index, time, known) if hasattr(frame, "index") and hasattr(frame, "iloc") else ({}, "")
    columns = [cells(frame.iloc[:, i] if hasattr(frame, "iloc") else frame[name]) for i, name in enumerate(names)]
    return [*index, *known], [*index.values(), *columns], found


def _sheet_text(frame):
    """A sheet as CSV; empty rows are blank lines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column for column in (cells(frame.iloc[:, i]) for i in range(frame.shape[1])) if any(column)]
    writer.writerows(row if any(row) else () for row in zip(*columns))
    return text.getvalue()


def table_of(data, time):
    """('path', path), ('text', text, source), or ('cells', names, columns, source, name of the index if it may be the times)."""
    if isinstance(data, (str, os.PathLike)):
        path = os.fspath(data)
        reader = _READERS.get(os.path.splitext(path)[1].lower())
        if reader is None:
            return "path", path
        frame = _read_by_pandas(path, reader)
        return ("text", _sheet_text(frame), path) if reader == "read_excel" else ("cells", *_named(_frame_columns(frame, time), path))
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        return "cells", *_named(_frame_columns(data, time), "the table")
    if isinstance(data, dict):
        columns = [cells(column) for column in data.values()]
        if len({len(column) for column in columns}) > 1:
            sizes = ", ".join(f"'{name}' {len(column)}" for name, column in zip(data, columns))
            raise _core.ShapeError(f"[fit_table] all columns must be as long; got {sizes}.")
        return "cells", list(map(str, data)), columns, "the table", ""
    raise _core.CallError(f"[fit_table] data must be a DataFrame, a dict of columns or a path; got {_type_of(data)}.")


def _named(columns, source):
    names, texts, index = columns
    return names, texts, source, index


def _type_of(value):
    kind = type(value)
    return "None" if value is None else f"{kind.__module__}.{kind.__name__}".removeprefix("builtins.")


def _as_list(value):
    """Several runs as a list; None for a single one. A list of numbers is one run."""
    if isinstance(value, (list, tuple)) and len(value) and hasattr(value[0], "__len__") and not isinstance(value[0], str):
        return list(value)
    return list(value) if isinstance(value, np.ndarray) and value.ndim == 2 else None


def _depth(value):
    """Axes of an array, or of a list of arrays of any lengths."""
    return 1 + np.ndim(value[0]) if isinstance(value, (list, tuple)) and len(value) else np.ndim(value)


def _runs(value, count):
    """States or inputs of `count` runs as a list; a single run may stand alone or in a list of one."""
    is_list = isinstance(value, (list, tuple, np.ndarray))
    if count > 1:
        return list(value) if is_list else [value]
    return [value[0] if is_list and len(value) == 1 and _depth(value) > 1 else value]


def _matrix(value):
    """[samples, columns]; one column may come without the second axis."""
    if hasattr(value, "columns") or hasattr(value, "to_numpy"):
        try:
            value = value.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(value, "iloc") else value.to_numpy()
        except (TypeError, ValueError) as error:
            raise _core.DtypeError(f"[fit] expected numbers; got a table that holds others: {error}.") from None
    return np.asarray(value)[:, None] if np.ndim(value) == 1 else value


def _names(values, what):
    """The names of columns that all runs agree about; None where there are none."""
    found = []
    for value in values:
        names = list(map(str, value.columns)) if hasattr(value, "columns") else [str(value.name)] if getattr(value, "name", None) is not None else None
        found.append(names)
    for i, names in enumerate(found):
        if names != found[0]:
            raise _core.InvalidArgument(f"[fit] all runs must have the same {what}; got {found[0]}, and of run {i} {names}.")
    return found[0]


def runs_of(times, states, inputs):
    """(runs, time_name, state_names, input_names); a run is (times, whether they are texts, states, inputs)."""
    all_times = _as_list(times) or [times]
    if len(all_times) == 1 and _depth(states) == 3:
        all_times = all_times * len(states)  # times that all runs share
    all_states = _runs(states, len(all_times))
    all_inputs = [None] * len(all_states) if inputs is None else _runs(inputs, len(all_times))
    if not len(all_times) == len(all_states) == len(all_inputs):
        raise _core.ShapeError(f"[fit] there must be as many runs of states and inputs as of times; got {len(all_times)} of times, "
                               f"{len(all_states)} of states and {len(all_inputs)} of inputs.")
    runs = []
    for run_times, run_states, run_inputs in zip(all_times, all_states, all_inputs):
        dated = is_dates(run_times)
        runs.append((cells(run_times) if dated else run_times, dated, _matrix(run_states), None if run_inputs is None else _matrix(run_inputs)))
    name = getattr(all_times[0], "name", None)
    return (runs, "t" if name is None else str(name), _names(all_states, "states"),
            None if inputs is None else _names(all_inputs, "inputs"))


def covariates_of(covariates):
    """([run, covariate], names)"""
    return _matrix(covariates), _names([covariates], "covariates")


def time_text(value):
    """A time that a caller names: a number, or a date in any form."""
    if isinstance(value, (str, datetime.date, np.datetime64)):
        return cells(np.array([value], dtype=object))[0] if not isinstance(value, np.datetime64) else date_texts(np.array([value]))[0]
    return number_text(value)
