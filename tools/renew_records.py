# ruff: noqa: INP001 - a script, not a package
"""Measures the shipped detectors and writes analytics/records.json: `python tools/renew_records.py [--weeks 8] [SET=DIR ...]`.

SET=DIR (campus, dorm, leakdb, nab) adds what the folder's own score.py says of the alarms that `caretaker evaluate` writes; without
it what the file says of that set is kept.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "analytics" / "records.json"
ABOUT = {
    "campus": "public half of hourly campus meters with faults put in by others",
    "dorm": "public half of dormitory rooms at ten seconds with appliances by others",
    "leakdb": "public half of LeakDB water networks",
    "nab": "public half of the Numenta Anomaly Benchmark",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("sets", nargs="*", metavar="SET=DIR")
    given = parser.parse_args()
    known = {one["set"]: one for one in json.loads(FILE.read_text(encoding="utf-8"))} if FILE.exists() else {}
    known["demo"] = demo(given.weeks)
    for word in given.sets:
        name, _, folder = word.partition("=")
        known[name] = third_party(name, Path(folder))
    FILE.write_text(json.dumps(list(known.values()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


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
    """Single numbers only; `np.float64(0.5)` is read as 0.5."""
    plain = re.sub(r"np\.\w+\(([^()]*)\)", r"\1", printed)
    if plain.lstrip().startswith("{"):
        told = ast.literal_eval(plain.strip())
        return {name: round(float(value), 4) for name, value in told.items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in re.findall(r"^(\w+) (-?\d+(?:\.\d+)?)", plain, re.MULTILINE)}


def _run(*arguments: str) -> str:
    return subprocess.run([sys.executable, *arguments], check=True, text=True, stdout=subprocess.PIPE, cwd=FILE.parents[1]).stdout  # noqa: S603


if __name__ == "__main__":
    main()
