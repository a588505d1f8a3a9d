"""Every word that people read has its Chinese, and what is compiled is what is written."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = re.compile(r"%\(\w+\)s")


@pytest.fixture(scope="module")
def translations() -> ModuleType:
    spec = importlib.util.spec_from_file_location("translations", ROOT / "tools/translations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_message_lacks_its_translation(translations: ModuleType) -> None:
    lacking = translations.missing(translations.catalog(), translations.messages())
    assert not lacking, "run tools/translations.py extract, translate in caretaker.po, then compile"


def test_the_sentences_of_the_core_are_found(translations: ModuleType) -> None:
    spoken = dict(translations.spoken_messages())
    for sentence in (
        "Smoke alarm",
        "A burst pipe or an open hydrant below this meter",
        "Look at the camera, send a guard to the door.",
    ):
        assert sentence in spoken


def test_translations_keep_the_places(translations: ModuleType) -> None:
    for message in translations.catalog():
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        written = [message.string] if isinstance(message.string, str) else list(message.string)
        wanted = sorted(PLACES.findall(originals[0]))
        for text in written:
            assert not message.id or sorted(PLACES.findall(text)) == wanted, message.id


def test_the_compiled_catalog_is_the_written_one(translations: ModuleType) -> None:
    assert translations.MO_FILE.read_bytes() == translations.compiled(translations.catalog()), "run tools/translations.py compile"
