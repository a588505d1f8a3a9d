"""Settings of `[[ingest.topics]]` and `[[ingest.adopt]]`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from devices.errors import BadInput
from devices.link import SECRET_KEYS
from devices.profiles import PROFILES
from ingest.topic_filter import check_family, check_filter


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Topic(_Section):
    """What speaks on the topics of `filter`. `{gateway}` and `{device}` in it stand for + and name what stands there.

    `codec_file`: a LoRaWAN codec in JavaScript; `fast`: fire or door messages, so the alerts role listens as well.
    """

    filter: str
    family: str
    context: dict[str, Any] = Field(default_factory=dict, repr=False)
    codec_file: Path | None = None
    fast: bool = False

    @field_validator("filter")
    @classmethod
    def _understood(cls, value: str) -> str:
        return or_value_error(check_filter, value)

    @field_validator("context")
    @classmethod
    def _known_zone(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "timezone": checked_zone(str(value["timezone"]))} if "timezone" in value else value

    @field_serializer("context")
    def _without_secrets(self, value: dict[str, Any]) -> dict[str, Any]:
        return {name: "***" if name in SECRET_KEYS else told for name, told in value.items()}

    @field_validator("family")
    @classmethod
    def _known_family(cls, value: str) -> str:
        return or_value_error(check_family, value)


class Adopt(_Section):
    """Strangers that match are adopted without asking, once they were heard for `after_s`. Patterns with * and ?."""

    space: str
    family: str = ""
    model: str = ""
    id: str = ""
    topic: str = ""
    profile: str = ""
    name: str = "{id}"
    name_zh: str = ""
    after_s: float = Field(default=60, ge=0)

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, value: str) -> str:
        if value and value not in PROFILES:
            raise ValueError(f"no profile {value!r}; choose one of {', '.join(PROFILES)}")
        return value


def or_value_error(check: Callable[[str], str], value: str) -> str:
    """Pydantic gathers ValueErrors only, and knows where they stand."""
    try:
        return check(value)
    except BadInput as wrong:
        raise ValueError(str(wrong)) from None


def checked_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {value!r}; use an IANA name such as Asia/Shanghai") from None
    return value
