"""Streams of third parties (a water network, anything else) through the shipped detectors, causally; labels are never read."""

from pathlib import Path

import numpy as np
import pandas as pd

from analytics.arrays import Floats
from analytics.detectors import network_leak, unusual
from runtime.datasets import read_table
from runtime.partitions import map_partitions

ROWS_PER_DAY = 48
"""LeakDB's half hours."""
LEARN_SHARE, LEARN_ROWS = 0.15, 750
"""NAB's probation: the first 15 % of a series, at most 750 rows."""


def leakdb(directory: Path, scheduler: str = "") -> pd.DataFrame:
    """Columns scenario, t, pred (1 while a leak is told), from leakdb.parquet (scenario, t, inflow_m3h)."""
    table = read_table(directory / "leakdb.parquet", ["scenario", "t", "inflow_m3h"]).sort_values(["scenario", "t"])
    parts = list(table.groupby("scenario", sort=True))
    leaking = map_partitions(_leaking, [part["inflow_m3h"].to_numpy(np.float64) for _, part in parts], scheduler)
    rows = (
        pd.DataFrame({"scenario": scenario, "t": part["t"], "pred": pred})
        for (scenario, part), pred in zip(parts, leaking, strict=True)
    )
    return pd.concat(rows, ignore_index=True)


def _leaking(inflow: Floats) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    return network_leak.detect(inflow, ROWS_PER_DAY).astype(np.int8)


def nab(directory: Path, scheduler: str = "") -> pd.DataFrame:
    """Columns series, timestamp, score (0..1, alarms from 0.5 on), from nab.parquet (series, timestamp, value)."""
    table = read_table(directory / "nab.parquet", ["series", "timestamp", "value"])
    parts = list(table.groupby("series", observed=True, sort=True))
    scored = map_partitions(_scores, [part["value"].to_numpy(np.float64) for _, part in parts], scheduler)
    rows = (
        pd.DataFrame({"series": series, "timestamp": part["timestamp"], "score": score})
        for (series, part), score in zip(parts, scored, strict=True)
    )
    return pd.concat(rows, ignore_index=True)


def _scores(value: Floats) -> Floats:
    return unusual.scores(value, int(min(np.ceil(LEARN_SHARE * value.size), LEARN_ROWS)))
