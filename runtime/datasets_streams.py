"""Streams of third parties (a water network, anything else) through the shipped detectors, causally; labels are never read."""

from pathlib import Path

import numpy as np
import pandas as pd

from analytics.detectors import network_leak, unusual
from runtime.datasets import read_table

ROWS_PER_DAY = 48
"""LeakDB's half hours."""
LEARN_SHARE, LEARN_ROWS = 0.15, 750
"""NAB's probation: the first 15 % of a series, at most 750 rows."""


def leakdb(directory: Path) -> pd.DataFrame:
    """Columns scenario, t, pred (1 while a leak is told), from leakdb.parquet (scenario, t, inflow_m3h)."""
    table = read_table(directory / "leakdb.parquet", ["scenario", "t", "inflow_m3h"])
    parts = [
        pd.DataFrame({"scenario": scenario, "t": part["t"], "pred": _leaking(part["inflow_m3h"].to_numpy(np.float64))})
        for scenario, part in table.sort_values(["scenario", "t"]).groupby("scenario", sort=True)
    ]
    return pd.concat(parts, ignore_index=True)


def _leaking(inflow: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    return network_leak.detect(inflow, ROWS_PER_DAY).astype(np.int8)


def nab(directory: Path) -> pd.DataFrame:
    """Columns series, timestamp, score (0..1, alarms from 0.5 on), from nab.parquet (series, timestamp, value)."""
    table = read_table(directory / "nab.parquet", ["series", "timestamp", "value"])
    parts = []
    for series, part in table.groupby("series", observed=True, sort=True):
        value = part["value"].to_numpy(np.float64)
        learn_rows = int(min(np.ceil(LEARN_SHARE * value.size), LEARN_ROWS))
        parts.append(pd.DataFrame({"series": series, "timestamp": part["timestamp"], "score": unusual.scores(value, learn_rows)}))
    return pd.concat(parts, ignore_index=True)
