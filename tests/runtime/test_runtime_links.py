"""`caretaker links`: what people say of devices; secrets come by standard input and never back."""

import io
import json
from pathlib import Path

import pytest

from runtime.cli import run
from runtime.databases import open_database
from runtime.settings import load
from storage.audit_store import AuditStore
from storage.link_store import LinkStore


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARETAKER_DATA_DIR", str(tmp_path / "data"))


def test_a_key_is_kept_and_never_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("00112233\n"))
    assert run("links", ["set", "device", "61070071", "--context", '{"model": "x"}', "--secret", "aes_key"]) == 0
    assert run("links", ["list", "--json"]) == 0
    shown = capsys.readouterr().out
    assert "00112233" not in shown
    (told,) = json.loads(shown.splitlines()[-1])["links"]
    assert told == {"scope": "device", "key": "61070071", "family": "", "context": {"model": "x"}, "secrets": ["aes_key"]}
    database = open_database(load())
    try:
        assert LinkStore(database).load()[0].secret == {"aes_key": "00112233"}
        (entry,) = AuditStore(database).list(limit=10)
        assert (entry.action, entry.subject) == ("link.set", "device 61070071")
        assert "00112233" not in entry.detail
    finally:
        database.close()
    assert run("links", ["remove", "device", "61070071"]) == 0
    assert run("links", ["remove", "device", "61070071"]) == 1


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["set", "topic", "a/b"], "a topic needs its family"),
        (["set", "topic", "a/#/b", "--family", "dlt645"], "no topic filter"),
        (["set", "device", "a", "--family", "dlt654"], "did you mean 'dlt645'"),
        (["set", "device", "a", "--context", "{"], "not JSON"),
        (["set", "device", "a", "--context", '{"aes_key": "1"}'], "give it by --secret"),
        (["set", "device", "a", "--secret", "pin"], "no secret 'pin'"),
        (["set", "device", "a", "--codec", "nowhere.js"], "cannot read the codec"),
    ],
)
def test_mistakes_are_told_with_their_remedy(arguments: list[str], remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("links", arguments) == 1
    assert remedy in capsys.readouterr().err
