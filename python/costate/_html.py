"""What notebooks show of fits, forecasts and runs: tables."""

import html

from costate import _tables


def page(title, lines, rows):
    """A title, lines of text, and a table whose first row is its head."""
    cells = lambda row, tag: "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
    table = ["<table>", f"<tr>{cells(rows[0], 'th')}</tr>", *(f"<tr>{cells(row, 'td')}</tr>" for row in rows[1:]), "</table>"] if rows else []
    return "\n".join([f"<b>{html.escape(title)}</b>", *(f"<div>{html.escape(line)}</div>" for line in lines if line), *table])


_SHOWN = 8  # rows of a trajectory


def number(value):
    return "" if value is None else f"{value:.3f}"


def of_fit(fit):
    """Its errors as a table, and what is said of them."""
    title, *lines = fit.summary.splitlines()
    rows = [[name, ", ".join(f"{value:.4g}" for value in error["rmse"]), number(error["relative"])] for name, error in fit.errors.items()]
    said = [line for line in lines if line and not line.startswith((" ", *(f"{name} " for name in fit.errors)))]
    return page(title, said, [["", "RMSE", "relative"], *rows] if rows else [])


def of_forecast(forecast):
    """The first rows of its first trajectories."""
    rows = [["", forecast.time_name, *forecast.state_names]]
    for name, times, states in list(zip(forecast.ids, forecast.times, forecast.states))[:_SHOWN]:
        rows += [[name, time, *(f"{value:.6g}" for value in state)] for time, state in zip(_tables.cells(times[:_SHOWN]), states)]
        if len(times) > _SHOWN:
            rows.append([name, f"… {len(times) - _SHOWN} more"])
    return page(f"Forecast of {', '.join(forecast.state_names)}", forecast.notes, rows)
