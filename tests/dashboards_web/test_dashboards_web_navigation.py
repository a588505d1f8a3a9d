"""Which entry of the navigation is marked on which page."""

import pytest

from dashboards.web.pages import ROUTES
from dashboards.web.visit import _entry


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("/desk", "/desk"),
        ("/alerts/7", "/desk"),
        ("/meters/wm-1", "/energy"),
        ("/prices", "/energy"),
        ("/detectors/burst", "/findings"),
        ("/dead-letters", "/devices"),
        ("/read", "/data"),
        ("/a/RS-1", "/assets"),
        ("/report/dorm-a", "/reports"),
        ("/offline", ""),
    ],
)
def test_a_page_belongs_to_one_entry(path: str, entry: str) -> None:
    assert _entry(path) == entry


def test_every_page_belongs_to_an_entry() -> None:
    assert [path for path, _ in ROUTES if path != "/" and not _entry(path)] == []
