"""A record on paper (A4): whose it is, the limits, the intervals, excursions, gaps and signatures, and lines to sign on."""

from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from api.label_sheet import FONT, document
from api.record_sheet import Sheet, What
from api.sheets import Cell
from devices.errors import BadInput

ROWS_MAX = 800
_SHADE = (236, 236, 236)
_MARKED = (250, 228, 224)


def record_pdf(font: Path, sheet: Sheet) -> bytes:
    """Raises BadInput for more rows than anybody reads on paper, Refused 503 where the font cannot be used."""
    if len(sheet.shown.record.intervals) > ROWS_MAX:
        raise BadInput(f"more than {ROWS_MAX} rows; choose fewer days, or every=day", place="every")
    pdf = document(font)  # after the check: what is not put out keeps the font's file open
    pdf.set_auto_page_break(True, margin=15)
    pdf.set_margin(15)
    pdf.add_page()
    _head(pdf, sheet)
    _intervals(pdf, sheet)
    for what, zh, en, none_zh, none_en in _PARTS:
        _part(pdf, sheet, what, (sheet.say(zh, en), sheet.say(none_zh, none_en)))
    _signatures(pdf, sheet)
    return bytes(pdf.output())


_PARTS = (
    (What.EXCURSIONS, "超限记录", "Excursions", "期间没有超限。", "None in this period."),
    (What.GAPS, "数据缺失", "Gaps", "期间数据连续。", "None: there are readings throughout."),
    (What.CHECKS, "检查签字", "Signed checks", "期间无人签字。", "Nobody has signed in this period."),
)


def _head(pdf: FPDF, sheet: Sheet) -> None:
    asked, limits = sheet.shown.asked, sheet.table(What.INTERVALS)[1]
    device = asked.device
    _line(pdf, sheet.say(f"{sheet.quantity}记录", f"{sheet.quantity} record"), 16)
    place = " › ".join(step.name_zh if sheet.chinese else step.name for step in sheet.place[1:])
    _line(pdf, f"{sheet.say(*reversed(sheet.site))} › {place} › {sheet.say(device.name_zh, device.name)} ({device.id})", 10)
    low, high = (sheet.shown.limits.low, sheet.shown.limits.high)
    _line(pdf, f"{sheet.say('日期', 'Days')}: {asked.first} – {asked.last} ({sheet.zone.key})", 10)
    _line(pdf, f"{sheet.say('允许范围', 'Allowed')}: {_limit(low)} – {_limit(high)} {sheet.unit}", 10)
    outside = sum(int(row[6] or 0) for row in limits)
    unknown = sum(int(row[7] or 0) for row in limits)
    sums = sheet.say(f"超限 {outside} 分钟,无数据 {unknown} 分钟", f"outside {outside} min, unknown {unknown} min")
    _line(pdf, f"{sheet.say('合计', 'In all')}: {sums}", 10)
    _line(pdf, f"{sheet.say('打印时间', 'Printed')}: {sheet.clock(sheet.printed_at)}", 8)
    pdf.ln(2)


def _intervals(pdf: FPDF, sheet: Sheet) -> None:
    header, rows = sheet.table(What.INTERVALS)
    kept = [0, *range(2, 8), 10]
    marked = [bool(row[6] or row[7]) for row in rows]
    shown = [[sheet.when(one.start_ms) for one in sheet.shown.record.intervals][number] for number in range(len(rows))]
    body: list[list[Cell]] = [[shown[number], *(row[column] for column in kept[1:])] for number, row in enumerate(rows)]
    _table(pdf, [header[column] for column in kept], body, marked)


def _part(pdf: FPDF, sheet: Sheet, what: What, words: tuple[str, str]) -> None:
    header, rows = sheet.table(what)
    pdf.ln(4)
    _line(pdf, words[0], 12)
    if rows:
        _table(pdf, header, rows[-ROWS_MAX:], [False] * len(rows))
    else:
        _line(pdf, words[1], 9)


def _signatures(pdf: FPDF, sheet: Sheet) -> None:
    pdf.ln(8)
    if pdf.will_page_break(20):
        pdf.add_page()
    line = "_" * 24
    _line(pdf, f"{sheet.say('检查人', 'Checked by')} {line}    {sheet.say('日期', 'Date')} {line}", 10)


def _table(pdf: FPDF, header: Sequence[str], rows: Sequence[Sequence[Cell]], marked: Sequence[bool]) -> None:
    """Marked rows stand on a shade, so that what was outside or unknown is found at a glance."""
    pdf.set_font(FONT, size=8)
    pdf.set_line_width(0.1)
    pdf.set_draw_color(190)
    widths = (18, *[12] * (len(header) - 1))
    heading = FontFace(emphasis="", fill_color=_SHADE)
    lines = TableBordersLayout.HORIZONTAL_LINES
    with pdf.table(headings_style=heading, borders_layout=lines, line_height=5, col_widths=widths) as table:
        table.row(header)
        for number, row in enumerate(rows):
            style = FontFace(fill_color=_MARKED) if marked[number] else None
            table.row(["–" if cell is None else str(cell) for cell in row], style=style)


def _line(pdf: FPDF, text: str, size_pt: float) -> None:
    pdf.set_font(FONT, size=size_pt)
    pdf.multi_cell(0, size_pt * 0.55, text, new_x="LMARGIN", new_y="NEXT")


def _limit(value: float) -> str:
    return "…" if abs(value) == float("inf") else f"{value:g}"
