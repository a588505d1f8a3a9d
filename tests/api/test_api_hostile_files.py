"""Files that leave: no cell of them runs in a spreadsheet, no line of a stream or of metrics is the sender's."""

import csv
import io
from urllib.parse import quote

import pytest
from openpyxl import load_workbook

from api.app import api_routes
from tests.fakes import hostile
from tests.fixtures_api import Campus

FILES = {
    "/api/v1/assets/export": {},
    "/api/v1/assets/report/file": {"by": "building"},
    "/api/v1/exports/spaces": {},
    "/api/v1/exports/devices": {},
    "/api/v1/exports/readings": {"start": "2026-11-15T00:00", "end": "2026-11-18T23:00"},
    "/api/v1/stocktakes/{stocktake_id}/file": {},
    "/api/v1/devices/{device_id}/record/file": {},
}
PDFS = ("/api/v1/assets/labels.pdf", "/api/v1/space-labels.pdf")
CSV_ONLY = {"/api/v1/exports/readings"}
OF_NOBODY = {"/api/v1/assets/report/file", "/api/v1/exports/readings", "/api/v1/devices/{device_id}/record/file"}
"""Numbers under names of ours."""

RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cells(body: bytes, form: str) -> list[list[object]]:
    if form == "csv":
        return [list(row) for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))]
    return [list(row) for row in load_workbook(io.BytesIO(body)).worksheets[0].iter_rows(values_only=True)]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_every_file_is_here() -> None:
    told = {route.path for route in api_routes() if route.path.endswith(("/file", "/export")) or "/exports/" in route.path}
    assert told == set(FILES)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_no_cell_runs(campus: Campus, form: str) -> None:
    hostile.settle(campus)
    admin = campus.as_user("admin")
    for path, query in FILES.items():
        address = path.format(stocktake_id=1, device_id=quote(hostile.COLD, safe=""))
        for lang in ("en", "zh-CN"):
            answer = admin.get(address, params={**query, "format": form, "lang": lang})
            if path in CSV_ONLY and form == "xlsx":
                assert answer.status_code == 422
                continue
            assert answer.status_code == 200, f"{path}: {answer.text}"
            rows = cells(answer.content, form)
            assert len(rows) > 1, path
            text = [cell for row in rows for cell in row if isinstance(cell, str) and not is_number(cell)]
            assert not [cell for cell in text if cell.startswith(RUNS)], path
            assert path in OF_NOBODY or any("=1+1" in cell or "xss" in cell.lower() for cell in text), (
                f"{path}: nothing of the senders"
            )


def test_labels_are_drawn_of_any_text(campus: Campus) -> None:
    hostile.settle(campus)
    for path in PDFS:
        answer = campus.as_user("admin").get(path)
        if answer.status_code == 503:
            pytest.skip("the font of labels is not installed here")
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(b"%PDF")
        assert b"/JavaScript" not in answer.content
        assert b"/URI" not in answer.content


def test_metrics_are_one_line_each(campus: Campus) -> None:
    hostile.settle(campus)
    for line in campus.anonymous().get("/metrics").text.splitlines():
        assert line.startswith(("#", "caretaker_")), line
        assert "xss" not in line
