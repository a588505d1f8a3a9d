"""Detectors on the pages: every parameter and every detector has words in both languages."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from analytics.finding import FindingKind
from analytics.parameters import parameters_of, sheet
from dashboards.web.text import Text
from dashboards.web.words_detectors import DETECTOR_WORDS, PARAMETER_WORDS

KINDS = [kind for kind in FindingKind if sheet(kind) is not None]
READERS = [Text(lang=lang, zone=ZoneInfo("Asia/Shanghai"), now=datetime(2026, 3, 2, tzinfo=UTC)) for lang in ("en", "zh-CN")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_has_a_name_and_a_unit_in_both_languages(kind: FindingKind) -> None:
    for name, parameter in parameters_of(kind).items():
        assert name in PARAMETER_WORDS, f"{kind}: name the parameter {name!r} in words_detectors.PARAMETER_WORDS"
        english, chinese = (reader.gettext(PARAMETER_WORDS[name]) for reader in READERS)
        assert "_" not in english
        assert re.search(r"[\u4e00-\u9fff]", chinese), f"no Chinese for {english!r}"
        assert parameter.unit == "1" or READERS[0].unit(parameter.unit)


@pytest.mark.parametrize("kind", KINDS)
def test_every_detector_says_what_for_and_when_it_fails_in_both_languages(kind: FindingKind) -> None:
    for words in DETECTOR_WORDS[kind]:
        assert words
        assert re.search(r"[\u4e00-\u9fff]", READERS[1].gettext(words)), words
