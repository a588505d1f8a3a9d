"""What people read: translated sentences, numbers with units, times in the site's zone. Pure: `now` is given."""

import gettext
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal

from dashboards.web.words import LABELS, NOTES, STATES_OF_METRIC, UNITS

LOCALE_DIR = Path(__file__).parent / "locale"
LANGUAGES: Mapping[str, str] = {"zh-CN": "中文", "en": "English"}
_PLACE = re.compile(r"%%|%\((\w+)\)s")


@cache
def translations(lang: str) -> gettext.NullTranslations:
    """The catalog of `zh-CN` or `en`; English is the msgids themselves."""
    if lang == "en":
        return gettext.NullTranslations()
    return gettext.translation("caretaker", LOCALE_DIR, languages=[lang.replace("-", "_")])


def choose_language(*wishes: str | None) -> str:
    """The first wish (cookie, profile, Accept-Language) that names a language we have; else zh-CN."""
    for wish in wishes:
        for part in (wish or "").split(","):
            code = part.split(";")[0].strip().lower()
            if code.startswith("zh"):
                return "zh-CN"
            if code.startswith("en"):
                return "en"
    return "zh-CN"


def instant(value: datetime) -> str:
    """An aware moment as the API is asked for it: ISO 8601 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(value: str | float | datetime) -> datetime:
    """An aware UTC datetime of ISO 8601 text or of epoch milliseconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    return datetime.fromtimestamp(value / 1000, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One reader's language, zone and moment; the templates call it `t`."""

    lang: str
    zone: ZoneInfo
    now: datetime
    currency: str = "CNY"

    @property
    def locale(self) -> str:
        return "zh_Hans_CN" if self.lang == "zh-CN" else "en_GB"

    @property
    def browser_lang(self) -> str:
        """What the scripts format numbers and times by."""
        return "zh-CN" if self.lang == "zh-CN" else "en-GB"

    def gettext(self, message: str) -> str:
        return translations(self.lang).gettext(message) if message else ""

    def fill(self, message: str | None, facts: Mapping[str, str | float] | None = None) -> str:
        """The sentence in the reader's language with its `%(name)s` places filled; unknown places and stray % stay as they are."""
        sentence = self.gettext(message) if message else ""
        if not facts:
            return sentence
        return _PLACE.sub(lambda m: self._place(m, facts), sentence)

    def _place(self, found: re.Match[str], facts: Mapping[str, str | float]) -> str:
        if found[0] == "%%":
            return "%"
        return self._fact(facts[found[1]]) if found[1] in facts else found[0]

    def _fact(self, value: str | float) -> str:
        if isinstance(value, str):
            return self.gettext(value)
        return self.decimal(float(value))

    def label(self, noun: str, name: str | None) -> str:
        """The word for an API name; a name this page does not know yet is shown as it is."""
        if not name:
            return ""
        known = LABELS.get(noun, {}).get(name)
        if known is None and noun == "metric":
            return self._channel(name)
        return self.gettext(known) if known else name

    def _channel(self, name: str) -> str:
        total, _, channel = name.rpartition(".")
        known = LABELS["metric"].get(total)
        return f"{self.gettext(known)} {channel.upper()}" if known else name

    def note(self, note: str) -> str:
        """A history's note: what Caretaker wrote is translated part by part, what a person wrote stands as it is."""
        whole = self._own_note(note)
        if whole is not None:
            return whole
        head, _, rest = note.partition(": ")
        first = self._own_note(head) if rest else None
        return self.gettext(note) if first is None else f"{first}: {self.note(rest)}"

    def _own_note(self, note: str) -> str | None:
        if note in LABELS["reason"]:
            return self.label("reason", note)
        for pattern, sentence in NOTES:
            found = re.fullmatch(pattern, note)
            if found:
                return self.fill(sentence, {name: self.label(name, value) for name, value in found.groupdict().items()})
        return None

    def named(self, thing: Mapping[str, str | None], prefix: str = "") -> str:
        """The name of a space or device in the reader's language."""
        wanted = thing.get(f"{prefix}name_zh") if self.lang == "zh-CN" else thing.get(f"{prefix}name")
        return wanted or thing.get(f"{prefix}name") or thing.get(f"{prefix}id") or ""

    def steps(self, path: Sequence[Mapping[str, str | None]]) -> list[tuple[str, str]]:
        """(id, name) from the building down. A name that begins with the place above it is not said twice."""
        places = path[1:] or path
        names = [self.named(place) for place in places]
        return [
            (str(place["id"]), names[i])
            for i, place in enumerate(places)
            if i + 1 == len(places) or not names[i + 1].startswith(names[i])
        ]

    def decimal(self, value: float, digits: int | None = None) -> str:
        places = _digits(value) if digits is None else digits
        return format_decimal(value, format="#,##0." + "#" * places if places else "#,##0", locale=self.locale)

    def number(self, value: float | None, unit: str = "", digits: int | None = None) -> str:
        """A number with thousands separators and its unit (no-break space between); a dash where there is none."""
        if value is None:
            return "–"
        return f"{self.decimal(value, digits)} {self.unit(unit)}".rstrip().replace(" ", "\u00a0")

    def unit(self, unit: str | None) -> str:
        return UNITS.get(unit or "", unit or "")

    def value(self, metric: str, value: float | None, unit: str) -> str:
        """A reading's value: states read as words, all else as a number with its unit."""
        states = STATES_OF_METRIC.get(metric)
        if value is not None and states:
            return self.gettext(states[1] if value >= 0.5 else states[0])
        return self.number(value, unit)

    def money(self, amount: float | None) -> str:
        if amount is None:
            return "–"
        return format_currency(amount, self.currency, locale=self.locale).replace("CN¥", "¥")

    def whole_money(self, amount: float) -> str:
        """Without the small change, as plans are told."""
        return format_currency(round(amount), self.currency, format="¤#,##0", currency_digits=False, locale=self.locale).replace(
            "CN¥", "¥"
        )

    def share(self, share: float | None) -> str:
        return "–" if share is None else f"{self.decimal(share * 100, 0 if abs(share) >= 0.1 else 1)}\u00a0%"

    def clock(self, value: str | float | datetime | None) -> str:
        """`14:32` today, `20 Nov 14:32` on another day, in the site's zone."""
        if value is None:
            return "–"
        local = moment(value).astimezone(self.zone)
        if local.date() == self.today():
            return format_time(local, "HH:mm", locale=self.locale)
        return format_datetime(local, "M月d日 HH:mm" if self.lang == "zh-CN" else "d MMM HH:mm", locale=self.locale)

    def to_second(self, value: str | float | datetime) -> str:
        """`20 Nov 14:32:07`, for what follows each other closely."""
        local = moment(value).astimezone(self.zone)
        return format_datetime(local, "M月d日 HH:mm:ss" if self.lang == "zh-CN" else "d MMM HH:mm:ss", locale=self.locale)

    def exact(self, value: str | float | datetime | None) -> str:
        """To the second, with the date and the zone."""
        if value is None:
            return "–"
        local = moment(value).astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"

    def ago(self, value: str | float | datetime | None) -> str:
        """`5 min ago`, `in 3 h`."""
        if value is None:
            return "–"
        delta = moment(value) - self.now
        if timedelta(seconds=-5) < delta <= timedelta(seconds=5):
            return self.gettext("just now")
        return format_timedelta(delta, add_direction=True, format="short", threshold=1.2, locale=self.locale)

    def day(self, value: str | float | datetime) -> str:
        local = moment(value).astimezone(self.zone)
        return format_date(local, "M月d日 EEE" if self.lang == "zh-CN" else "EEE d MMM", locale=self.locale)

    def hour(self, value: str | float | datetime) -> str:
        return format_time(moment(value).astimezone(self.zone), "HH:mm", locale=self.locale)

    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


def _digits(value: float) -> int:
    size = abs(value)
    if size >= 100:
        return 0 if size >= 1000 else 1
    return 2 if size >= 1 else 3
