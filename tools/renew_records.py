# ruff: noqa: INP001 - a script, not a package
"""Measures the shipped detectors and writes analytics/records.json: `python tools/renew_records.py [--weeks 8] [SET=DIR ...]`.

The simulated campus gives the detectors one by one (--no-demo leaves it out); SET=DIR (campus, dorm, leakdb, nab) adds what
the folder's own score.py says of the alarms that `caretaker evaluate` writes. Each is stored once it is measured, so that what
broke off can be begun again with what is left; what is not named stays as it is. Ends with 1 where one was not measured.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "analytics" / "records.json"
ABOUT = {
    "campus": "public half of hourly campus meters with faults put in by others",
    "dorm": "public half of dormitory rooms at ten seconds with appliances by others",
    "leakdb": "public half of LeakDB water networks",
    "nab": "public half of the Numenta Anomaly Benchmark",
}

_PROFILES = {"low_fp": "reward_low_FP_rate", "low_fn": "reward_low_FN_rate"}
"""As the benchmark itself calls them."""
_FALSE_ROWS, _ACCUSED = "fp_rows_per_series_month", "clean_rooms_accused"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--no-demo", action="store_true")
    parser.add_argument("sets", nargs="*", metavar="SET=DIR")
    given = parser.parse_args()
    words = given.sets if given.no_demo else ["demo", *given.sets]
    wanted = [(name, Path(folder)) for name, _, folder in (word.partition("=") for word in words)]
    if wrong := [name for name, _ in wanted if name != "demo" and name not in ABOUT]:
        parser.error(f"no set {', '.join(wrong)}; known are demo, {', '.join(ABOUT)}")
    return sum(not _renewed(name, folder, given.weeks) for name, folder in wanted) and 1


def _renewed(name: str, folder: Path, weeks: int) -> bool:
    begun = time.monotonic()
    try:
        record = demo(weeks) if name == "demo" else third_party(name, folder)
    except (subprocess.CalledProcessError, ValueError, SyntaxError) as error:
        sys.stderr.write(f"{name}: not measured, its record stays as it was: {error}\n")
        return False
    _store(record)
    sys.stderr.write(f"{name}: measured in {time.monotonic() - begun:.0f} s\n")
    return True


def _store(record: dict[str, Any]) -> None:
    """Into the file at once, in the order of the sets."""
    known = {one["set"]: one for one in json.loads(FILE.read_text(encoding="utf-8"))} if FILE.exists() else {}
    known[record["set"]] = record
    ordered = [known[name] for name in ("demo", *ABOUT) if name in known]
    new = FILE.with_suffix(".new")
    new.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(FILE)


def demo(weeks: int) -> dict[str, Any]:
    report = json.loads(_run("-m", "runtime", "evaluate", "demo", "--weeks", str(weeks), "--json"))
    return {
        "set": "demo",
        "about": f"simulated campus, {report['weeks']} weeks with faults of every kind, seed {report['seed']}",
        "command": f"caretaker evaluate demo --weeks {report['weeks']} --seed {report['seed']}",
        "detectors": [*report["detectors"], report["overall"]],
    }


def third_party(name: str, folder: Path) -> dict[str, Any]:
    """The figures that the folder's score.py prints of the alarms: a dictionary, or for nab a line for each profile."""
    with tempfile.TemporaryDirectory() as made:
        out = Path(made) / ("alarms.parquet" if name in ("leakdb", "nab") else "alarms.csv")
        _run("-m", "runtime", "evaluate", name, str(folder), "--out", str(out))
        asked: dict[str, list[Path | str]] = {
            "leakdb": [folder / "leakdb.parquet", out],
            "nab": [out, folder / "windows.json", "0.5"],
        }
        printed = _run(str(folder / "score.py"), *(str(word) for word in asked.get(name, [folder, out])))
    command = f"caretaker evaluate {name} DIR --out {out.name}"
    return {"set": name, "about": ABOUT[name], "command": command, "figures": _figures(printed)}


def _figures(printed: str) -> dict[str, float]:
    """Single numbers only; `np.float64(0.5)` is read as 0.5. Lines of several profiles give the score of each, and the rest of the
    first. Raises ValueError where there is no number."""
    plain = re.sub(r"np\.\w+\(([^()]*)\)", r"\1", printed).strip()
    if plain.startswith("{"):
        found = _numbers(plain)
    else:
        lines = [line.partition(" ") for line in plain.splitlines()]
        profiles = [(name, _numbers(rest)) for name, _, rest in lines if rest.startswith("{")]
        found = {_PROFILES.get(name, name): told["score"] for name, told in profiles if "score" in told}
        if profiles and _FALSE_ROWS in profiles[0][1]:
            found["false_rows_per_series_month"] = profiles[0][1][_FALSE_ROWS]
    if not found:
        raise ValueError(f"its score.py printed no figures: {printed[:200]!r}")
    return found


def _numbers(told: str) -> dict[str, float]:
    """Of `1/12` clean rooms one was accused."""
    figures = ast.literal_eval(told)
    if _ACCUSED in figures:
        figures[_ACCUSED] = int(str(figures[_ACCUSED]).partition("/")[0])
    return {name: round(float(value), 4) for name, value in figures.items() if isinstance(value, int | float)}


def _run(*arguments: str) -> str:
    return subprocess.run([sys.executable, *arguments], check=True, text=True, stdout=subprocess.PIPE, cwd=FILE.parents[1]).stdout  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
