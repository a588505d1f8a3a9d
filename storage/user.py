"""Who may sign in, and as what."""

from dataclasses import dataclass
from enum import StrEnum

from maintenance.model import Trade


class Role(StrEnum):
    ADMIN = "admin"
    ENERGY_MANAGER = "energy_manager"
    SECURITY = "security"
    DISPATCHER = "dispatcher"
    CREW = "crew"
    REPORTER = "reporter"
    LOGISTICS_HEAD = "logistics_head"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`buildings` are space ids; None: all of them. A disabled user keeps the name in every history but cannot sign in."""

    username: str
    display_name: str
    roles: frozenset[Role]
    trades: frozenset[Trade] = frozenset()
    buildings: frozenset[str] | None = None
    language: str = "en"
    disabled: bool = False
