"""The house plan as data: which package may import which, which names are forbidden, and that the README's map is true."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MODELS = (
    *("alerts.model", "maintenance.model", "ingest.dead_letter"),
    *("analytics.finding", "analytics.notes", "analytics.entry", "analytics.prices", "analytics.virtual_meter"),
    *("analytics.label", "analytics.rule", "analytics.budget", "analytics.quota"),
)
ARROWS: dict[str, tuple[str, ...]] = {
    "devices": (),
    "ingest": ("devices",),
    "analytics": ("devices",),
    "alerts": ("devices", "analytics.finding"),
    "maintenance": ("devices", "alerts.model"),
    "storage": ("devices", *MODELS),
    "api": ("devices", "ingest", "analytics", "alerts", "maintenance", "storage"),
    "dashboards": (),
    "simulators": ("devices",),
    "runtime": ("devices", "ingest", "analytics", "alerts", "maintenance", "storage", "api", "dashboards", "simulators"),
}
FORBIDDEN_FILES = {"utils.py", "util.py", "base.py", "manager.py", "helpers.py", "common.py", "misc.py"}
CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "monotonic"),
}
CLOCK_OWNERS = {"runtime"}
FILES = [path for package in ARROWS for path in sorted((ROOT / package).rglob("*.py"))]


def imported_modules(tree: ast.AST) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def allowed(package: str, module: str) -> bool:
    top = module.split(".", maxsplit=1)[0]
    if top not in ARROWS or top == package:
        return True
    if top == module and any(arrow.startswith(top + ".") for arrow in ARROWS[package]):
        return True  # `from alerts import model` names the package first; the second name decides
    return any(module == arrow or module.startswith(arrow + ".") for arrow in ARROWS[package])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    wrong = [module for module in imported_modules(ast.parse(path.read_text())) if not allowed(package, module)]
    assert not wrong, f"{path.relative_to(ROOT)} may not import {wrong}"


def test_the_plan_has_no_cycle() -> None:
    def reaches(start: str, goal: str, seen: frozenset[str] = frozenset()) -> bool:
        nexts = {arrow.split(".")[0] for arrow in ARROWS[start]} - seen
        return goal in nexts or any(reaches(step, goal, seen | {step}) for step in nexts)

    assert not [package for package in ARROWS if reaches(package, package)]


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert not [path for path in FILES if path.name in FORBIDDEN_FILES]


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.relative_to(ROOT).parts[0] not in CLOCK_OWNERS], ids=lambda p: str(p.relative_to(ROOT))
)
def test_only_the_runtime_reads_a_clock(path: Path) -> None:
    reads = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in CLOCKS
    ]
    assert not reads, f"{path.relative_to(ROOT)} reads a clock at {reads}; take `now` as an argument"


def test_every_package_is_listed_for_installation() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    real = {".".join(path.parent.relative_to(ROOT).parts) for path in FILES if path.name == "__init__.py"}
    assert listed == real


def test_the_readme_map_names_real_folders() -> None:
    rows = re.findall(r"^\| `(\w+)/` \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert set(rows) >= set(ARROWS), "a package is missing from the README's table"
    assert all((ROOT / row).is_dir() for row in rows)
