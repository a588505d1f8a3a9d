"""Whatever is sent, the answer is one of ours: no 5xx, no exception, always a problem document where it is a refusal."""

import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import api_routes
from tests.fixtures_api import Campus

ROUTES = sorted(
    (min(route.methods), route.path)
    for route in api_routes()
    if route.path not in {"/api/v1/auth/logout", "/api/v1/stream", "/readyz"}
)
FILTERS = (
    *("state", "severity", "space", "device", "limit", "cursor", "kind", "active", "since", "evidence", "assignee", "reporter"),
    *("trade", "priority", "start", "end", "every", "quantity", "metric", "type", "status", "q"),
)
REAL = (
    "1",
    "0",
    "-1",
    "dorm",
    "em-lab",
    "open",
    "hour",
    "day",
    "water",
    "electricity",
    "2026-11-18",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
)
FIELDS = (
    *("space_id", "device_id", "description", "trade", "note", "assignee", "priority", "rating", "duplicate_of", "verdict"),
    *("reason", "username", "password", "cookie"),
)

text = st.one_of(
    st.sampled_from(REAL), st.text(max_size=30), st.sampled_from(("\x00", "\ud800", "%s%n", "' OR 1=1 --", "../../etc"))
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
bodies = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=5).map(lambda body: json.dumps(body).encode()),
)


def _clean(word: str) -> str:
    """What an HTTP client can put into an address."""
    return word.encode("utf-8", "replace").decode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES),
    words=st.lists(text, min_size=2, max_size=2),
    query=st.dictionaries(st.sampled_from(FILTERS), text, max_size=4),
    body=bodies,
)
def test_no_input_breaks_the_api(
    campus: Campus, route: tuple[str, str], words: list[str], query: dict[str, str], body: bytes | None
) -> None:
    method, path = route
    address = re.sub(r"\{(\w+)\}", lambda name: _path_part(words[name[1] in {"event", "family"}]), path)
    answer = campus.as_user("admin").request(
        method,
        address,
        params={name: _clean(value) for name, value in query.items()},
        content=body if method == "POST" else None,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code < 500, f"{method} {answer.request.url} {body!r}: {answer.text}"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def _path_part(word: str) -> str:
    return "".join(f"%{byte:02X}" for byte in word.encode("utf-8", "replace")) or "_"
