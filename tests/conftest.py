"""Fixtures that start real servers live in tests/fixtures_<noun>.py; add yours to this list."""

pytest_plugins = [
    "tests.fixtures_postgres",
    "tests.fixtures_victoria",
    "tests.fixtures_api",
    "tests.fixtures_broker",
]
