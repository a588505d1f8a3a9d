# ruff: noqa: INP001 - a script, not a package
"""Pictures of every page of a running instance: 390 and 1440 px, light and dark, English and Chinese.

Usage: screenshots.py ADDRESS PASSWORD FOLDER [--user admin] [--only desk,energy] [--quick]
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]
WIDTHS = {390: 844, 1440: 900}


def main() -> int:
    asked = _arguments()
    asked.folder.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for lang, theme, width in _looks(quick=asked.quick):
            page = _open(browser, asked, (lang, theme, width), complaints)
            for name, path in _pages(page, asked):
                page.goto(asked.address + path)
                page.wait_for_timeout(500)
                page.screenshot(path=asked.folder / f"{name}-{width}-{theme}-{lang}.png", full_page=name != "desk")
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    complaints.append(f"{name} {width} {lang}: wider than the screen")
            page.context.close()
        browser.close()
    sys.stdout.writelines(f"{line}\n" for line in dict.fromkeys(complaints))
    return 1 if complaints else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("password")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--user", default="admin")
    parser.add_argument("--only", default="", help="names of pages, comma-separated")
    parser.add_argument("--quick", action="store_true", help="English light at 1440 and Chinese dark at 390 only")
    return parser.parse_args()


def _looks(*, quick: bool) -> Iterator[tuple[str, str, int]]:
    if quick:
        yield from (("en", "light", 1440), ("zh-CN", "dark", 390))
        return
    for lang in ("en", "zh-CN"):
        for theme in ("light", "dark"):
            for width in WIDTHS:
                yield lang, theme, width


def _open(browser: Browser, asked: argparse.Namespace, look: tuple[str, str, int], complaints: list[str]) -> Page:
    lang, theme, width = look
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]}, color_scheme="dark" if theme == "dark" else "light", locale=lang
    )
    context.add_cookies([{"name": "lang", "value": lang, "url": asked.address}])
    page = context.new_page()

    def complain(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "/nothing-here" not in page.url:
            complaints.append(f"{page.url}: {message.text}")

    page.on("console", complain)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.goto(f"{asked.address}/sign-in")
    page.wait_for_timeout(300)
    page.screenshot(path=asked.folder / f"sign-in-{width}-{theme}-{lang}.png", full_page=True)
    page.fill("#username", asked.user)
    page.fill("#password", asked.password)
    page.click("#sign-in button")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


def _pages(page: Page, asked: argparse.Namespace) -> list[tuple[str, str]]:
    """Every page, with ids of things that exist in the instance."""
    found = page.evaluate(
        """async () => {
          const ids = async (path) => { const r = await fetch('/api/v1' + path); return r.ok ? (await r.json()).items : []; };
          const paths = ['/alerts?state=open,acknowledged', '/findings', '/work-orders', '/devices?kind=water_meter',
            '/spaces'];
          const [alerts, findings, orders, devices, spaces] = await Promise.all(paths.map(ids));
          return {
            alert: alerts[0]?.id,
            finding: (findings.find((f) => f.waste?.cost_per_day) ?? findings[0])?.id,
            order: orders[0]?.id,
            device: (devices.find((d) => d.status === 'online') ?? devices[0])?.id,
            building: spaces.find((s) => s.kind === 'building')?.id,
          };
        }"""
    )
    pages = [
        ("desk", "/desk"),
        ("desk-alert", f"/desk?alert={found.get('alert')}"),
        ("alert", f"/alerts/{found.get('alert')}"),
        ("energy", "/energy"),
        ("energy-building", f"/energy/{found.get('building')}?quantity=water"),
        ("findings", "/findings"),
        ("finding", f"/findings/{found.get('finding')}"),
        ("space", f"/spaces/{found.get('building')}"),
        ("devices", "/devices?kind=water_meter"),
        ("device", f"/devices/{found.get('device')}"),
        ("device-edit", f"/devices/{found.get('device')}/edit"),
        ("spaces", "/spaces"),
        ("space-new", f"/spaces/new?parent={found.get('building')}"),
        ("space-edit", f"/spaces/{found.get('building')}/edit"),
        ("discovered", "/discovered"),
        ("dead-letters", "/dead-letters"),
        ("profiles", "/profiles"),
        ("gateways", "/gateways"),
        ("data-quality", "/data-quality"),
        ("orders", "/orders"),
        ("order", f"/orders/{found.get('order')}"),
        ("jobs", "/jobs"),
        ("reports", "/reports"),
        ("report-place", "/report?q=a"),
        ("report", f"/report/{found.get('building')}"),
        ("not-found", "/nothing-here"),
        ("offline", "/offline"),
    ]
    wanted = set(asked.only.split(",")) if asked.only else set()
    return [
        (name, path) for name, path in pages if (not wanted or name in wanted) and "/undefined" not in path and "None" not in path
    ]


if __name__ == "__main__":
    sys.exit(main())
