"""Tables that people hand in: CSV of any habit and Excel workbooks → rows of text with their line numbers.

Knows nothing of what the columns mean. Formulas are never computed: what Excel saved as their result counts.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import zip_longest
from typing import NamedTuple

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from devices.errors import BadInput

BYTES_MAX = 64 << 20
ROWS_MAX = 2_000_000
_COLUMNS_MAX = 500
_NAME_MAX = 200
"""Characters of a column's name, which patterns are looked for in."""

_EMPTY_MAX = 100_000
"""Lines without a cell: a workbook of 5 KB can count thousands of millions of them."""

_UNPACKED_MAX = 1 << 30
_HELD_MAX = 128 << 20
"""What of a workbook stands in memory as a whole: its texts and styles. Its rows pass by."""

_DELIMITERS = (",", ";", "\t", "|")
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SHEETS = "xl/worksheets/"
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Chinese and Japanese spreadsheets take the wide signs for formulas too."""


class Row(NamedTuple):
    """`number` counts as the spreadsheet does, from 1 for the file's first line; `cells` by column name, "" where empty."""

    number: int
    cells: dict[str, str]


class Table(NamedTuple):
    """`rows` is read once, while the file is being parsed; it raises BadInput at the row where the file is unsound."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


def open_table(data: bytes, filename: str, *, rows_max: int = ROWS_MAX) -> Table:
    """The first sheet of an .xlsx, or a CSV (UTF-8, UTF-16 or GB18030; comma, semicolon, tab or bar), told by content.

    The first line that is not empty names the columns. Raises BadInput naming file, row and column.
    """
    if len(data) > BYTES_MAX:
        raise BadInput(f"the file has {len(data) >> 20} MB, at most {BYTES_MAX >> 20} are read; split it", place=filename)
    if data.startswith(_OLD_EXCEL):
        raise BadInput(
            "this is the old Excel form (.xls) or a locked workbook; save it as .xlsx or CSV without a password", place=filename
        )
    lines = _filled(_excel_lines(data, filename) if data.startswith(_ZIP) else _csv_lines(data, filename), filename)
    header = next(lines, None)
    if header is None:
        raise BadInput("the file is empty; the first line must name the columns", place=filename)
    columns = _column_names(header[1], f"{filename} row {header[0]}")
    return Table(tuple(name for name in columns if name), _rows(lines, columns, filename, rows_max))


def read_table(data: bytes, filename: str, *, rows_max: int = ROWS_MAX) -> Iterator[Row]:
    """The rows of `open_table`."""
    return open_table(data, filename, rows_max=rows_max).rows


def formula_safe(text: str) -> str:
    """Text that a spreadsheet shows and does not run: what would begin a formula gets an apostrophe in front."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def _filled(lines: Iterator[tuple[int, list[str]]], filename: str) -> Iterator[tuple[int, list[str]]]:
    """Those that hold something. Raises BadInput where hardly any does."""
    empty = 0
    for number, cells in lines:
        if any(cells):
            yield number, cells
            continue
        empty += 1
        if empty > _EMPTY_MAX:
            raise BadInput(f"more than {_EMPTY_MAX:,} empty lines; delete them", place=f"{filename} row {number}")


def _rows(lines: Iterator[tuple[int, list[str]]], columns: Sequence[str], filename: str, rows_max: int) -> Iterator[Row]:
    for count, (number, cells) in enumerate(lines, start=1):
        if count > rows_max:
            raise BadInput(f"more than {rows_max:,} rows; split the file", place=f"{filename} row {number}")
        if any(cells[len(columns) :]) or any(cell for cell, name in zip(cells, columns, strict=False) if not name):
            raise BadInput(
                "a cell stands in a column that has no name; does the first line name the columns, and is the delimiter right?",
                place=f"{filename} row {number}",
            )
        yield Row(number, {name: cell for name, cell in zip_longest(columns, cells[: len(columns)], fillvalue="") if name})


def _column_names(cells: list[str], place: str) -> list[str]:
    if len(cells) > _COLUMNS_MAX:
        raise BadInput(f"more than {_COLUMNS_MAX} columns", place=place)
    named = [cell for cell in cells if cell]
    long = next((name for name in named if len(name) > _NAME_MAX), None)
    if long is not None:
        raise BadInput(
            f"the column {long[:40]!r}... has {len(long)} characters in its name, at most {_NAME_MAX} are read", place=place
        )
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"two columns are named {twice!r}; name each column once", place=place)
    return cells


def _csv_lines(data: bytes, filename: str) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(data, filename)
    if text.startswith("sep=") and "\n" in text:
        first, text = text.split("\n", 1)
        delimiter, skipped = (first[4:5] or ","), 1
    else:
        delimiter, skipped = _delimiter(text), 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    began = skipped + 1
    try:
        for cells in reader:
            yield began, [cell.strip() for cell in cells]
            began = skipped + reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"not sound CSV ({error}); check the quotation marks", place=f"{filename} row {began}") from None


def _decoded(data: bytes, filename: str) -> str:
    known = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    for encoding in (known,) if known else ("utf-8", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise BadInput("neither CSV text (UTF-8 or GB18030) nor an Excel workbook (.xlsx); save it as one of these", place=filename)


def _delimiter(text: str) -> str:
    """What divides the first line that is not empty, most often and outside quotation marks."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=lambda sign: (outside.count(sign), -_DELIMITERS.index(sign)))


def _excel_lines(data: bytes, filename: str) -> Iterator[tuple[int, list[str]]]:
    """Values as saved. A formula that nothing has computed yet has none, and is told rather than taken for empty."""
    has_formulas = _inspected(data, filename)
    try:
        values = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        written = load_workbook(io.BytesIO(data), read_only=True) if has_formulas else None
        sheet = values.worksheets[0]
        formulas = written.worksheets[0].iter_rows(values_only=True) if written else iter(())
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            _check_computed(cells, next(formulas, ()), f"{filename} row {number}")
            shown = [_text(cell) for cell in cells]
            while shown and not shown[-1]:
                shown.pop()
            yield number, shown
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        SyntaxError,
    ) as error:
        raise BadInput(f"not a sound Excel workbook ({type(error).__name__}); save it again as .xlsx", place=filename) from None


def _inspected(data: bytes, filename: str) -> bool:
    """Whether any sheet holds formulas. Refuses what unpacks to more than is sane."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _UNPACKED_MAX:
                raise BadInput("the workbook unpacks to more than 1 GB; split it or save it as CSV", place=filename)
            if sum(entry.file_size for entry in archive.infolist() if not entry.filename.startswith(_SHEETS)) > _HELD_MAX:
                raise BadInput("the workbook holds more than 128 MB of texts; split it or save it as CSV", place=filename)
            sheets = [name for name in archive.namelist() if name.startswith(_SHEETS)]
            if not sheets:
                raise BadInput("this is no Excel workbook (.xlsx)", place=filename)
            return any(_holds_formula(archive, name) for name in sheets)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        raise BadInput("the workbook is damaged or locked; save it again as .xlsx without a password", place=filename) from None


def _holds_formula(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as sheet:
        before = b""
        while chunk := sheet.read(1 << 20):
            if any(sign in before + chunk for sign in (b"<f>", b"<f ", b"<f/>")):
                return True
            before = chunk[-4:]
    return False


def _check_computed(cells: Sequence[object], written: Sequence[object], place: str) -> None:
    for index, (value, source) in enumerate(zip(cells, written, strict=False), start=1):
        if value is None and source is not None:
            raise BadInput(f"the formula in column {index} has no saved result; open the file in Excel and save it", place=place)


def _text(cell: object) -> str:
    """Numbers without a needless `.0`, times in ISO 8601, booleans as 1 and 0."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell).strip()
