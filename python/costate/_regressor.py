"""NeuralODERegressor: the fit of `costate fit` by scikit-learn's conventions."""

import dataclasses
import inspect

import numpy as np

from costate import _core, _tables

_sklearn_base = _tables.load("sklearn.base", "[NeuralODERegressor] the estimator")
_validation = _tables.load("sklearn.utils.validation", "[NeuralODERegressor] the estimator")
if not hasattr(_validation, "validate_data"):
    raise _core.NotSupported("[NeuralODERegressor] the estimator needs scikit-learn 1.6 or later; pip install -U scikit-learn brings it.")

_ROLES = ("time", "trajectory", "start", "covariates", "inputs")
_FIT = "[NeuralODERegressor.fit]"
_PREDICT = "[NeuralODERegressor.predict]"


@dataclasses.dataclass
class _Rows:
    """The columns of X by what they are: each [row, …]."""

    time: np.ndarray
    trajectory: np.ndarray
    start: np.ndarray
    covariates: np.ndarray
    inputs: np.ndarray

    def of(self, rows):
        return _Rows(*(getattr(self, role)[rows] for role in _ROLES))

    def by_trajectory(self):
        """(name, its rows in the order of their times), one trajectory after the other."""
        order = np.lexsort((self.time, self.trajectory))
        names, begins = np.unique(self.trajectory[order], return_index=True)
        return zip(names.tolist(), np.split(order, begins[1:]))


def _positions(which, names, count, role):
    """Where the columns are that a parameter names."""
    positions = []
    for one in [which] if isinstance(which, (str, int, np.integer)) else which:
        if isinstance(one, str):
            if names is None or one not in names:
                known = "X has no names of columns" if names is None else f"known: {', '.join(names)}"
                raise _core.InvalidArgument(f"{_FIT} {role} names the column '{one}'; {known}.")
            one = names.index(one)
        if not -count <= one < count:
            raise _core.InvalidArgument(f"{_FIT} {role} is column {one} of X, which has {count} feature(s); a feature for the time is required.")
        positions.append(int(one) % count)
    return positions


def _column(X, position):
    return X.iloc[:, position] if hasattr(X, "iloc") else np.asarray(X)[:, position]


def _finite(values, width):
    """Numbers [row, column], by scikit-learn's own check and in its words."""
    if not values:
        return np.empty((width, 0))
    return _validation.check_array(np.column_stack([np.asarray(value) for value in values]), dtype=np.float64, input_name="X")


def _as_times(column):
    """Numbers, seconds of durations, or days since 1970 of dates; and whether they are dates."""
    array = _tables.plain(_tables.durations_as_seconds(column))[0]
    if array.dtype.kind == "O" and _tables.is_date(next((value for value in array if value is not None and value == value), None)):
        array = np.array([_tables.moment(value) for value in array])
    if array.dtype.kind != "M":
        return array, False
    micro = array.astype("M8[us]")
    if len(np.unique(micro)) < len(np.unique(array)):
        raise _core.DataError("[NeuralODERegressor] X has dates less than a microsecond apart, which are one here; give numbers, as seconds since the first.")
    return np.where(np.isnat(micro), np.nan, micro.astype(np.int64) / 86400e6), True


def _shown(time, is_dated):
    return str(np.datetime64(round(time * 86400e6), "us").item()) if is_dated else f"{time:g}"


def _has_others(X):
    """Whether X has columns that are no numbers: dates, durations, and in a DataFrame names of trajectories."""
    if hasattr(X, "iloc"):
        return getattr(X, "ndim", 2) == 2 and any(dtype.kind not in "fiub" for dtype in X.dtypes)
    array = X if hasattr(X, "dtype") else np.array(X, dtype=object)
    kind = getattr(array.dtype, "kind", "")  # a tensor's has none
    if array.ndim != 2 or kind != "O":
        return array.ndim == 2 and kind in ("m", "M")
    return any(_tables.is_date(value) or _tables.is_duration(value) for value in np.asarray(array).flat)


class NeuralODERegressor(_sklearn_base.RegressorMixin, _sklearn_base.BaseEstimator):
    """A neural ODE z' = net(z, u(t), c) of states y at times in X, as scikit-learn has regressions.

    A row of X is a time, and what is known at it; a row of y is the states there, one column each, NaN where nothing was measured.
    Columns of X are named, or counted from 0:

    time        column of times: numbers, timedeltas, which are seconds, or dates: datetime64 of any unit, pandas' with a zone, which come to
                UTC, or Periods, which are their first moments. Who fits on dates predicts on dates.
    trajectory  column that tells trajectories apart, of any values; None: all rows are one, or one for each start.
    start       columns of the states in which a row's trajectory begins at `start_time`, a date where times are, one for each column of y. A trajectory that
                was not fitted needs them, as cross-validation over trajectories (GroupKFold) asks for. None: it begins at its first sample.
    covariates  columns of constants of a trajectory.
    inputs      columns of inputs that drive the system; None: all that are left.

    The others are those of costate.fit, whose help says what they are; random_state is its seed. Nothing is held out: cross-validation
    judges. A prediction of a row behind the last sample of a trajectory is a forecast from all of them; others are solved from the start.

    Attributes after fit: model_, a costate.Fit; n_features_in_; feature_names_in_ where X has names.

    >>> import costate, numpy as np
    >>> t = np.linspace(0, 6, 61)
    >>> y = np.stack([np.cos(t), -np.sin(t)], axis=1)
    >>> model = costate.NeuralODERegressor(hidden=(), memory="none", clock=("none",), epochs=100, random_state=0).fit(t[:50, None], y[:50])
    >>> model.score(t[50:, None], y[50:]) > 0.99
    True
    """

    def __init__(self, *, time=0, trajectory=None, start=None, start_time=0.0, covariates=None, inputs=None, validation=0.2, hidden=(0,),
                 memory="auto", clock=("auto",), activation="tanh", interpolation="linear", method="dopri5", rtol=0.0001, atol=1e-05,
                 adjoint="discrete", gradient_steps="auto", loss="mse", window=0, max_windows=0, optimizer="adam", learning_rate=0.01,
                 epochs=0, polish=-1, patience=-1.0, max_growth=50.0, batch=0, minutes=0.0, random_state=0):
        self.time, self.trajectory, self.start, self.start_time = time, trajectory, start, start_time
        self.covariates, self.inputs = covariates, inputs
        self.validation, self.hidden, self.memory, self.clock, self.activation = validation, hidden, memory, clock, activation
        self.interpolation, self.method, self.rtol, self.atol, self.adjoint = interpolation, method, rtol, atol, adjoint
        self.gradient_steps = gradient_steps
        self.loss, self.window, self.max_windows, self.optimizer = loss, window, max_windows, optimizer
        self.learning_rate, self.epochs, self.polish, self.patience = learning_rate, epochs, polish, patience
        self.max_growth, self.batch, self.minutes, self.random_state = max_growth, batch, minutes, random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # on rows that are no trajectory
        tags.input_tags.string = self.trajectory is not None
        return tags

    def _find_columns(self, X):
        """Which columns of X are what."""
        names = list(self.feature_names_in_) if hasattr(self, "feature_names_in_") else None
        count = self.n_features_in_
        found = {role: _positions(which, names, count, role) for role in _ROLES if (which := getattr(self, role)) is not None}
        taken = [position for positions in found.values() for position in positions]
        if len(set(taken)) < len(taken):
            raise _core.InvalidArgument(f"{_FIT} a column of X has two roles; time, trajectory, start, covariates and inputs must differ.")
        if self.inputs is None:
            found["inputs"] = [position for position in range(count) if position not in taken]
        self._columns = {role: found.get(role, []) for role in _ROLES}

    def _rows_of(self, X, place):
        found = {role: [_as_times(_column(X, p)) for p in self._columns[role]] for role in ("time", "start", "covariates", "inputs")}
        dated = {p for role, columns in found.items() for p, (_, is_dated) in zip(self._columns[role], columns) if is_dated}
        if place == _FIT:
            self._dated = dated
            self._begin = self._start_of(self._columns["time"][0] in dated)
        for p in dated ^ self._dated:
            there, here = ("dates", "numbers") if p in self._dated else ("numbers", "dates")
            raise _core.InvalidArgument(f"{place} column {p} of X holds {here} and held {there} in the fit; give {there}.")
        numbers = {role: _finite([values for values, _ in columns], _validation._num_samples(X)) for role, columns in found.items()}
        if self._columns["trajectory"]:
            trajectory = np.array(_tables.cells(_column(X, self._columns["trajectory"][0])))
        else:  # a start that is another is another trajectory
            known = np.hstack([numbers["start"], numbers["covariates"]])
            trajectory = np.unique(known, axis=0, return_inverse=True)[1].reshape(-1).astype(str)
        if self._columns["start"] and (numbers["time"] < self._begin).any():
            first = _shown(numbers["time"].min(), True) if self._columns["time"][0] in dated else numbers["time"].min()
            raise _core.InvalidArgument(f"[NeuralODERegressor] times must not lie before start_time = {self.start_time}; got {first}.")
        return _Rows(numbers["time"][:, 0], trajectory, numbers["start"], numbers["covariates"], numbers["inputs"])

    def _start_of(self, is_dated):
        """start_time on the axis of the times."""
        value, is_date = _as_times(np.array([self.start_time], dtype=object))
        if self._columns["start"] and is_date != is_dated:
            raise _core.InvalidArgument(f"{_FIT} start_time must be a {'date' if is_dated else 'number'}, as the times are; got {self.start_time!r}.")
        return float(value[0])

    def _table(self, rows, y):
        """Columns for fit_table and forecast."""
        table = {"trajectory": rows.trajectory, "t": rows.time, **{f"y{i}": column for i, column in enumerate(y.T)}}
        table.update({f"{stem}{i}": column for stem, values in (("c", rows.covariates), ("u", rows.inputs)) for i, column in enumerate(values.T)})
        return table

    def _with_starts(self, rows, y):
        """Rows and states, with the start of each trajectory as a sample, and in the order of trajectories and times."""
        orders = [order for _, order in rows.by_trajectory()]
        if self._columns["start"]:
            firsts = [order[0] for order in orders if rows.time[order[0]] > self._begin]
            begins = rows.of(firsts)
            begins.time = np.full(len(firsts), self._begin)
            y = np.concatenate([y, begins.start])
            rows = _Rows(*(np.concatenate([getattr(rows, role), getattr(begins, role)]) for role in _ROLES))
            orders = [order for _, order in rows.by_trajectory()]
        order = np.concatenate(orders)
        return rows.of(order), y[order]

    def _options(self):
        options = {name: getattr(self, name) for name in inspect.signature(_core.fit).parameters if hasattr(self, name) and name not in _ROLES}
        seed = self.random_state
        if not isinstance(seed, (int, np.integer)):
            seed = _validation.check_random_state(seed).randint(2**31 - 1)
        return {**options, "hidden": list(self.hidden), "clock": self.clock if isinstance(self.clock, str) else list(self.clock), "seed": int(seed)}

    def fit(self, X, y):
        """Fits to states y [row] or [row, state] at the rows of X; gives the estimator."""
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        X = self._checked(X, reset=True)
        self._find_columns(X)
        rows = self._rows_of(X, _FIT)
        y = _validation.check_array(y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y", ensure_min_samples=2)
        _validation.check_consistent_length(X, y)
        self._has_one = y.ndim == 1
        y = y.reshape(len(y), -1)
        if self._columns["start"] and rows.start.shape[1] != y.shape[1]:
            raise _core.ShapeError(f"{_FIT} start must name a column of X for each of the {y.shape[1]} columns of y; got {rows.start.shape[1]}.")
        rows, y = self._with_starts(rows, y)
        self._seen = {name: (rows.of(order), y[order]) for name, order in rows.by_trajectory()}
        names = {role: [f"{stem}{i}" for i in range(values.shape[1])]
                 for role, stem, values in (("states", "y", y), ("inputs", "u", rows.inputs), ("covariates", "c", rows.covariates))}
        self.model_ = _core.fit_table(self._table(rows, y), time="t", trajectory="trajectory", hold_out=0, missing="none", **names, **self._options())
        return self

    def _checked(self, X, reset):
        if not _has_others(X):
            return _validation.validate_data(self, X, reset=reset, dtype=np.float64, ensure_min_samples=2 if reset else 1)
        _validation.validate_data(self, X, reset=reset, skip_check_array=True)  # dates and names of trajectories stay
        return X if hasattr(X, "iloc") or hasattr(X, "dtype") else np.array(X, dtype=object)

    def predict(self, X):
        """States [row] or [row, state] at the rows of X. SolveFailed where the model blows up."""
        _validation.check_is_fitted(self)
        X = self._checked(X, reset=False)
        rows = self._rows_of(X, _PREDICT)
        states = np.full((len(rows.time), len(next(iter(self._seen.values()))[1][0])), np.nan)
        later = np.zeros(len(rows.time), dtype=bool)
        for name, order in rows.by_trajectory():
            if self._columns["start"]:
                states[order] = self._solved(rows.of(order), rows.start[order[0]], self._begin)
                continue
            if name not in self._seen:
                raise _core.InvalidArgument(f"{_PREDICT} trajectory '{name}' was not fitted, and where it begins is not known; name columns of X with start.")
            later[order] = self._extend(name, rows.of(order), order, states)
        if later.any():
            self._forecast(rows.of(later), later, states)
        if not np.isfinite(states).all():
            first = rows.time[~np.isfinite(states).all(axis=1)].min()
            when = _shown(first, self._columns["time"][0] in self._dated)
            raise _core.SolveFailed(f"{_PREDICT} the model blows up before t = {when}; predict less far, or fit another form of it.")
        return states[:, 0] if self._has_one else states

    def _extend(self, name, some, order, states):
        """Fills in the states up to the last sample of a trajectory; marks the rows behind."""
        seen, measured = self._seen[name]
        whole = np.flatnonzero(np.isfinite(measured).all(axis=1))
        if not len(whole):
            raise _core.DataError(f"{_PREDICT} trajectory '{name}' has no sample of which all states were measured; name columns of X with start.")
        begin = seen.time[whole[0]]
        is_later = some.time > seen.time[-1]
        joined = _Rows(*(np.concatenate([getattr(seen, role), getattr(some, role)]) for role in _ROLES))
        for part in (some.time < begin, (some.time >= begin) & ~is_later):
            states[order[part]] = self._solved(some.of(part), measured[whole[0]], begin, joined)
        return is_later

    def _solved(self, some, start, begin, inputs_of=None):
        """States at the times of `some`, from a start; all of them lie behind it, or all before."""
        if not len(some.time):
            return np.empty((0, len(start)))
        times = np.unique(some.time)
        path = np.concatenate([[begin], times if times[-1] >= begin else times[::-1]])
        drive = some if inputs_of is None else inputs_of
        when, first = np.unique(drive.time, return_index=True)
        inputs = {"input_times": when, "inputs": drive.inputs[first]} if drive.inputs.shape[1] else {}
        covariates = {"covariates": some.covariates[0]} if some.covariates.shape[1] else {}
        found = self.model_.predict(start, path, **inputs, **covariates)[1:]
        return (found if times[-1] >= begin else found[::-1])[np.searchsorted(times, some.time)]

    def _forecast(self, ahead, later, states):
        """Fills in the states behind the last samples."""
        wanted = {}
        for name, order in ahead.by_trajectory():
            seen, measured = self._seen[name]
            times, first = np.unique(ahead.time[order], return_index=True)
            wanted[name] = (_Rows(*(np.concatenate([getattr(seen, role), getattr(ahead, role)[order[first]]]) for role in _ROLES)),
                            np.concatenate([measured, np.full((len(times), measured.shape[1]), np.nan)]))
        rows = _Rows(*(np.concatenate([getattr(some, role) for some, _ in wanted.values()]) for role in _ROLES))
        made = self.model_.forecast(data=self._table(rows, np.concatenate([y for _, y in wanted.values()])))
        paths = dict(zip(made.ids, zip(made.times, made.states)))
        found = np.empty((len(ahead.time), states.shape[1]))
        for name, order in ahead.by_trajectory():
            times, path = paths[name if name in paths else ""]
            found[order] = path[np.searchsorted(times, ahead.time[order])]
        states[later] = found
