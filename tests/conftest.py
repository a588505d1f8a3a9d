"""Fixtures that start real servers live in tests/fixtures_<noun>.py; add yours to this list."""

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures_postgres",
    "tests.fixtures_victoria",
    "tests.fixtures_api",
    "tests.fixtures_broker",
]

# No property fails because the machine was busy; continuous integration tries the same examples each time.
settings.register_profile("caretaker", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ)
settings.load_profile("caretaker")

_SERVERS = {"broker", "postgres_url", "postgres_campus", "victoria_url"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need a real server are marked by the fixture they ask for; `make check` leaves them to `make test`."""
    for item in items:
        if _SERVERS & set(getattr(item, "fixturenames", ())) or "[postgresql" in item.name or "postgresql]" in item.name:
            item.add_marker(pytest.mark.network)
