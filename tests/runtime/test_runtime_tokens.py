"""`caretaker tokens`: told once, listed, revoked."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime import cli
from runtime import settings as configuration
from runtime.databases import open_database
from storage.token_store import TokenStore


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.run("tokens", list(arguments)) == 0
    return capsys.readouterr().out


def test_made_used_listed_and_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CARETAKER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    made = json.loads(call(capsys, "add", "boiler house", "--device", "wm-*", "--days", "0", "--json"))
    assert (made["devices"], made["expires_at"]) == (["wm-*"], None)
    assert "told this once:\nctk_" in call(capsys, "add", "other")
    assert made["secret"] not in call(capsys, "list", "--json")
    assert "boiler house" in call(capsys, "list")
    with closing(open_database(configuration.load())) as database:
        now, store = datetime.now(UTC), TokenStore(database)
        used = store.use(made["secret"], now)
        assert used is not None
        assert (used.covers("wm-7"), used.covers("em-7")) == (True, False)
        assert "is revoked" in call(capsys, "revoke", str(made["id"]))
        assert store.use(made["secret"], now) is None
    assert cli.run("tokens", ["revoke", "99"]) == 1
