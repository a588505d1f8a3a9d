"""Fixtures that start real servers live in tests/fixtures_<noun>.py; add yours to this list."""

import os

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
