"""Tables that leave by download: CSV that Excel opens as UTF-8, and workbooks. No cell of them runs as a formula."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from enum import StrEnum

from fastapi import Response
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from devices.errors import BadInput
from ingest.tables import formula_safe

Cell = str | int | float | bool | None
UNPACKED_MAX = 64 << 20
"""Bytes that a workbook handed in may unpack to; one of 1 MB could otherwise hold a thousand times that."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def download(form: Format, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """`name` without its ending, in ASCII."""
    body = csv_bytes(header, rows) if form is Format.CSV else xlsx_bytes(name, header, rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(body, media_type=MEDIA_TYPES[form], headers=headers)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_safe(cell) for cell in header])
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def xlsx_bytes(title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for row in (header, *rows):
        cells = [WriteOnlyCell(sheet, value=_safe(cell)) for cell in row]
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def check_unpacked(data: bytes, place: str) -> None:
    """Raises BadInput for a workbook that unpacks to more than we read."""
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError):
        raise BadInput("the workbook is damaged; save it again as .xlsx", place=place) from None
    if unpacked > UNPACKED_MAX:
        raise BadInput(f"the workbook unpacks to more than {UNPACKED_MAX >> 20} MB; split it or save it as CSV", place=place)


def plain(text: str) -> str:
    """What `formula_safe` put in front is taken off again, so that an export can be brought in."""
    return text[1:] if text.startswith("'") and formula_safe(text[1:]) == text else text


def _safe(cell: Cell) -> Cell:
    return formula_safe(_CONTROL.sub("", cell)) if isinstance(cell, str) else cell
