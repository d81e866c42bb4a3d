#!/usr/bin/env bash
# Shows that xarray's derivatives and integrals over time change by factors of a thousand with how pandas stores the times,
# which are the same.
#
# DataArray.differentiate and .integrate take slopes and areas along a coordinate of dates in units of its own resolution, unless
# they are given datetime_unit. The resolution is nobody's choice: pandas 3 gives microseconds (pandas 2 gave nanoseconds),
# xarray gives nanoseconds to what it reads from a NetCDF file, and NumPy keeps what an array was made with. So the same
# measured course has slopes that differ by 1000, whether it comes from a CSV file or from a NetCDF one, and a rate that was
# right before an upgrade of pandas is 1000 times as large after it, without a warning.
#
# A course of 2 units a second over four seconds: its slope should be one number, and its area 16 unit-seconds another, whatever
# the resolution. Printed are both for the same five dates, made in four ways. With datetime_unit="s" all agree.
#
# Runs xarray 2026.9.0 with pandas 3.1.1 and numpy 2.4.6, and fails if that is no longer so. Needs Python 3.11 or later, the
# network and, while it runs, 300 MB of disk; half a minute.
set -euo pipefail
cd "$(dirname "$0")"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check xarray==2026.9.0 pandas==3.1.1 numpy==2.4.6
"$environment/bin/python" slopes_by_resolution.py
