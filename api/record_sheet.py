"""A record as tables: what the CSV, the workbook and the printed page hold, in Chinese or English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from api.condition_records import Every, Shown, finite
from api.schemas import PlaceStep
from api.sheets import Cell
from devices.metrics import metric

Table = tuple[list[str], list[list[Cell]]]


class What(StrEnum):
    INTERVALS = "intervals"
    EXCURSIONS = "excursions"
    GAPS = "gaps"
    CHECKS = "checks"


METRIC_WORDS: Mapping[str, tuple[str, str]] = {
    "env.temperature": ("温度", "Temperature"),
    "env.humidity": ("相对湿度", "Relative humidity"),
    "gas.lel": ("可燃气体", "Combustible gas"),
    "co.concentration": ("一氧化碳", "Carbon monoxide"),
}
_UNITS = {"Cel": "°C", "%RH": "%", "[ppm]": "ppm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """`names`: user name → display name; `site`, `place`: English and Chinese."""

    shown: Shown
    zone: ZoneInfo
    chinese: bool
    names: Mapping[str, str]
    place: Sequence[PlaceStep]
    site: tuple[str, str]
    printed_at: datetime

    def say(self, zh: str, en: str) -> str:
        return zh if self.chinese else en

    def table(self, what: What) -> Table:
        return {
            What.INTERVALS: self._intervals,
            What.EXCURSIONS: self._excursions,
            What.GAPS: self._gaps,
            What.CHECKS: self._checks,
        }[what]()

    @property
    def unit(self) -> str:
        unit = metric(self.shown.asked.metric).unit
        return _UNITS.get(unit, unit)

    @property
    def quantity(self) -> str:
        return self.say(*METRIC_WORDS[self.shown.asked.metric])

    def at(self, ts_ms: int) -> str:
        """Local time, to the minute."""
        return self.clock(datetime.fromtimestamp(ts_ms / 1000, UTC))

    def clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def when(self, start_ms: int) -> str:
        """Of an interval: its day, or its hour."""
        return self.at(start_ms)[:10] if self.shown.asked.every is Every.DAY else self.at(start_ms)

    def _intervals(self) -> Table:
        header = [
            self.say("开始", "From"),
            self.say("结束", "To"),
            self.say(f"最低 ({self.unit})", f"Lowest ({self.unit})"),
            self.say(f"最高 ({self.unit})", f"Highest ({self.unit})"),
            self.say(f"平均 ({self.unit})", f"Mean ({self.unit})"),
            self.say("读数个数", "Readings"),
            self.say("超限(分钟)", "Outside (min)"),
            self.say("无数据(分钟)", "Unknown (min)"),
            self.say("允许下限", "Lower limit"),
            self.say("允许上限", "Upper limit"),
            self.say("检查人", "Signed by"),
        ]
        limits = (finite(self.shown.limits.low), finite(self.shown.limits.high))
        rows: list[list[Cell]] = [
            [
                self.at(one.start_ms),
                self.at(one.end_ms),
                *(None if number is None else round(number, 2) for number in (one.low, one.high, one.mean)),
                one.count,
                round(one.outside_s / 60),
                round(one.unknown_s / 60),
                *limits,
                self.signed(self.at(one.start_ms)[:10]),
            ]
            for one in self.shown.record.intervals
            if one.start_ms < self.shown.span.until_ms
        ]
        return header, rows

    def signed(self, day: str) -> str:
        return ", ".join(
            dict.fromkeys(self.names.get(one.checked_by, one.checked_by) for one in self.shown.checks if one.day == day)
        )

    def _excursions(self) -> Table:
        header = [
            self.say("开始", "From"),
            self.say("结束", "To"),
            self.say("持续(分钟)", "Lasted (min)"),
            self.say(f"最差值 ({self.unit})", f"Worst ({self.unit})"),
            self.say("说明", "Remark"),
        ]
        rows: list[list[Cell]] = []
        for one in self.shown.record.excursions:
            short = one.seconds < self.shown.limits.grace_s
            remarks = [
                self.say("仍在持续", "goes on") if one.going_on else "",
                self.say("其后无数据", "unknown afterwards") if one.lost else "",
                self.say("未超过允许时长", "within the grace") if short and not (one.lost or one.going_on) else "",
            ]
            remark = ", ".join(word for word in remarks if word)
            rows.append([self.at(one.start_ms), self.at(one.end_ms), round(one.seconds / 60), round(one.worst, 2), remark])
        return header, rows

    def _gaps(self) -> Table:
        header = [self.say("开始", "From"), self.say("结束", "To"), self.say("持续(分钟)", "Lasted (min)")]
        rows: list[list[Cell]] = [
            [self.at(start), self.at(end), round((end - start) / 60_000)] for start, end in self.shown.record.gaps
        ]
        return header, rows

    def _checks(self) -> Table:
        header = [
            self.say("日期", "Day"),
            self.say("检查人", "Signed by"),
            self.say("签字时间", "Signed at"),
            self.say("人工测量 (°C)", "Measured by hand (°C)"),
            self.say("备注", "Note"),
        ]
        rows: list[list[Cell]] = [
            [one.day, self.names.get(one.checked_by, one.checked_by), self.clock(one.checked_at), one.value, one.note]
            for one in self.shown.checks
        ]
        return header, rows
