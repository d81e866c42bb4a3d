"""Arrays, and what of pandas stands in their place, as the runs of a fit."""

import numpy as np

from costate import _core, _tables


def is_dates(values):
    """Whether times are dates, which may be text, and not numbers."""
    array, _ = _tables.plain(values) if hasattr(values, "dtype") else (np.asarray(values, dtype=object), "")
    first = array.flat[0] if array.size else None
    return array.dtype.kind == "M" or isinstance(first, str) or _tables.is_date(first)


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
    """[samples, columns]; one column may come without the second axis, and None is not measured."""
    array = value
    if hasattr(value, "iloc"):
        array = value.to_numpy(dtype=object, na_value=np.nan)
    elif isinstance(value, (list, tuple)) and any(cell is None for cell in value):
        array = np.array(value, dtype=object)
    if getattr(array, "dtype", None) == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise _core.DtypeError(f"[fit] expected numbers; got others: {error}.") from None
    return np.asarray(array)[:, None] if np.ndim(array) == 1 else array


def _names(values, what):
    """The names of columns that all runs agree about; None where there are none."""
    found = []
    for value in values:
        if hasattr(value, "columns"):
            found.append(list(map(str, value.columns)))
        else:
            found.append(None if getattr(value, "name", None) is None else [str(value.name)])
    for i, names in enumerate(found):
        if names != found[0]:
            raise _core.InvalidArgument(f"[fit] all runs must have the same {what}; got {found[0]}, and of run {i} {names}.")
    return found[0]


def _refuse_column_names(**roles):
    for role, value in roles.items():
        some = value[0] if isinstance(value, (list, tuple)) and len(value) else value
        if isinstance(some, str):
            raise _core.InvalidArgument(f"[fit] {role} must be arrays; got {value!r}. For a table and names of its columns, call "
                                        f"costate.fit_table(table, {role}={value!r}).")


def runs_of(times, states, inputs):
    """(runs, time_name, state_names, input_names); a run is (times, whether they are texts, states, inputs)."""
    _refuse_column_names(states=states, inputs=inputs)
    if isinstance(times, np.ndarray) and times.ndim == 2 and times.shape[1] == 1:
        times = times[:, 0]  # a column of one run, and not many runs of one sample
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
        runs.append((_tables.cells(run_times) if dated else _tables.durations_as_seconds(run_times), dated, _matrix(run_states),
                     None if run_inputs is None else _matrix(run_inputs)))
    name = getattr(all_times[0], "name", None)
    return (runs, "t" if name is None else str(name), _names(all_states, "states"),
            None if inputs is None else _names(all_inputs, "inputs"))


def covariates_of(covariates):
    """([run, covariate], names)"""
    _refuse_column_names(covariates=covariates)
    return _matrix(covariates), _names([covariates], "covariates")
