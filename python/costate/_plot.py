"""Fit.plot, by matplotlib."""

import numpy as np

from costate import _core, _forecast, _tables


def _column(paths, axis):
    """One column of all paths, with gaps between them; axis None is time."""
    parts = []
    for times, states in paths:
        values = times if axis is None else states[:, axis]
        gap = np.array([np.datetime64("NaT") if values.dtype.kind == "M" else np.nan]).astype(values.dtype)
        parts += [values, gap]
    return np.concatenate(parts)


def _stretches(drawn):
    """What is shaded: (name, color, begin, end), each from midway between two samples on."""
    times = drawn["times"]
    after = lambda i: (times[i] + times[min(i + 1, len(times) - 1)]) / 2
    held = times[-1]
    if drawn["held"] is not None:
        origin = np.searchsorted(times, drawn["held"])  # the last sample before what is held out; the first one where all is
        held = after(origin) if origin > 0 else times[0]
        yield "held out", "0.88", held, times[-1]
    if drawn["fitted"]:
        trained = after(np.abs(times - drawn["fitted"][-1][0][-1]).argmin())
        if trained < held:
            yield "validation", "0.95", trained, held


def draw(drawn, axes):
    """Draws into `axes`, or into new ones if None; gives an array of them, one a state."""
    pyplot = _tables.load("matplotlib.pyplot", "[Fit.plot] a plot")
    names, place = drawn["names"], {}
    if axes is None:
        place = {"loc": "upper left", "bbox_to_anchor": (1, 1)}  # beside the curves, not over them
        _, axes = pyplot.subplots(len(names), sharex=True, squeeze=False, layout="constrained", figsize=(8, 1 + 2.2 * len(names)))
        if (drawn["times"] % 1 == 0).all():  # years have no halves
            axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    axes = np.ravel(np.array(axes, dtype=object))
    if len(axes) != len(names):
        raise _core.ShapeError(f"[Fit.plot] axes must be {len(names)}, one for each of {', '.join(names)}; got {len(axes)}.")
    on_axis = lambda times: _forecast.dates_of(times, *drawn["scale"])
    times = on_axis(drawn["times"])
    curves = {kind: [(on_axis(some), states) for some, states in drawn[kind]] for kind in ("fitted", "forecasts")}
    for k, (name, one) in enumerate(zip(names, axes)):
        for stretch, color, *ends in _stretches(drawn):
            one.axvspan(*on_axis(np.array(ends)), color=color, lw=0, label=stretch)
        one.plot(times, drawn["states"][:, k], ".", color="black", label="data")
        for kind, label, style in (("fitted", "fit", "-C0"), ("forecasts", "forecast", "--C1")):
            if curves[kind]:
                one.plot(_column(curves[kind], None), _column(curves[kind], k), style, label=label)
        one.set_ylabel(name)
    axes[0].set_title(drawn["id"])
    axes[0].legend(fontsize="small", **place)
    axes[-1].set_xlabel(drawn["time"])
    return axes
