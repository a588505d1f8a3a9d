# ruff: noqa: INP001 - a script, not a package
"""Pictures of every page of a running instance: 390 and 1440 px, light and dark, English and Chinese.

Usage: screenshots.py ADDRESS PASSWORD FOLDER [--user admin] [--only desk,energy] [--quick] [--seed]
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
_SEED = """async () => {
  const csrf = document.querySelector('meta[name=csrf-token]').content;
  const post = (path, body, more) =>
    fetch('/api/v1' + path, {method: 'POST', body, headers: {'X-CSRF-Token': csrf, ...more}});
  const json = (path, thing) => post(path, JSON.stringify(thing), {'Content-Type': 'application/json'}).then((r) => r.json());
  const {secret} = await json('/tokens', {name: 'Pictures', devices: null, days: 1});
  const headers = {'Content-Type': 'application/json', Authorization: `Bearer ${secret}`};
  const push = {method: 'POST', credentials: 'omit', headers};
  await fetch('/api/v1/push', {...push, body: '{"device": "pictured-meter", "readings": {"water.volume": 12.5}}'});
  const table = new FormData();
  const rows = ['表号,时间,读数(kWh)', 'pictured-1,2026-01-01 08:00,12.5', 'pictured-1,gestern,12.6', ''];
  table.append('file', new File([rows.join('\\n')], 'readings.csv'));
  return (await (await post('/reading-imports/uploads', table, {})).json()).id;
}"""
"""A stranger and a table to look at; returns the table's number."""
_FIND = """async () => {
  const items = async (path) => { const r = await fetch('/api/v1' + path); return r.ok ? (await r.json()).items ?? [] : []; };
  const paths = ['/alerts?state=open,acknowledged', '/findings', '/work-orders', '/devices?kind=water_meter', '/spaces',
    '/discovered', '/dead-letters', '/gateways', '/detectors', '/meters', '/assets', '/stocktakes', '/reading-imports', '/records'];
  const [alerts, findings, orders, devices, spaces, strangers, letters, gateways, detectors, meters, assets, stocktakes, imports,
    records]
    = await Promise.all(paths.map(items));
  return {
    alert: alerts[0]?.id,
    finding: (findings.find((f) => f.waste?.cost_per_day) ?? findings[0])?.id,
    order: orders[0]?.id,
    record: records[0]?.id,
    device: (devices.find((d) => d.status === 'online') ?? devices[0])?.id,
    building: spaces.find((s) => s.kind === 'building')?.id,
    stranger: strangers[0]?.id,
    letter: letters[0]?.id,
    gateway: gateways[0]?.id && encodeURIComponent(gateways[0].id),
    detector: detectors[0]?.kind,
    meter: meters[0]?.id,
    asset: assets[0]?.tag,
    stocktake: stocktakes[0]?.id,
    import: imports[0]?.id,
  };
}"""


def main() -> int:
    asked = _arguments()
    asked.folder.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for lang, theme, width in _looks(quick=asked.quick):
            page = _open(browser, asked, (lang, theme, width), complaints)
            if asked.seed and not asked.upload:
                asked.upload = page.evaluate(_SEED)
                page.wait_for_timeout(3000)
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
    parser.add_argument("--seed", action="store_true", help="first push a stranger's reading and upload a table (into a demo)")
    parser.set_defaults(upload="")
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
    found = page.evaluate(_FIND)
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
        ("adopt", f"/discovered/adopt?id={found.get('stranger')}"),
        ("dead-letters", "/dead-letters"),
        ("dead-letter", f"/dead-letters/{found.get('letter')}"),
        ("profiles", "/profiles"),
        ("gateways", "/gateways"),
        ("gateway", f"/gateways/{found.get('gateway')}"),
        ("detectors", "/detectors"),
        ("evaluation", "/evaluation"),
        ("detector", f"/detectors/{found.get('detector')}"),
        ("meters", "/meters"),
        ("meter", f"/meters/{found.get('meter')}"),
        ("prices", "/prices"),
        ("budgets", "/budgets?quantity=electricity"),
        ("quotas", "/quotas?quantity=electricity"),
        ("benchmarks", "/benchmarks?quantity=electricity"),
        ("data", "/data"),
        ("data-import", f"/data/import?upload={asked.upload or None}&filename=readings.csv"),
        ("data-import-progress", f"/data/imports/{found.get('import')}"),
        ("tokens", "/data/tokens"),
        ("read", "/read"),
        ("read-meter", f"/devices/{found.get('device')}/read"),
        ("commands", "/commands"),
        ("assets", "/assets"),
        ("asset", f"/a/{found.get('asset')}"),
        ("asset-new", "/assets/new"),
        ("asset-report", "/assets/report"),
        ("asset-labels", "/assets/labels"),
        ("asset-bring-in", "/assets/bring-in"),
        ("stocktakes", "/stocktakes"),
        ("stocktake", f"/stocktakes/{found.get('stocktake')}"),
        ("data-quality", "/data-quality"),
        ("records", "/records"),
        ("commissioning", "/commissioning"),
        ("record", f"/devices/{found.get('record')}/record"),
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
