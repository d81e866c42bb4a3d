"""What slopes_by_resolution.sh runs: a straight line over the same five dates, made in different ways."""

import io
import sys
import warnings

import numpy as np
import pandas
import xarray

TEXT = "time\n" + "\n".join(f"2020-01-01 00:00:0{i}" for i in range(5))
FILE = xarray.Dataset(coords={"time": ("time", np.arange(5), {"units": "seconds since 2020-01-01"})})
# How the dates are made, and the resolution that they have then.
DATES = {
    "pandas' date_range": (pandas.date_range("2020-01-01", periods=5, freq="s"), "us"),
    "pandas' read_csv": (pandas.read_csv(io.StringIO(TEXT), parse_dates=["time"])["time"], "us"),
    "a NetCDF file's": (xarray.decode_cf(FILE).time, "ns"),
    "NumPy's": (np.datetime64("2020-01-01", "s") + np.arange(5), "s"),
}
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def main() -> int:
    as_seen = True
    slopes = set()
    for name, (dates, expected) in DATES.items():
        line = xarray.DataArray(2.0 * np.arange(5), coords={"time": np.asarray(dates)}, dims="time")
        unit = np.datetime_data(line.time.dtype)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            slope, area = float(line.differentiate("time")[2]), float(line.integrate("time"))
            right = float(line.differentiate("time", datetime_unit="s")[2]), float(line.integrate("time", datetime_unit="s"))
        print(f"{name:19s} {line.time.dtype}: slope {slope:g}, area {area:g}; with datetime_unit='s' {right[0]:g}, {right[1]:g}")
        scale = UNITS[unit]
        as_seen &= unit == expected
        as_seen &= np.isclose(slope, 2 / scale) and np.isclose(area, 16 * scale) and np.allclose(right, (2, 16))
        slopes.add(f"{slope:g}")
    as_seen &= len(slopes) >= 3
    print("as seen before" if as_seen else "NOT as seen before")
    return 0 if as_seen else 1


if __name__ == "__main__":
    sys.exit(main())
