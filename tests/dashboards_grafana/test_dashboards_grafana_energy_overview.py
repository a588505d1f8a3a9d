"""The dashboard as JSON, against a golden file; after a wanted change run with CARETAKER_TEST_WRITE_GOLDEN=1."""

import json
import os
from pathlib import Path

import pytest

from dashboards.grafana.energy_overview import UID, BuildingMeters, SiteMeters, energy_overview
from dashboards.grafana.flux_query import text

GOLDEN = Path(__file__).parent / "golden" / "energy-overview.json"
SITE = SiteMeters(
    id="campus",
    name="Campus",
    electricity=("em-campus",),
    water=("wm-campus",),
    buildings=(
        BuildingMeters(name='Dormitory "1"', electricity=("em-d1",), water=("wm-d1-a", "wm-d1-b")),
        BuildingMeters(name="图书馆 ${x}\\", electricity=("em-lib",)),
    ),
)


def test_the_dashboard_is_the_golden_one() -> None:
    made = energy_overview([SITE], timezone="Asia/Shanghai")
    if "CARETAKER_TEST_WRITE_GOLDEN" in os.environ:
        GOLDEN.write_text(made, encoding="utf-8")
    assert made == GOLDEN.read_text(encoding="utf-8")


def test_what_a_grafana_needs_is_there() -> None:
    board = json.loads(energy_overview([SITE], timezone="Asia/Shanghai"))
    assert board["uid"] == UID
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "site"]
    assert board["templating"]["list"][1]["query"] == "Campus : campus"
    assert [panel["title"] for panel in board["panels"]] == [
        "Power now",
        "Electricity today",
        "Water today",
        "Electricity per hour",
        "Water per hour",
        "Largest buildings",
    ]
    for panel in board["panels"]:
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "influxdb", "uid": "${datasource}"}
            assert "v.defaultBucket" in target["query"]
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_panels_do_not_overlap() -> None:
    board = json.loads(energy_overview([SITE], timezone="UTC"))
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_no_site_and_no_meters_still_make_a_dashboard() -> None:
    for sites in ([], [SiteMeters(id="bare", name="Bare, with comma")]):
        board = json.loads(energy_overview(sites, timezone="UTC"))
        assert len(board["panels"]) == 6


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", '"plain"'),
        ('say "x"', '"say \\"x\\""'),
        ("back\\", '"back\\\\"'),
        ("${steal}", '"\\${steal}"'),
        ("a\nb", '"a\\nb"'),
    ],
)
def test_text_in_flux_cannot_leave_its_quotes(value: str, literal: str) -> None:
    assert text(value) == literal
