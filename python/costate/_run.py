"""Run: a run folder that `costate fit` or fit_table(out=…) wrote."""

import csv
import functools
import json
import math
import os
import pathlib
import tomllib

import numpy as np

from costate import _core, _html, _plot


def _number(text):
    return float(text) if text else math.nan


def _columns(path):
    """The columns of a CSV file as texts, by their names."""
    with open(path, newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    return dict(zip(names, zip(*rows))) if rows else {name: () for name in names}


class Run:
    """A run folder of `costate fit`, or of fit_table(out=...), as the command line writes and reads it.

    path      of the folder.
    config    its options, a dict of config.toml.
    metrics   its errors, its verdict and what was chosen, a dict of metrics.json; empty until the fit has ended.
    history   of the training: one array a column.
    model     the Fit, with its data if these are where the config says; it forecasts, predicts and gives its field.
    report    path of report.html.

    DataError if the folder holds no run.
    """

    def __init__(self, path):
        self.path = pathlib.Path(os.fspath(path))
        if not self.path.is_dir():
            raise _core.IoError(f"[Run] cannot open the run folder '{self.path}': {'it is not a folder' if self.path.exists() else 'no such folder'}.")
        if not (self.path / "config.toml").is_file():
            raise _core.DataError(f"[Run] '{self.path}' is not a run folder: it has no config.toml.")
        self.config = tomllib.loads((self.path / "config.toml").read_text(encoding="utf-8"))
        self.report = self.path / "report.html"

    @property
    def is_finished(self):
        """Whether the fit has ended; resume goes on with one that was stopped."""
        return (self.path / "metrics.json").is_file()

    @functools.cached_property
    def metrics(self):
        return json.loads((self.path / "metrics.json").read_text(encoding="utf-8")) if self.is_finished else {}

    @functools.cached_property
    def history(self):
        path = self.path / "history.csv"
        return {name: np.array(list(map(_number, column))) for name, column in _columns(path).items()} if path.is_file() else {}

    @functools.cached_property
    def _opened(self):
        return _core._open_run(self.path)

    @property
    def model(self):
        return self._opened[0]

    @property
    def state_names(self):
        return self.config["data"]["states"]

    @property
    def verdict(self):
        """In words, whether to use the model; '' if nothing was held out."""
        sentences = [sentence for name in ("verdict", "verdict_inputs_unknown") for sentence in self.metrics.get(name, {}).get("sentences", [])]
        return _core._with_keywords("\n".join(sentences))

    def forecast(self, until=None, **options):
        """As Fit.forecast, from where the data of the run end, or from data, starts or a time."""
        return self.model.forecast(until, **options)

    def export(self, path, **options):
        """As Fit.export: writes the model as source for other places."""
        self.model.export(path, **options)

    def resume(self, progress=None):
        """Goes on with a fit that was stopped, to the bits that it would have had; gives the Fit."""
        fit = _core._resume_run(self.path, progress)
        for name in ("metrics", "history", "_opened"):
            self.__dict__.pop(name, None)
        return fit

    def errors(self):
        """Rows of the verdict's table: the forecaster, and its relative error by how far ahead; the first row names the columns."""
        horizons = self.metrics.get("verdict", {}).get("horizons", {})
        heads = [f"{horizon['samples']} sample{'s' if horizon['samples'] != 1 else ''}" for horizon in horizons.values()]
        models = list(next(iter(horizons.values()))["errors"]) if horizons else []
        return [["", *heads], *([name, *(_html.number(horizon["errors"].get(name, {}).get("relative")) for horizon in horizons.values())] for name in models)]

    def held_forecast(self):
        """What was held out, as the fit forecast it: {trajectory: (times, states [sample, state])}; empty if nothing was."""
        path = self.path / "forecast.csv"
        if not path.is_file():
            return {}
        columns = _columns(path)
        names = list(columns)
        first = names.index(self.state_names[0])
        times = self._numbers_of(columns[names[first - 1]])
        states = np.array([list(map(_number, columns[name])) for name in self.state_names]).T
        keys = list(zip(*(columns[name] for name in names[:first - 1]))) if first > 1 else [()] * len(times)
        joined = np.array([",".join(key) for key in keys])
        return {key: (times[joined == key], states[joined == key]) for key in dict.fromkeys(joined.tolist())}

    def _numbers_of(self, texts):
        if not self._opened[3][0]:
            return np.array(list(map(float, texts)))
        return _core._numbers_of_times(self.model, np.array(texts, dtype=object))

    def plot(self, run=None, axes=None):
        """Draws the data, and what the fit forecast of those that were held out, by matplotlib; Fit.plot has the fit's own curves beside.

        run     name of the trajectory; None: the first one of which something was held out.
        axes    one of matplotlib's Axes for each state, to draw into; None: new ones, one above the other.

        Gives an array of Axes, one a state. DataError if the data are not where the config says, or have changed.
        """
        _, missing, seen, scale = self._opened
        if not seen:
            raise _core.DataError(f"[Run.plot] needs the data of the fit: {missing}")
        held = self.held_forecast()
        known = [name for name, _, _ in seen]
        name = str(run) if run is not None else next(iter(held), known[0])
        if name not in known:
            name = known[0] if run is None else name
        if name not in known:
            raise _core.InvalidArgument(f"[Run.plot] there is no trajectory '{name}'; known: {', '.join(known)}.")
        _, times, states = seen[known.index(name)]
        before = None  # the last sample that is not held out
        if name in held:
            before = times[max(0, np.searchsorted(times, held[name][0][0]) - 1)]
        drawn = {"id": name, "times": times, "states": states, "fitted": [], "forecasts": [held[name]] if name in held else [], "scale": scale,
                 "names": self.state_names, "time": self.config["data"]["time"] or "time", "held": before}
        return _plot.draw(drawn, axes)

    def _title(self):
        return f"Run '{self.path}': {', '.join(self.state_names)} of {self.config['data']['path']}"

    def _state(self):
        if not self.is_finished:
            return "not finished; resume() goes on with it"
        return f"chosen: {self.metrics['chosen']}; {self.metrics['epochs']} epochs in {self.metrics['seconds']:.3g} s"

    def __repr__(self):
        rows = self.errors()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        table = ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]) for row in rows if len(rows) > 1]
        return "\n".join(filter(None, [self._title(), self._state(), *table, self.verdict]))

    def _repr_html_(self):
        rows = self.errors()
        return _html.page(self._title(), [self._state(), *self.verdict.splitlines()], rows if len(rows) > 1 else [])
