"""Settings: caretaker.toml plus `CARETAKER_*` environment, read once, unknown keys refused with line and remedy."""

import difflib
import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from analytics.prices import Period
from devices.errors import BadInput
from devices.model import UseType
from ingest.topic_filter import check_family
from runtime.settings_calendar import CalendarSettings
from runtime.settings_topics import Adopt, Topic, checked_zone, or_value_error
from runtime.toml_lines import line_of


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Section):
    id: str = Field(default="campus", pattern=r"^[a-z0-9][a-z0-9-]*$")
    name: str = "Campus"
    name_zh: str = "校园"
    timezone: str = "Asia/Shanghai"
    currency: str = "CNY"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return checked_zone(value)


class Http(_Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+)?$")  # what QR codes lead to; empty: as the browser calls us


class Labels(_Section):
    font: Path = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


class TlsListener(_Section):
    """The managed broker's second door, with TLS 1.2 or 1.3; `port` 0: none.

    Without `cert_file` and `key_file` Caretaker makes a certificate authority of its own under data_dir/broker/certificates.
    `names`: by which devices know this machine (DNS names, addresses). `use_identity_as_username`: who shows a certificate
    needs no password, its common name is the user.
    """

    port: int = Field(default=0, ge=0, le=65535)
    host: str = "0.0.0.0"  # noqa: S104 - a door for devices, each of which must sign in
    names: tuple[str, ...] = ()
    cert_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None
    require_certificate: bool = False
    use_identity_as_username: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together; name both, or none to have Caretaker make them")
        if self.use_identity_as_username and not self.require_certificate:
            raise ValueError("use_identity_as_username needs require_certificate = true")
        if self.require_certificate and self.cert_file is not None and self.ca_file is None:
            raise ValueError(
                "require_certificate with a cert_file of your own needs ca_file, which signs the devices' certificates"
            )
        return self


class Mqtt(_Section):
    """`managed`: Caretaker runs its own broker on this port. Otherwise an existing broker at host:port is used.

    `tls`, the files and `username` are for an existing broker; without `username` each role signs in by its own name, as with
    ours. `session_expiry_s` and `receive_maximum` are of MQTT 5.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    managed: bool = True
    version: Literal["3.1.1", "5"] = "3.1.1"
    session_expiry_s: int = Field(default=604_800, ge=60, le=0xFFFF_FFFE)
    receive_maximum: int = Field(default=1000, ge=1, le=65535)
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    username: str = ""
    password_file: Path | None = None
    tls_listener: TlsListener = TlsListener()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        files = [name for name in ("ca_file", "cert_file", "key_file") if getattr(self, name) is not None]
        foreign = [name for name in ("tls", "username", "password_file", *files) if getattr(self, name)]
        if self.managed and foreign:
            raise ValueError(f"{', '.join(foreign)}: for an existing broker only; set managed = false, or see [mqtt.tls_listener]")
        if files and not self.tls:
            raise ValueError(f"{', '.join(files)} needs tls = true")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together; name both")
        if self.password_file is not None and not self.username:
            raise ValueError("password_file needs username")
        return self


class Store(_Section):
    """`read_url`: where VictoriaMetrics answers, if not at `url` (a cluster). Credentials: a token, or a user with a password."""

    kind: Literal["embedded", "influxdb2", "victoriametrics"] = "embedded"
    url: str = ""
    read_url: str = ""
    org: str = ""
    bucket: str = "caretaker"
    token_file: Path | None = None
    username: str = ""
    password_file: Path | None = None


class DatabaseSettings(_Section):
    """Empty url: SQLite in the data directory. PostgreSQL: `postgresql+psycopg://user@host/name`, password from password_file."""

    url: str = ""
    password_file: Path | None = None


class Ingest(_Section):
    """Group commit: at most `commit_max_age_ms` or `commit_max_messages`; the spool may grow to `spool_limit_mb`.

    It leaves `disk_reserve_mb` of the disk to the alarms. `waiting_alarm_s`: how old the oldest reading that no store has
    taken may become before that is an alarm of its own. `topics` stand before the usual ones of each family, of which
    `families` chooses those that are listened to (omitted: all; native always).
    """

    commit_max_age_ms: int = Field(default=5, ge=1, le=1000)
    commit_max_messages: int = Field(default=5000, ge=1)
    spool_limit_mb: int = Field(default=2048, ge=16)
    disk_reserve_mb: int = Field(default=128, ge=0)
    waiting_alarm_s: float = Field(default=120, gt=0)
    topics: tuple[Topic, ...] = ()
    families: tuple[str, ...] | None = None
    adopt: tuple[Adopt, ...] = ()

    @field_validator("families")
    @classmethod
    def _known_families(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else tuple(or_value_error(check_family, name) for name in value)


class Retention(_Section):
    """Door and alarm events expire (door records are personal data); of changes and dead letters the newest are kept.

    `stranger_days`: unknown devices that fell silent. `import_days`: the protocol of finished imports. `note_days`: what the
    ledger says about past hours (swaps, gaps, resets); hours and readings stay.
    """

    event_days: int = Field(default=60, ge=1)
    changes: int = Field(default=200_000, ge=1000)
    dead_letters: int = Field(default=100_000, ge=0)
    stranger_days: int = Field(default=90, ge=1)
    import_days: int = Field(default=400, ge=1)
    note_days: int = Field(default=1830, ge=62)


class Price(_Section):
    """From `valid_from` (YYYY-MM-DD, site time): money per kWh or m3; `hours` (0-23) limits it to a time of use, `use` to places
    of that use, `above` to what an account uses beyond so many kWh or m3 in a `period` (month or year)."""

    valid_from: date
    price: float = Field(ge=0)
    hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] = ()
    use: UseType | None = None
    above: float = Field(default=0, ge=0)
    period: Period | None = None

    @model_validator(mode="after")
    def _step_has_a_period(self) -> "Price":
        if (self.above > 0) != (self.period is not None):
            raise ValueError('a step needs both `above` and `period = "month"` or "year"; an ordinary price has neither')
        return self


class CarbonFactor(_Section):
    """From `valid_from` (YYYY-MM-DD, site time): kg CO2e per kWh or m3; before the first, kgco2e_per_kwh and kgco2e_per_m3 hold."""

    quantity: Literal["electricity", "water"]
    valid_from: date
    kgco2e: float = Field(ge=0)


class Tariffs(_Section):
    electricity: tuple[Price, ...] = (
        Price(valid_from=date(2000, 1, 1), price=0.65),
        Price(valid_from=date(2000, 1, 1), price=0.95, hours=(8, 9, 10, 17, 18, 19, 20, 21)),
        Price(valid_from=date(2000, 1, 1), price=0.35, hours=(23, 0, 1, 2, 3, 4, 5, 6)),
    )
    water: tuple[Price, ...] = (Price(valid_from=date(2000, 1, 1), price=4.10),)
    kgco2e_per_kwh: float = Field(default=0.5366, ge=0)
    kgco2e_per_m3: float = Field(default=0.168, ge=0)
    carbon: tuple[CarbonFactor, ...] = ()


class Grafana(_Section):
    url: str = ""
    token_file: Path | None = None
    folder: str = "Caretaker"


class Analytics(_Section):
    """`scheduler`: the Dask scheduler (tcp://host:port) whose workers do batch work on long histories; empty: this machine."""

    scheduler: str = Field(default="", pattern=r"^((tcp|tls|ws|wss)://[^\s/]+:\d+)?$")


class Settings(_Section):
    data_dir: Path = Path("caretaker-data")
    site: Site = Site()
    http: Http = Http()
    labels: Labels = Labels()
    mqtt: Mqtt = Mqtt()
    store: Store = Store()
    database: DatabaseSettings = DatabaseSettings()
    ingest: Ingest = Ingest()
    retention: Retention = Retention()
    tariffs: Tariffs = Tariffs()
    grafana: Grafana = Grafana()
    analytics: Analytics = Analytics()
    calendar: CalendarSettings = CalendarSettings()

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_dir / 'caretaker.sqlite'}"

    def secret(self, name: str) -> SecretStr:
        """A secret that Caretaker made itself, from data_dir/secrets. Raises BadInput where it does not exist yet."""
        return read_secret(self.data_dir / "secrets" / name)


def read_secret(path: Path) -> SecretStr:
    try:
        return SecretStr(path.read_text().strip())
    except OSError as error:
        raise BadInput(
            f"cannot read the secret: {error.strerror}; create the file, readable by Caretaker only", place=str(path)
        ) from None


_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "CARETAKER_DATA_DIR": ("data_dir",),
    "CARETAKER_SITE_ID": ("site", "id"),
    "CARETAKER_SITE_NAME": ("site", "name"),
    "CARETAKER_SITE_NAME_ZH": ("site", "name_zh"),
    "CARETAKER_HTTP_HOST": ("http", "host"),
    "CARETAKER_HTTP_PORT": ("http", "port"),
    "CARETAKER_MQTT_HOST": ("mqtt", "host"),
    "CARETAKER_MQTT_PORT": ("mqtt", "port"),
    "CARETAKER_DATABASE_URL": ("database", "url"),
}
_OTHER_VARIABLES = ("CARETAKER_TEST_", "CARETAKER_CONFIG")


def load(path: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """The settings of `path` (default caretaker.toml where it exists), overridden by the environment. Raises BadInput."""
    environ = dict(os.environ) if environ is None else environ
    path = path or (Path(environ["CARETAKER_CONFIG"]) if "CARETAKER_CONFIG" in environ else None)
    if path is None and Path("caretaker.toml").exists():
        path = Path("caretaker.toml")
    text = _read(path) if path else ""
    values = _parse(text, path)
    _apply_environment(values, environ)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explain(error, text, path, environ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"cannot read the settings: {error.strerror}; copy caretaker.example.toml there or name another file", place=str(path)
        ) from None


def _parse(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"not valid TOML: {error}", place=str(path)) from None


def _apply_environment(values: dict[str, Any], environ: dict[str, str]) -> None:
    for variable, value in environ.items():
        if not variable.startswith("CARETAKER_") or variable.startswith(_OTHER_VARIABLES):
            continue
        if variable not in _ENVIRONMENT:
            raise BadInput(f"unknown variable; {_suggest(variable, list(_ENVIRONMENT))}", place=f"environment {variable}")
        *sections, key = _ENVIRONMENT[variable]
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = value


def _explain(error: ValidationError, text: str, path: Path | None, environ: dict[str, str]) -> BadInput:
    errors = error.errors()
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    location = [str(part) for part in first["loc"]]
    variable = next((name for name, key in _ENVIRONMENT.items() if list(key) == location and name in environ), None)
    place = f"environment {variable}" if variable else f"{path or 'settings'}{line_of(location, text)}"
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        return BadInput(f"unknown key {key!r}; {_suggest(location[-1], _known_keys(location[:-1]))}", place=place)
    found = "" if first["type"] == "missing" else f" (found {first['input']!r})"  # what it is missing from may hold secrets
    return BadInput(f"{key}: {first['msg']}{found}", place=place)


def _known_keys(sections: list[str]) -> list[str]:
    model: Any = Settings
    for section in sections:
        if section.isdecimal():
            continue
        field = model.model_fields.get(section) if hasattr(model, "model_fields") else None
        model = field.annotation if field else None
        model = next((part for part in get_args(model) if hasattr(part, "model_fields")), model)
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def _suggest(wrong: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known) or 'none'}; remove it"
