"""`caretaker doctor` looks and changes nothing; what depends on a missing data directory is not blamed for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.databases import open_database
from runtime.settings import Settings


def doctor(data_dir: Path) -> tuple[int, dict[str, dict[str, object]]]:
    command = [sys.executable, "-m", "runtime", "doctor", "--json"]
    done = subprocess.run(
        command, env={"PATH": "/usr/bin", "CARETAKER_DATA_DIR": str(data_dir)}, capture_output=True, text=True, check=False
    )
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)}


def test_before_the_first_start_it_says_what_makes_the_directory(tmp_path: Path) -> None:
    code, checks = doctor(tmp_path / "new")
    assert code == 1
    assert "caretaker up" in str(checks["data directory"]["remedy"])
    assert "database" not in checks
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("migrated", "ok"), [(False, False), (True, True)])
def test_the_database_of_an_installation(tmp_path: Path, *, migrated: bool, ok: bool) -> None:
    database = open_database(Settings(data_dir=tmp_path))
    if migrated:
        database.migrate()
    database.close()
    checks = doctor(tmp_path)[1]
    assert checks["database"]["ok"] is ok
    assert migrated or "caretaker migrate" in str(checks["database"]["detail"])


def test_a_wrong_value_from_the_environment_names_the_variable(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "caretaker.example.toml"
    command = [sys.executable, "-m", "runtime", "check-config", str(example)]
    done = subprocess.run(
        command, env={"PATH": "/usr/bin", "CARETAKER_HTTP_PORT": "abc"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "environment CARETAKER_HTTP_PORT: http.port" in done.stderr
