"""The instance and the browser of tests.browser.instance, for every test in this folder."""

from tests.browser.instance import browser, demo

__all__ = ["browser", "demo"]
