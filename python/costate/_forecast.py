"""What Fit.forecast gives."""

import dataclasses

import numpy as np

from costate import _html, _tables


@dataclasses.dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts of one or several trajectories, in the data's units.

    times    of each trajectory, the start first: [samples], datetime64 (in UTC if the data named a zone) or numbers. To a microsecond, or
             to a nanosecond where times less than a millisecond apart need it.
    states   of each trajectory: [samples, state].
    lower, upper  of each trajectory: [samples, state], ends of the bands that hold nine of ten measurements; empty lists
             unless the fit has several seeds.
    outside  of each trajectory: [samples], True where a state or an input is out of the range of the training.
    notes    what of the starts was estimated, what was taken for inputs, and where the range of the training is left.
    ids      the trajectories' names; '' where there is one without a name.
    """

    times: list
    states: list
    lower: list
    upper: list
    outside: list
    notes: list
    ids: list
    time_name: str
    state_names: list
    trajectory_name: str
    zone: str

    def __repr__(self):
        lines = [f"Forecast of {', '.join(self.state_names)}:"]
        for name, times in zip(self.ids, self.times):
            ends = times[[0, -1]]
            start, end = _tables.date_texts(ends, "Z" if self.zone else "") if ends.dtype.kind == "M" else _tables.cells(ends)
            lines.append(f"  {name + ': ' if name else ''}{len(times)} row{'s' if len(times) != 1 else ''}, the start {start} among them, to {end}")
        return "\n".join([*lines, *self.notes])

    def _repr_html_(self):
        return _html.of_forecast(self)

    def to_frame(self):
        """One DataFrame of all, a row a sample: the trajectory where there are several, time, states, bands and `outside`."""
        pandas = _tables.load("pandas", "[Forecast.to_frame] a DataFrame")
        columns = self._id_columns() if any(self.ids) else {}
        times = pandas.Series(np.concatenate(self.times))
        columns[self.time_name] = times.dt.tz_localize(self.zone) if self.zone else times
        for name, values in zip(self.state_names, np.concatenate(self.states).T):
            columns[name] = values
        for end, bands in (("_lower", self.lower), ("_upper", self.upper)) if self.lower else ():
            for name, values in zip(self.state_names, np.concatenate(bands).T):
                columns[name + end if name + end not in columns else name + end + "_band"] = values
        if self.outside:
            columns["outside" if "outside" not in columns else "outside_training"] = np.concatenate(self.outside)
        return pandas.DataFrame(columns)

    def to_xarray(self):
        """One Dataset: a variable for each column of to_frame, over the time, and over the trajectories where there are several."""
        _tables.load("xarray", "[Forecast.to_xarray] a Dataset")
        return self.to_frame().set_index([*(self._id_columns() if any(self.ids) else ()), self.time_name]).to_xarray()

    def _id_columns(self):
        """A column, or those of a key of several; numbers where all are."""
        names, parts = self.trajectory_name.split(","), [name.split(",") for name in self.ids]
        if any(len(part) != len(names) for part in parts):
            names, parts = [self.trajectory_name], [[name] for name in self.ids]
        counts = [len(times) for times in self.times]
        columns = {}
        for name, keys in zip(names, zip(*parts)):
            is_number = all(str(int(key)) == key if key.lstrip("-").isdecimal() else False for key in keys)
            columns[name] = np.repeat(np.array(list(map(int, keys)) if is_number else keys), counts)
        return columns


def dates_of(times, unit, origin, finest=None):
    """Numbers on a time scale of the core as datetime64, to a microsecond, or as fine as `finest_of` says; as they are if it has no unit."""
    if not unit:
        return times
    begin = np.datetime64(origin.removesuffix("Z"))
    finest = finest or finest_of(times, unit, begin)
    ticks, whole = 1e9 if finest == "ns" else 1e6, begin.astype(f"M8[{finest}]")
    behind = (begin - whole) / np.timedelta64(1, finest)  # of a microsecond that is not whole
    return whole + np.round(times * (86400 * ticks if unit == "days" else ticks) + behind).astype(f"m8[{finest}]")


def finest_of(times, unit, begin):
    """'us', or 'ns' where microseconds would move times that are so close together that it matters, as the core's time_cells has it."""
    some = np.unique(times)
    if unit != "seconds" or len(some) < 2 or np.diff(some).min() >= 1e-3:
        return "us"
    ticks = (begin - begin.astype("M8[us]")) / np.timedelta64(1, "us") + some * 1e6
    resolved = 4e6 * np.finfo(float).eps * (np.abs(some).max() + 86400)
    return "ns" if (np.abs(ticks - np.round(ticks)) > resolved).any() else "us"


def made(series, bands, outside, notes, scale):
    """A Forecast of what the core gives: `series` is (ids, times, states, names), `bands` (lower, upper), `scale` (unit, origin, format)."""
    ids, times, states, (time_name, state_names, trajectory_name) = series
    unit, origin, form = scale
    finest = finest_of(np.concatenate(times), unit, np.datetime64(origin.removesuffix("Z"))) if unit else None
    times = [dates_of(some, unit, origin, finest) for some in times]
    zone = "UTC" if unit and any(mark in form for mark in ("Z", "z", "+")) else ""
    return Forecast(times, states, *bands, [np.array(some, dtype=bool) for some in outside], notes, ids, time_name, state_names,
                    trajectory_name, zone)
