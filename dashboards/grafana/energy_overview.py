"""The dashboard "Energy overview": power now, today's totals, consumption per hour and building, the largest buildings.

Data: measurements `elec.power.active` and `<register>.hourly` (the ledger), tag `device`, field `value`. Which meter belongs to
which building only Caretaker knows, so it is written into the queries; push or export again when meters change.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana.flux_query import DATASOURCE, FluxQuery, text

UID = "caretaker-energy-overview"
TITLE = "Energy overview"
Panel = stat.Panel | timeseries.Panel | bargauge.Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingMeters:
    """The meters whose sum is what a building uses; device ids as the reading store has them."""

    name: str
    electricity: tuple[str, ...] = ()
    water: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMeters:
    """A site, the meters whose sum is all that it uses, and its buildings."""

    id: str
    name: str
    electricity: tuple[str, ...] = ()
    water: tuple[str, ...] = ()
    buildings: tuple[BuildingMeters, ...] = ()


def energy_overview(sites: Iterable[SiteMeters], *, timezone: str) -> str:
    """The dashboard as JSON text, the same for the same arguments. `timezone` is where days begin, an IANA name."""
    sites = tuple(sites)
    queries = _Queries(sites=sites, timezone=timezone)
    board = (
        dashboard.Dashboard(TITLE)
        .uid(UID)
        .tags(["caretaker", "energy"])
        .description("What the site uses, by hour and building. Made by Caretaker; changes made here are overwritten.")
        .timezone(timezone)
        .time("now-24h", "now")
        .refresh("1m")
        .editable()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("influxdb"))
        .with_variable(_site_variable(sites))
    )
    for panel in _panels(queries):
        board = board.with_panel(panel)
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _panels(queries: "_Queries") -> tuple[Panel, ...]:
    return (
        _stat("Power now", "watt", queries.power_now()),
        _stat("Electricity today", "kwatth", queries.today("elec.energy.import.hourly", queries.site_electricity)),
        _stat("Water today", "m3", queries.today("water.volume.hourly", queries.site_water)),
        _hours("Electricity per hour", "kwatth", queries.per_hour("elec.energy.import.hourly", queries.electricity)),
        _hours("Water per hour", "m3", queries.per_hour("water.volume.hourly", queries.water)),
        _largest("Largest buildings", "kwatth", queries.largest("elec.energy.import.hourly", queries.electricity)),
    )


def _stat(title: str, unit: str, flux: str) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .unit(unit)
        .span(8)
        .height(4)
        .datasource(DATASOURCE)
        .with_target(FluxQuery(flux))
        .no_value("no data")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(options.BigValueGraphMode.NONE)
        .color_mode(options.BigValueColorMode.NONE)
    )


def _hours(title: str, unit: str, flux: str) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title(title)
        .unit(unit)
        .span(24)
        .height(9)
        .min(0)
        .datasource(DATASOURCE)
        .with_target(FluxQuery(flux))
        .display_name("${__field.labels.building}")
        .draw_style(options.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
        .legend(
            common.VizLegendOptions()
            .display_mode(options.LegendDisplayMode.TABLE)
            .placement(options.LegendPlacement.RIGHT)
            .calcs(["sum"])
            .show_legend(show_legend=True)
        )
    )


def _largest(title: str, unit: str, flux: str) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .title(title)
        .unit(unit)
        .span(24)
        .height(8)
        .min(0)
        .datasource(DATASOURCE)
        .with_target(FluxQuery(flux))
        .display_name("${__field.labels.building}")
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    )


def _site_variable(sites: tuple[SiteMeters, ...]) -> dashboard.CustomVariable:
    choices = [model.VariableOption(text=site.name, value=site.id, selected=not place) for place, site in enumerate(sites)]
    listed = ",".join(f"{_comma_free(site.name)} : {site.id}" for site in sites)
    variable = dashboard.CustomVariable("site").label("Site").values(listed).options(choices)
    return variable.current(choices[0]) if choices else variable


def _comma_free(name: str) -> str:
    return name.replace(",", "\\,")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Queries:
    sites: tuple[SiteMeters, ...]
    timezone: str

    @property
    def electricity(self) -> list[tuple[str, str]]:
        """(site/device, building) of every meter that counts for a building."""
        return [(f"{s.id}/{meter}", b.name) for s in self.sites for b in s.buildings for meter in b.electricity]

    @property
    def water(self) -> list[tuple[str, str]]:
        return [(f"{s.id}/{meter}", b.name) for s in self.sites for b in s.buildings for meter in b.water]

    @property
    def site_electricity(self) -> list[tuple[str, str]]:
        return [(f"{s.id}/{meter}", s.name) for s in self.sites for meter in s.electricity]

    @property
    def site_water(self) -> list[tuple[str, str]]:
        return [(f"{s.id}/{meter}", s.name) for s in self.sites for meter in s.water]

    def power_now(self) -> str:
        """The sum of the latest power of the site's meters; one that has been silent for 15 minutes does not count."""
        steps = ["last()", "group()", 'sum(column: "_value")']
        return self._flux("elec.power.active", self.site_electricity, "start: -15m", steps)

    def today(self, measurement: str, meters: list[tuple[str, str]]) -> str:
        return self._flux(measurement, meters, "start: date.truncate(t: now(), unit: 1d)", ["group()", 'sum(column: "_value")'])

    def per_hour(self, measurement: str, meters: list[tuple[str, str]]) -> str:
        window = 'aggregateWindow(every: 1h, fn: sum, createEmpty: false, timeSrc: "_start")'
        return self._flux(measurement, meters, _SHOWN, ['group(columns: ["building"])', window])

    def largest(self, measurement: str, meters: list[tuple[str, str]]) -> str:
        steps = [
            'group(columns: ["building"])',
            'sum(column: "_value")',
            "group()",
            'top(n: 10, columns: ["_value"])',
            'group(columns: ["building"])',
        ]
        return self._flux(measurement, meters, _SHOWN, steps)

    def _flux(self, measurement: str, meters: list[tuple[str, str]], span: str, steps: list[str]) -> str:
        pairs = ",\n".join(f"  {{key: {text(key)}, value: {text(building)}}}" for key, building in meters or [("", "")])
        head = [
            'import "date"',
            'import "dict"',
            'import "timezone"',
            f"option location = timezone.location(name: {text(self.timezone)})",
            f"buildings = dict.fromList(pairs: [\n{pairs}\n])",
            "from(bucket: v.defaultBucket)",
        ]
        body = [
            f"range({span})",
            f'filter(fn: (r) => r._measurement == {text(measurement)} and r._field == "value")',
            'map(fn: (r) => ({r with building: dict.get(dict: buildings, key: "${site}/" + r.device, default: "")}))',
            'filter(fn: (r) => r.building != "")',
            *steps,
        ]
        return "\n".join(head) + "".join(f"\n  |> {step}" for step in body)


_SHOWN = "start: v.timeRangeStart, stop: v.timeRangeStop"
