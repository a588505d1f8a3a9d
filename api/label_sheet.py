"""Sheets of labels as PDF: a QR code, what it belongs to, and whose it is. A4, cut or pre-cut; knows nothing of assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import segno
from fontTools.ttLib import TTCollection, TTLibError  # type: ignore[import-untyped]
from fpdf import FPDF
from fpdf.errors import FPDFException

from api.errors import Refused
from devices.errors import BadInput

PAGE_W_MM, PAGE_H_MM = 210.0, 297.0
LABELS_MAX = 1000
_PAD_MM = 2.5
FONT = "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """`address` goes into the code; `title` is what people look for; the lines stand below it, the last one smallest."""

    address: str
    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """How labels lie on A4: without gaps, centred, as on sheets one buys (3 x 8 of 70 x 37 mm). `skip`: places already used up."""

    width_mm: float = 70.0
    height_mm: float = 37.0
    skip: int = 0
    border: bool = True

    @property
    def columns(self) -> int:
        return int(PAGE_W_MM // self.width_mm)

    @property
    def rows(self) -> int:
        return int(PAGE_H_MM // self.height_mm)

    def place(self, number: int) -> tuple[int, float, float]:
        """(page, x, y) in mm of the label with that number, counted from 0 over all pages."""
        page, on_page = divmod(number, self.columns * self.rows)
        row, column = divmod(on_page, self.columns)
        left = (PAGE_W_MM - self.columns * self.width_mm) / 2
        top = (PAGE_H_MM - self.rows * self.height_mm) / 2
        return page, left + column * self.width_mm, top + row * self.height_mm


def sheet_pdf(labels: Sequence[Label], sheet: Sheet, *, font: Path, heading: str) -> bytes:
    """Raises BadInput for nothing or too much to print, Refused 503 where the font cannot be used."""
    if not labels:
        raise BadInput("nothing to print: no label fits this choice", place="labels")
    if len(labels) > LABELS_MAX:
        raise BadInput(f"{len(labels)} labels are too many for one file, at most {LABELS_MAX}: choose fewer", place="labels")
    pdf = document(font)
    pages = 0
    for number, label in enumerate(labels, start=sheet.skip):
        page, x, y = sheet.place(number)
        while pages <= page:
            pdf.add_page()
            pages += 1
        _draw(pdf, label, sheet, (x, y), heading)
    return bytes(pdf.output())


def document(font: Path) -> FPDF:
    """Empty, with `FONT` in it. Raises Refused 503 where that font cannot be used."""
    pdf = FPDF(unit="mm", format="A4")
    pdf.set_auto_page_break(False)
    try:
        pdf.add_font(FONT, fname=font, collection_font_number=_simplified_chinese(font))
    except (OSError, FPDFException, TTLibError, ValueError, KeyError) as error:
        raise Refused(
            503,
            f"printing needs a font with Chinese characters, {font} cannot be used ({error}): "
            "install fonts-noto-cjk or set labels.font",
        ) from None
    return pdf


def _simplified_chinese(font: Path) -> int:
    """The number of the font within a collection that draws characters as they are written in China; 0 for a single font."""
    if font.suffix.lower() not in {".ttc", ".otc"}:
        return 0
    with TTCollection(font, lazy=True) as collection:
        names = [str(one["name"].getDebugName(4) or "") for one in collection.fonts]
    return next((number for number, name in enumerate(names) if " SC" in name and "Mono" not in name), 0)


def _draw(pdf: FPDF, label: Label, sheet: Sheet, at: tuple[float, float], heading: str) -> None:
    x, y = at
    if sheet.border:
        pdf.set_line_width(0.1)
        pdf.set_draw_color(190)
        pdf.rect(x, y, sheet.width_mm, sheet.height_mm)
    side = min(sheet.height_mm - 2 * _PAD_MM, sheet.width_mm * 0.45)
    _draw_code(pdf, label.address, (x + _PAD_MM, y + (sheet.height_mm - side) / 2), side)
    left = x + side + 2 * _PAD_MM
    width = sheet.width_mm - side - 3 * _PAD_MM
    scale = min(1.0, sheet.height_mm / 30, width / 24)
    top = y + _PAD_MM
    for text, size_pt, lines in _texts(label, heading):
        pdf.set_font(FONT, size=size_pt * scale)
        step = size_pt * scale * 0.3528 * 1.25  # points to mm, with some air
        for line in _wrapped(pdf, text, width, lines):
            if top + step > y + sheet.height_mm - _PAD_MM / 2:
                return
            pdf.text(left, top + step * 0.8, line)
            top += step
        top += step * 0.2


def _texts(label: Label, heading: str) -> list[tuple[str, float, int]]:
    """(text, size in points, lines at most)"""
    return [
        (heading, 7.5, 1),
        (label.title, 10.5, 2),
        *((line, 8.0, 1) for line in label.lines[:-1]),
        *((line, 7.0, 2) for line in label.lines[-1:]),
    ]


def _draw_code(pdf: FPDF, address: str, at: tuple[float, float], side: float) -> None:
    """As rectangles, one for each run of dark modules: sharp at any size."""
    code = segno.make(address, error="m", micro=False)
    rows = [bytes(row) for row in code.matrix_iter(scale=1, border=2)]
    module = side / len(rows)
    pdf.set_fill_color(0)
    for number, row in enumerate(rows):
        start = row.find(1)
        while start >= 0:
            end = row.find(0, start)
            end = len(row) if end < 0 else end
            pdf.rect(at[0] + start * module, at[1] + number * module, (end - start) * module, module * 1.01, style="F")
            start = row.find(1, end)


def _wrapped(pdf: FPDF, text: str, width: float, lines: int) -> list[str]:
    """Broken where the width ends, Latin lines at a space; what does not fit ends in an ellipsis."""
    shown: list[str] = []
    rest = " ".join(text.split())
    while rest and len(shown) < lines:
        count = len(rest)
        while count > 1 and pdf.get_string_width(rest[:count]) > width:
            count -= 1
        space = rest.rfind(" ", 1, count + 1)
        if count < len(rest) and space > 0 and rest[: count + 1].isascii():
            count = space
        shown.append(rest[:count].rstrip())
        rest = rest[count:].lstrip()
    if rest and shown:
        shown[-1] = shown[-1][:-1] + "…"
    return shown
