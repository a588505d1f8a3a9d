"""Files as offices make them: encodings, delimiters, Excel; each refusal names its row."""

import io
import zipfile
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from devices.errors import BadInput
from ingest.tables import Row, formula_safe, open_table, read_table

PLAIN = [Row(2, {"表号": "001", "读数": "12.5"}), Row(3, {"表号": "002", "读数": ""})]
TEXT = "表号,读数\n001,12.5\n002,\n"


def workbook(fill: Callable[[Workbook], None]) -> bytes:
    made, out = Workbook(), io.BytesIO()
    fill(made)
    made.save(out)
    return out.getvalue()


def sheet_of(*rows: tuple[object, ...]) -> bytes:
    def fill(book: Workbook) -> None:
        for row in rows:
            book.worksheets[0].append(list(row))

    return workbook(fill)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("gb18030"),
        TEXT.encode("utf-16"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode("utf-16"),
        TEXT.replace("\n", "\r\n").encode(),
        b'"\xe8\xa1\xa8\xe5\x8f\xb7" , "\xe8\xaf\xbb\xe6\x95\xb0"\n001, 12.5\n002'.replace(b' , "', b',"'),
        sheet_of(("表号", "读数"), ("001", 12.5), ("002", None)),
    ],
    ids=["utf-8", "bom", "gb18030", "utf-16", "semicolon", "excel unicode text", "crlf", "short row", "xlsx"],
)
def test_the_same_table_in_every_habit(data: bytes) -> None:
    assert list(read_table(data, "readings.csv")) == PLAIN


def test_blank_lines_count_but_are_no_rows_and_quotes_hold_line_ends() -> None:
    data = b'\n\nsep,b\n"x\ny",1\n,\nz,2\n'
    assert list(read_table(data, "f.csv")) == [Row(4, {"sep": "x\ny", "b": "1"}), Row(7, {"sep": "z", "b": "2"})]


def test_excel_names_its_own_delimiter() -> None:
    assert list(read_table(b"sep=;\na,x;b\n1,2;3\n", "f.csv")) == [Row(3, {"a,x": "1,2", "b": "3"})]


def test_cells_of_excel_become_plain_text() -> None:
    data = sheet_of(("n", "whole", "when", "yes"), (1.5, 3.0, datetime.fromisoformat("2026-03-01T08:30"), True))
    assert next(read_table(data, "f.xlsx")).cells == {"n": "1.5", "whole": "3", "when": "2026-03-01T08:30:00", "yes": "1"}


def test_a_formula_nobody_computed_is_told() -> None:
    with pytest.raises(BadInput, match=r"f\.xlsx row 2.*column 2 has no saved result"):
        list(read_table(sheet_of(("a", "b"), (1, "=A2*2")), "f.xlsx"))


@pytest.mark.parametrize(
    ("data", "expect"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,a\n1,2\n", "row 1: two columns are named 'a'"),
        (b"a,b\n1,2,3\n", "row 2: a cell stands in a column that has no name"),
        (b"a,\n1,2\n", "row 2: a cell stands in a column that has no name"),
        (b'a,b\n1,2\n"x"y,2\n', "row 3: not sound CSV"),
        (b'a,b\n"1,2\n', "row 2: not sound CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel form"),
        (b"PK\x03\x04rest", "damaged or locked"),
        (b"\x00\x01\x02", "neither CSV"),
        (b"\xff\xff\xff", "neither CSV"),
        (b"a" * (65 << 20), "at most 64"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(data: bytes, expect: str) -> None:
    with pytest.raises(BadInput, match=expect) as refusal:
        list(read_table(data, "f.csv"))
    assert "f.csv" in str(refusal.value)


def test_a_zip_that_is_no_workbook_or_swells_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(BadInput, match="no Excel workbook"):
        open_table(out.getvalue(), "f.xlsx")


def test_rows_are_bounded() -> None:
    with pytest.raises(BadInput, match="row 4: more than 2 rows"):
        list(read_table(b"a\n1\n2\n3\n", "f.csv", rows_max=2))


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_rows_or_bad_input(data: bytes) -> None:
    try:
        table = open_table(data, "f")
        assert all(row.cells.keys() == set(table.columns) for row in table.rows)
    except BadInput:
        pass


def test_a_workbook_of_emptiness_is_refused_soon() -> None:
    """Five kilobytes whose only row says that it is number 900,000,000."""
    start = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    start += '<row r="1"><c r="A1"><v>1</v></c></row>'
    far = start + '<row r="900000000"><c r="A900000000"><v>1</v></c></row></sheetData></worksheet>'
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sheet_of(("a",)))) as book, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as swollen:
        for name in book.namelist():
            swollen.writestr(name, far if name == "xl/worksheets/sheet1.xml" else book.read(name))
    with pytest.raises(BadInput, match="empty lines"):
        list(read_table(packed.getvalue(), "t.xlsx"))


def test_a_workbook_that_swells_in_memory_is_refused() -> None:
    packed = io.BytesIO(sheet_of(("a",)))
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as swollen, swollen.open("xl/media/x", "w") as entry:
        for _ in range(130):
            entry.write(bytes(1 << 20))
    assert len(packed.getvalue()) < 2 << 20
    with pytest.raises(BadInput, match="of texts"):
        list(read_table(packed.getvalue(), "t.xlsx"))


def test_a_columns_name_is_no_novel() -> None:
    with pytest.raises(BadInput, match="in its name"):
        open_table(b"time," + b"(" * 100_000 + b"\n1,2", "t.csv")


def test_exported_text_never_runs() -> None:
    wide = ("＝1+1", "＋a", "－b", "＠x", "\n=1", "-1+1")
    assert [formula_safe(text) for text in wide] == ["'" + text for text in wide]
    assert [formula_safe(text) for text in ("=1+1", "+a", "@x", "plain", "")] == ["'=1+1", "'+a", "'@x", "plain", ""]
