# ruff: noqa: INP001 - a script, not a package
"""Our plain rules beside scikit-learn's models: `python tools/compare_models.py SET DIR`; docs/adr/014 keeps the figures.

SET campus: what is normal for an hour (like days beside gradient boosting and its quantile regression) and the day's use one and
seven days ahead (like days at last week's level beside gradient boosting), on the electricity meters of campus.parquet. Models
learn from the first year, all are judged on the second, hours with a labelled fault left out. SET nab: novelty beside an
isolation forest that is refitted as the past grows, by the folder's own score.py. Fixed seeds.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest

from analytics.arrays import HOUR_MS, Floats
from analytics.baseline import learn
from analytics.calendar import hour_table
from analytics.detectors import unusual
from analytics.forecast import forecast
from analytics.hourly import Hourly, until
from devices.model import UseType
from runtime.datasets import CALENDAR
from runtime.datasets_streams import LEARN_ROWS, LEARN_SHARE

YEAR_H = 365 * 24
SEED = 5
STEP_DAYS = 7
"""Every so many days a forecast is made."""
WINDOWS = (1, 6, 36)
REFITS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=("campus", "nab"))
    parser.add_argument("directory", type=Path)
    parser.add_argument("--meters", type=int, default=12, help="of campus, the first so many electricity meters")
    given = parser.parse_args()
    for line in campus(given.directory, given.meters) if given.set == "campus" else nab(given.directory):
        print(line, flush=True)  # noqa: T201 - what the tool is for


# ---- campus


def campus(directory: Path, meters: int) -> Iterator[str]:
    hours, days = [], []
    for _, hourly, sound in islice(_meters(directory), meters):
        hours.append(_hour_errors(hourly, sound))
        days.append(_day_errors(hourly, sound))
    names = ("expected hour, % of the mean", "10 % quantile, pinball loss in % of the mean", "90 % quantile, likewise")
    for name, (rule, model) in zip(names, np.median(hours, axis=0), strict=True):
        yield f"{name}: like days {rule:.2f}, gradient boosting {model:.2f} (middle of {len(hours)} meters)"
    for name, (rule, model) in zip(("one day ahead", "seven days ahead"), np.median(days, axis=0), strict=True):
        yield f"{name}, % of the mean day: like days {rule:.2f}, gradient boosting {model:.2f}"


def _meters(directory: Path) -> Iterator[tuple[str, Hourly, Floats]]:
    """Each electricity meter with its hours, and 1 where no fault is labelled."""
    table = pd.read_parquet(directory / "campus.parquet", columns=["meter", "kind", "timestamp", "value", "label"])
    for name, part in table[table["kind"] == "electricity_kWh"].groupby("meter", observed=True):
        ts_ms = part["timestamp"].to_numpy().astype("datetime64[ms]").astype(np.int64) // HOUR_MS * HOUR_MS
        value = np.maximum(part["value"].to_numpy(np.float64), 0)
        hourly, sound = _table(ts_ms, value), np.nan_to_num(_table(ts_ms, part["label"].to_numpy() == 0).consumption)
        yield str(name), hourly, sound


def _table(ts_ms: np.ndarray, value: Floats) -> Hourly:
    """All hours, however long ago: on_grid keeps MAX_DAYS."""
    grid = np.full((int(ts_ms[-1] - ts_ms[0]) // HOUR_MS) + 1, np.nan)
    grid[(ts_ms - ts_ms[0]) // HOUR_MS] = value
    return Hourly(start_ms=int(ts_ms[0]), consumption=grid, quality=np.zeros(grid.size, np.uint8), least=grid)


def _hour_errors(hourly: Hourly, sound: Floats) -> Floats:
    """(expected, low, high) x (rule, model)."""
    table = hour_table(CALENDAR, UseType.TEACHING, hourly.start_ms, hourly.size)
    normal, used = learn(hourly.measured, table), hourly.measured
    features = _hour_features(used, table.hour, table.day_class)
    judged = np.arange(used.size) >= used.size - YEAR_H
    learned = ~judged & np.isfinite(used)
    judged &= (sound > 0) & np.isfinite(used) & np.isfinite(normal.low)
    mean, found = float(used[judged].mean()), []
    for share, rule in ((0.5, normal.expected), (0.1, normal.low), (0.9, normal.high)):
        model = HistGradientBoostingRegressor(loss="quantile", quantile=share, random_state=SEED)
        said = model.fit(features[learned], used[learned]).predict(features[judged])
        losses = [_pinball(used[judged] - one, share) / mean * 100 for one in (rule[judged], said)]
        found.append([2 * loss for loss in losses] if share == 0.5 else losses)  # at the median twice the loss is the error
    return np.array(found)


def _hour_features(used: Floats, hour: np.ndarray, day_class: np.ndarray) -> Floats:
    lags = [np.concatenate((np.full(lag, np.nan), used[:-lag])) for lag in (24, 48, 168, 336)]
    week = pd.Series(lags[0]).rolling(168, min_periods=24).mean().to_numpy()
    at = np.arange(used.size)
    season = [np.sin(2 * np.pi * at / 8766), np.cos(2 * np.pi * at / 8766)]
    return np.column_stack([hour, day_class, at // 24 % 7, *season, *lags, week])


def _pinball(miss: Floats, share: float) -> float:
    return float(np.mean(np.maximum(share * miss, (share - 1) * miss)))


def _day_errors(hourly: Hourly, sound: Floats) -> Floats:
    """(one, seven days ahead) x (rule, model)."""
    days = hourly.size // 24
    daily = hourly.measured[: days * 24].reshape(days, 24).sum(axis=1)
    clean = sound[: days * 24].reshape(days, 24).min(axis=1) > 0
    mean = float(np.nanmean(daily))
    misses: dict[tuple[int, str], list[float]] = {(lead, who): [] for lead in (1, 7) for who in ("rule", "model")}
    models = {lead: _day_model(daily, lead, days - 365) for lead in (1, 7)}
    for day in range(days - 365, days - 7, STEP_DAYS):
        past = until(hourly, hourly.start_ms + day * 24 * HOUR_MS)
        ahead = {one.day: one for one in forecast(past, CALENDAR, UseType.TEACHING)}
        for lead in (1, 7):
            target = day + lead - 1
            on = date(1970, 1, 1) + timedelta(days=hourly.start_ms // HOUR_MS // 24 + target)
            if on in ahead and np.isfinite(daily[target]) and clean[target]:
                misses[lead, "rule"].append(abs(ahead[on].expected - daily[target]))
                said = models[lead].predict(_day_features(daily, lead)[target : target + 1])[0]
                misses[lead, "model"].append(abs(float(said) - daily[target]))
    return np.array([[100 * np.mean(misses[lead, who]) / mean for who in ("rule", "model")] for lead in (1, 7)])


def _day_model(daily: Floats, lead: int, before: int) -> HistGradientBoostingRegressor:
    learned = np.flatnonzero(np.isfinite(daily[:before]))
    model = HistGradientBoostingRegressor(loss="absolute_error", random_state=SEED)
    return model.fit(_day_features(daily, lead)[learned], daily[learned])


def _day_features(daily: Floats, lead: int) -> Floats:
    lags = [np.concatenate((np.full(lag, np.nan), daily[:-lag])) for lag in (lead, lead + 1, 7, 14, 21)]
    week = pd.Series(lags[0]).rolling(7, min_periods=3).mean().to_numpy()
    at = np.arange(daily.size)
    return np.column_stack([at % 7, np.sin(2 * np.pi * at / 365.25), np.cos(2 * np.pi * at / 365.25), *lags, week])


# ---- nab


def nab(directory: Path) -> Iterator[str]:
    table = pd.read_parquet(directory / "nab.parquet", columns=["series", "timestamp", "value"])
    ours, forest = [], []
    for series, part in table.groupby("series", observed=True, sort=True):
        value = part["value"].to_numpy(np.float64)
        learn_rows = int(min(np.ceil(LEARN_SHARE * value.size), LEARN_ROWS))
        for rows, score in ((ours, unusual.scores(value, learn_rows)), (forest, _forest(value, learn_rows))):
            rows.append(pd.DataFrame({"series": series, "timestamp": part["timestamp"], "score": score}))
    for name, rows in (("novelty", ours), ("isolation forest", forest)):
        yield f"{name}:\n{_judged(pd.concat(rows, ignore_index=True), directory)}"


def _forest(value: Floats, learn_rows: int) -> Floats:
    """0.5 where a row is as odd as the oddest of those that the forest learned from; at most one alarm in a quarter of them."""
    features = _stream_features(value)
    score = np.zeros(value.size)
    edges = np.unique(np.linspace(learn_rows, value.size, REFITS + 1).astype(int))
    for first, last in pairwise(edges.tolist()):
        model = IsolationForest(random_state=SEED).fit(features[:first])
        known, new = -model.score_samples(features[:first]), -model.score_samples(features[first:last])
        middle = float(np.median(known))
        score[first:last] = np.clip((new - middle) / max(float(known.max()) - middle, 1e-9) / 2, 0, 1)
    return _held(score, round(unusual.PARAMS.hold * learn_rows))


def _held(score: Floats, rows: int) -> Floats:
    """Both are held alike."""
    calm, last = np.minimum(score, 0.499), -rows - 1
    for index in np.flatnonzero(score >= 0.5).tolist():
        if index - last > rows:
            calm[index], last = score[index], index
    return calm


def _stream_features(value: Floats) -> Floats:
    series = pd.Series(value).ffill().fillna(0.0)
    rolled = [series.rolling(window, min_periods=1) for window in WINDOWS[1:]]
    parts = [series, series.diff().fillna(0.0), *(one.mean() for one in rolled), *(one.std().fillna(0.0) for one in rolled)]
    return np.column_stack([part.to_numpy() for part in parts])


def _judged(scores: pd.DataFrame, directory: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scores.parquet"
        scores.to_parquet(file, index=False)
        command = [sys.executable, directory / "score.py", file, directory / "windows.json"]
        return "\n".join(
            subprocess.run([*command, *threshold], check=True, capture_output=True, text=True).stdout.splitlines()[0]  # noqa: S603
            for threshold in (["0.5"], [])
        )


if __name__ == "__main__":
    main()
