"""Nobody who names a device or a file writes lines of his own into our log."""

import logging

import pytest

from runtime.log_lines import one_line


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("plain 水表 text", "plain 水表 text"),
        ("em-1\n2026-11-21 ERROR root all is well", "em-1\\n2026-11-21 ERROR root all is well"),
        ("\x1b[2J\r\x07", "\\x1b[2J\\r\\x07"),
        ("left\u202eright\u2028next", "left\\u202eright\\u2028next"),
        ("100 % of\x85it", "100 % of\\x85it"),
    ],
)
def test_one_message_is_one_line(said: str, written: str) -> None:
    record = logging.LogRecord("a", logging.INFO, "f.py", 1, "heard device=%s", (said,), None)
    assert one_line(record)
    assert record.getMessage() == "heard device=" + written
