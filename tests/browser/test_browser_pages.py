"""Every page on a phone and on a desktop, in both languages: nothing complains, nothing is wider than the screen."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.instance import CHROMIUM, DESKTOP, PHONE, Demo, open_screen, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs the system's Chromium"),
]

FIRST_OF_EACH = """async () => {
  const first = async (path) => (await (await fetch('/api/v1' + path)).json()).items[0]?.id;
  const paths = ['/alerts?state=open,acknowledged', '/findings', '/work-orders', '/devices?kind=electricity_meter'];
  return await Promise.all(paths.map(first));
}"""


def addresses(page: Page) -> list[str]:
    alert, finding, order, device = page.evaluate(FIRST_OF_EACH)
    return [
        *("/desk", "/energy", "/energy/dorm-a?quantity=water", "/findings", "/spaces/dorm-a", "/devices", f"/devices/{device}"),
        *("/spaces", "/data-quality", "/gateways", "/profiles"),
        *("/orders", "/orders?state=finished", "/jobs", "/reports", "/report", "/report/dorm-a", "/offline"),
        *([f"/desk?alert={alert}", f"/alerts/{alert}"] if alert else []),
        *([f"/findings/{finding}"] if finding else []),
        *([f"/orders/{order}"] if order else []),
    ]


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_pages_fit_and_stay_silent(demo: Demo, browser: Browser, lang: str) -> None:
    screen = open_screen(browser, demo, lang=lang)
    page = screen.page
    page.goto(demo.address)
    sign_in(page, demo, "dispatcher")
    too_wide = []
    for address in addresses(page):
        answer = page.goto(demo.address + address)
        assert answer is not None
        assert answer.status == 200, address
        for size in (PHONE, DESKTOP):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.wait_for_timeout(200)  # charts follow the size of their box in the next frame
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                too_wide.append((address, size["width"]))
    assert too_wide == []
    assert screen.complaints == []
    screen.context.close()


def test_charts_draw_and_the_device_page_lives(demo: Demo, browser: Browser) -> None:
    screen = open_screen(browser, demo)
    page = screen.page
    page.goto(demo.address + "/energy")
    sign_in(page, demo, "energy")
    page.wait_for_selector(".echart.drawn canvas")
    page.goto(f"{demo.address}/devices/em-campus")
    page.wait_for_selector(".chart.drawn canvas")
    power = page.locator('#latest tr[data-metric="elec.power.active"] [data-value]')
    expect(power).not_to_have_text(power.inner_text(), timeout=45_000)
    page.goto(f"{demo.address}/spaces/dorm-a")
    page.wait_for_function(
        "document.querySelector('.qr img').naturalWidth > 0 || document.querySelector('.qr img').scrollIntoView()"
    )
    assert screen.complaints == []
    screen.context.close()
