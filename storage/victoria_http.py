"""HTTP to a VictoriaMetrics, single node or cluster; the only file that knows its addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import urllib3
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from devices.errors import DependencyFailed

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_EPOCH_S = "172800"
"""Two days after 1970: questions that begin before find nothing at all (seen with 1.79)."""

_STARTED = re.compile(rb"^vm_app_start_timestamp(?:\{[^}]*\})? (\S+)", re.MULTILINE)
_IGNORED = re.compile(rb'^vm_rows_ignored_total\{reason="(?:small|big)_timestamp"\} (\S+)', re.MULTILINE)
_DEDUP = re.compile(rb'flag\{name="dedup\.minScrapeInterval", value="([^"]*)"')

_REMEDY = {
    401: "it asks for a user and password or a token; set them in [store]",
    403: "these credentials may not do this",
    404: "no VictoriaMetrics there; correct url and read_url in [store]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`url` takes writes, `read_url` answers: vminsert's /insert/0 and vmselect's /select/0/prometheus in a cluster.

    A single node does both; then `read_url` is empty.
    """

    url: str
    read_url: str = ""
    username: str = ""
    password: SecretStr | None = None
    token: SecretStr | None = None
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """`started`: changes when the server starts again. `ignored`: rows it dropped for their time. None: it does not tell."""

    started: bytes | None = None
    ignored: int | None = None


class VictoriaHttp:
    """Any thread. Each call raises DependencyFailed where the server does not do as asked."""

    def __init__(self, access: Access) -> None:
        self._what = f"VictoriaMetrics at {access.url}"
        self._write_url = access.url.rstrip("/")
        self._read_url = (access.read_url or access.url).rstrip("/")
        timeout = urllib3.Timeout(connect=3.0, read=access.timeout_s)
        self._pool: Any = urllib3.PoolManager(timeout=timeout, maxsize=8, headers=_headers(access), retries=False)

    def close(self) -> None:
        self._pool.clear()

    def write(self, packed_lines: bytes) -> None:
        """Lines of the Influx protocol, gzipped, times in milliseconds."""
        url = f"{self._write_url}/influx/write?precision=ms"
        self._asked("POST", url, body=packed_lines, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})

    def export(self, selector: str, start_ms: int, end_ms: int) -> bytes:
        """JSON lines of the samples in at least [start_ms, end_ms)."""
        fields = {"match[]": selector, "start": _seconds(max(0, start_ms - 1)), "end": _seconds(end_ms + 1)}
        return self._read("/api/v1/export", fields)

    def query(self, text: str, at_ms: int) -> list[tuple[dict[str, str], float]]:
        """(labels, value) of an instant query."""
        answer = msgspec.json.decode(self._read("/api/v1/query", {"query": text, "time": _seconds(at_ms), "nocache": "1"}))
        return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]

    def series(self, selector: str) -> list[dict[str, str]]:
        """Labels of all that was ever kept."""
        answer = self._read("/api/v1/series", {"match[]": selector, "start": _EPOCH_S, "end": "4102444800"})
        labels: list[dict[str, str]] = msgspec.json.decode(answer)["data"]
        return labels

    def delete(self, selector: str) -> None:
        url = self._read_url.replace("/select/", "/delete/", 1) + "/api/v1/admin/tsdb/delete_series"
        self._asked("POST", url, fields={"match[]": selector})

    def make_visible(self) -> bool:
        """What was taken can be found on return. False where the server has no such thing (cluster): then within a second."""
        return self._may_lack("/internal/force_flush")

    def make_durable(self) -> bool:
        """What was taken survives a kill on return: a snapshot is on the disk. False where the server has no such thing."""
        url = f"{self._write_url}/snapshot/create"
        try:
            answer = msgspec.json.decode(self._asked("GET", url))
            self._asked("GET", f"{self._write_url}/snapshot/delete?snapshot={answer['snapshot']}")
        except DependencyFailed as failure:
            if failure.transient:
                raise
            return False
        except (msgspec.DecodeError, KeyError, TypeError):
            return False
        return True

    def state(self) -> ServerState:
        try:
            page = self._asked("GET", f"{self._write_url}/metrics")
        except DependencyFailed as failure:
            if failure.transient:
                raise
            return ServerState()
        ignored = [int(float(number)) for number in _IGNORED.findall(page)]
        started = _STARTED.search(page)
        self._refuse_deduplication(page)
        return ServerState(started=started[1] if started else None, ignored=sum(ignored) if started else None)

    def _refuse_deduplication(self, page: bytes) -> None:
        interval = _DEDUP.search(page)
        if interval is not None and interval[1] not in {b"", b"0", b"0s", b"1ms"}:
            said = interval[1].decode("ascii", "replace")
            raise DependencyFailed(
                f"{self._what} drops readings (-dedup.minScrapeInterval={said}); start it with 1ms or without it", transient=False
            )

    def _may_lack(self, path: str) -> bool:
        try:
            self._asked("GET", self._write_url + path)
        except DependencyFailed as failure:
            if failure.transient:
                raise
            return False
        return True

    def _read(self, path: str, fields: dict[str, str]) -> bytes:
        # A cluster that cannot reach all of its storage must say so, not answer with a part.
        return self._asked("POST", self._read_url + path, fields=fields | {"deny_partial_response": "1"})

    def _asked(
        self,
        method: str,
        url: str,
        *,
        fields: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        more: dict[str, Any] = {"body": body} if fields is None else {"fields": dict(fields), "encode_multipart": False}
        try:
            answer = self._pool.request(method, url, headers=(self._pool.headers | headers) if headers else None, **more)
        except (HTTPError, OSError) as error:
            raise DependencyFailed(f"{self._what} does not answer: {error}", transient=True) from error
        if answer.status >= 300:
            raise self._failed(answer.status, bytes(answer.data), answer.headers.get("Retry-After"))
        return bytes(answer.data)

    def _failed(self, status: int, said: bytes, retry_after: str | None) -> DependencyFailed:
        remedy = _REMEDY.get(status, said[:300].decode("utf-8", "replace").strip() or "no reason given")
        wait_s = float(retry_after) if retry_after and retry_after.isdecimal() else 1.0
        return DependencyFailed(f"{self._what} answers {status}: {remedy}", transient=status in _TRANSIENT, retry_after_s=wait_s)


def _headers(access: Access) -> dict[str, str]:
    if access.token is not None:
        return {"Authorization": f"Bearer {access.token.get_secret_value()}"}
    if access.username and access.password is not None:
        made: dict[str, str] = urllib3.make_headers(basic_auth=f"{access.username}:{access.password.get_secret_value()}")
        return made
    return {}


def _seconds(ts_ms: int) -> str:
    return f"{ts_ms // 1000}.{ts_ms % 1000:03d}"
