"""What leaves the ledger as paper or file, and what comes back in: sums that match, labels that scan, tables checked row by row."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from api.label_sheet import Label, Sheet, sheet_pdf
from api.sheets import csv_bytes, plain, xlsx_bytes
from devices.errors import BadInput
from tests.api.test_api_assets import METER
from tests.fixtures_api import Campus

HEADER = "资产编号,分类代码,资产名称,规格型号,购置日期,原值,验收日期,存放地点,保管人\n"
GOOD = "TY-1,A02100000,水表,LXSG-25,2026/3/2,360,2026年3月5日,lab-1,李\n"
FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


def bring(campus: Campus, kind: str, text: str | bytes, user: str = "admin", **query: Any) -> Any:
    body = text if isinstance(text, bytes) else text.encode()
    return campus.as_user(user).post(f"/api/v1/imports/{kind}", content=body, params={"filename": "t.csv", **query})


def filled(campus: Campus) -> None:
    text = HEADER + GOOD + "TY-2,A05010203,课桌,,2020-09-01,1800,2020-09-01,dorm-101,王\nTY-3,A02061804,空调,,,2999,,lab-1,\n"
    assert bring(campus, "assets", text, commit=1).json()["stored"] is True


def test_a_table_is_looked_at_before_it_is_stored(campus: Campus) -> None:
    text = HEADER + GOOD + "TY-2,X1,桌,,,,,,\nTY-3,A05010203,,,明天,abc,,nowhere,\nty-1,A02100000,水表,,,,,,\n"
    said = bring(campus, "assets", text).json()
    wrong = [(error["row"], error["column"]) for error in said["errors"]]
    assert wrong == [(3, "分类代码"), (4, "存放地点"), (4, "购置日期"), (4, "原值"), (5, "资产编号")]
    assert (said["rows"], said["good"], said["error_count"], said["stored"]) == (4, 1, 5, False)
    assert said["samples"][0]["购置日期"] == "2026/3/2"
    assert bring(campus, "assets", text, commit=1).json()["stored"] is False
    assert campus.deps.assets.tags() == frozenset()
    assert bring(campus, "assets", text, commit=1, partly=1).json()["stored"] is True
    again = bring(campus, "assets", text, commit=1, partly=1).json()
    assert (campus.deps.assets.tags(), again["good"], again["skipped"]) == ({"TY-1"}, 0, 2)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_what_was_exported_can_be_brought_in_again(campus: Campus, form: str, lang: str) -> None:
    filled(campus)
    client = campus.as_user("head")
    client.post("/api/v1/assets", json={**METER, "tag": "EVIL", "name": "=HYPERLINK(1)", "name_zh": "+1"})
    exported = client.get("/api/v1/assets/export", params={"format": form, "lang": lang})
    assert exported.status_code == 200
    assert bring(campus, "assets", exported.content).json()["skipped"] == 4
    emptied = exported.content
    if form == "csv":
        text = emptied.decode("utf-8-sig")
        assert "'=HYPERLINK(1)" in text
        fresh = text.replace("TY-", "NEW-").replace("EVIL", "EVIL-2")
        assert bring(campus, "assets", fresh, commit=1).json()["good"] == 4
        assert campus.deps.assets.get("EVIL-2").name == "=HYPERLINK(1)"


def test_the_report_adds_up_and_is_a_file_too(campus: Campus) -> None:
    filled(campus)
    client = campus.as_user("head")
    for by in ("class", "category", "building"):
        told = client.get("/api/v1/assets/report", params={"by": by, "month": "2026-11"}).json()
        assert (told["total"]["count"], told["total"]["value"]["original"]) == (2, 2160)
        for name in ("original", "month", "accumulated", "net"):
            assert round(sum(item["value"][name] for item in told["items"]), 2) == told["total"]["value"][name]
    assert (told["good_order"]["total"], told["good_order"]["share"], len(told["months"])) == (2, 1, 12)
    assert {item["key"] for item in told["items"]} == {"lab", "dorm"}
    rows = list(csv.reader(io.StringIO(client.get("/api/v1/assets/report/file?format=csv&lang=zh-CN").content.decode("utf-8-sig"))))
    assert rows[-1][1:4] == ["合计", "2", "2160.0"]
    assert client.get("/api/v1/assets/report?month=2026-13").status_code == 422


def test_labels_are_a_pdf_and_nothing_to_print_is_said(campus: Campus) -> None:
    filled(campus)
    client = campus.as_user("dispatcher")
    made = client.get("/api/v1/assets/labels.pdf", params={"lang": "zh-CN", "space": "lab"})
    assert (made.status_code, made.headers["content-type"], made.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert client.get("/api/v1/assets/labels.pdf?q=nothing").status_code == 422
    assert client.get("/api/v1/space-labels.pdf?kind=room&lang=en").content[:5] == b"%PDF-"
    assert client.get("/api/v1/assets/labels.pdf?width_mm=5").status_code == 422


def test_a_font_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"install fonts-noto-cjk or set labels\.font"):
        sheet_pdf([Label(address="x", title="y")], Sheet(), font=tmp_path / "no.ttc", heading="")


def test_labels_lie_side_by_side_within_the_page() -> None:
    sheet = Sheet(width_mm=70, height_mm=37)
    assert (sheet.columns, sheet.rows) == (3, 8)
    assert sheet.place(23) == (0, 140.0, 7 * 37 + 0.5)
    assert sheet.place(24) == (1, 0.0, 0.5)
    with pytest.raises(BadInput, match="too many"):
        sheet_pdf([Label(address="x", title="y")] * 1001, sheet, font=FONT, heading="")


def test_no_cell_of_a_download_runs() -> None:
    evil = ["=1+1", "+1", "-1", "@x", "\tx", "plain", -5, None, "bell\x07"]
    text = csv_bytes(["a"] * 9, [evil]).decode("utf-8-sig").splitlines()[1]
    assert text == "'=1+1,'+1,'-1,'@x,'\tx,plain,-5,,bell"
    sheet = load_workbook(io.BytesIO(xlsx_bytes("t", ["a"] * 9, [evil])))["t"]
    assert [cell.data_type for cell in sheet[2]][:4] == ["s"] * 4
    assert [plain(str(cell.value)) for cell in sheet[2]][:2] == ["=1+1", "+1"]


def test_a_workbook_that_swells_is_refused(campus: Campus) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (80 << 20))
    answer = bring(campus, "assets", out.getvalue())
    assert answer.status_code == 422
    assert "unpacks to more than" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["assets", "spaces", "devices"])
@pytest.mark.parametrize("body", [b"", b"PK\x03\x04", b"\x00\x01", b"a,b\n1,2\n", b"id,id\n1,2\n", b'id\n"', b"\xff\xfe"])
def test_no_file_is_an_error_of_ours(campus: Campus, kind: str, body: bytes) -> None:
    assert bring(campus, kind, body).status_code == 422


def test_spaces_and_devices_come_in_any_order(campus: Campus) -> None:
    spaces = "编号,类型,名称,上级编号,用途,人数\ngym-1,楼层,一层,gym,教学,\ngym,楼栋,体育馆,site,教学,300\nbad,楼层,x,nowhere,,\n"
    said = bring(campus, "spaces", spaces).json()
    assert (said["good"], [(e["row"], e["column"]) for e in said["errors"]]) == (2, [(4, "上级编号")])
    assert bring(campus, "spaces", spaces, commit=1, partly=1).json()["stored"] is True
    header = "设备编号,型号模板,位置,名称,上级表编号,计量整个区域\n"
    devices = header + "em-2,em-room,体育馆/一层,分表,em-1,否\nem-1,em-building,gym,总表,,是\n"
    assert bring(campus, "devices", devices, commit=1).json()["good"] == 2
    registry = campus.deps.registry.load()
    assert (registry.devices["em-2"].upstream_id, registry.devices["em-2"].space_id) == ("em-1", "gym-1")
    assert registry.spaces["gym"].people == 300
    client = campus.as_user("admin")
    for kind in ("spaces", "devices"):
        exported = client.get(f"/api/v1/exports/{kind}?format=csv&lang=zh-CN").content
        again = bring(campus, kind, exported, commit=1).json()
        assert (again["errors"], again["good"], again["stored"]) == ([], 0, False)
