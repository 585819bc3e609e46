# SPDX-License-Identifier: Apache-2.0
"""The page on the admin port, in a real Chromium. SCREENSHOTS=FOLDER keeps the screenshots."""

import os
import pathlib
import re

import pytest

from browser import CHROMIUM, browser

pytestmark = pytest.mark.skipif(not os.path.exists(CHROMIUM),
                                reason="chromium (Debian package chromium-headless-shell)")

# A JavaScript expression for the text of an element.
TEXT = "document.getElementById('{}').innerText"
# The lowest contrast of all texts with their background, by the formula of WCAG 2.
MIN_CONTRAST = """(() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = parts(getComputedStyle(element).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const texts = [...document.body.querySelectorAll('*')].filter(element =>
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()) &&
    element.getClientRects().length > 0);
  return Math.min(...texts.map(element => {
    const [a, b] = [luminance(parts(getComputedStyle(element).color)), luminance(behind(element))];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }));
})()"""


@pytest.fixture
async def open_tab(tmp_path):
    async with browser(tmp_path / "profile") as running:
        yield running.open_tab


@pytest.fixture
def screenshots(tmp_path):
    folder = pathlib.Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def used_deployment(make_deployment):
    """With successful calls, and one failure of each kind."""
    deployment = make_deployment(runs=5, flags=["--max-attempts", "1"])
    for number, run in enumerate(deployment.runs):
        assert deployment.delete(run, request_id=f"good-{number}") == "OK"
    deployment.faults.set(fault="respond", status=503)
    assert deployment.delete(request_id="busy-1") == "UNAVAILABLE"
    deployment.faults.set(fault="respond", status=401)
    assert deployment.delete(request_id="key-1") == "UNAUTHENTICATED"
    deployment.faults.set(fault="drop_after_reading")
    assert deployment.delete(request_id="lost-1") == "UNAVAILABLE"
    return deployment


async def test_page_shows_replica_status(used_deployment, open_tab, screenshots):
    tab = await open_tab(used_deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('state')} === 'ready'")
    await tab.wait_until(f"{TEXT.format('errors')}.includes('lost-1')")
    about = await tab.evaluate(TEXT.format("about"))
    assert re.fullmatch(r"version \d+\.\d+\.\d+, up .*, log level info", about)
    errors = await tab.evaluate(TEXT.format("errors"))
    assert "good-" not in errors, "a success is listed as an error"
    for word in ("busy-1", "UNAVAILABLE, HTTP 503", "key-1", "UNAUTHENTICATED, HTTP 401",
                 "lost-1", "unknown"):
        assert word in errors
    assert errors.index("lost-1") < errors.index("key-1") < errors.index("busy-1")
    outcomes = await tab.evaluate(TEXT.format("outcomes"))
    assert "OK\t5" in outcomes and "Unavailable\t2" in outcomes
    upstream = await tab.evaluate(TEXT.format("upstream"))
    assert "sends answered 2xx\t5, mean" in upstream and "key refused (401)\t1" in upstream
    config = await tab.evaluate("document.getElementById('config').textContent")
    assert "max_attempts: 1" in config and used_deployment.api_key not in config
    await tab.screenshot(screenshots / "page.png")


async def test_plots_update(used_deployment, open_tab):
    tab = await open_tab(used_deployment.gateway.admin_url + "/")
    plots = "[...document.querySelectorAll('svg')].map(plot => plot.getAttribute('aria-label'))"
    await tab.wait_until(f"{plots}.includes('Calls: 0/s, failed 0/s')")
    used_deployment.faults.set(fault="respond", status=503)
    for _ in range(100):
        used_deployment.delete()
    await tab.wait_until(
        f"{plots}.some(text => /^Calls: [^0].*, failed [^0]/.test(text)) && "
        f"{plots}.some(text => /^Latency: p50 .* m?s, p99 .* m?s/.test(text))")
    assert await tab.evaluate("[...document.querySelectorAll('polyline')].every("
                              "line => line.getAttribute('points').includes(' '))")


async def test_callers_over_their_limit_are_not_failures_but_a_forbidden_key_is(
        make_deployment, open_tab, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("limits: {rules: [{name: slow, by: caller, rate: 1/s, burst: 5}]}")
    deployment = make_deployment(flags=["--config", str(limits)])
    deployment.faults.set(fault="respond", status=403)
    codes = [deployment.delete() for _ in range(40)]
    forbidden = codes.count("PERMISSION_DENIED")
    assert forbidden >= 5 and codes.count("RESOURCE_EXHAUSTED") == 40 - forbidden
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('outcomes')}.includes('ResourceExhausted')")
    failed = "[...document.querySelectorAll('#outcomes .bad')].map(cell => cell.innerText)"
    assert await tab.evaluate(failed) == [str(forbidden)]
    upstream = await tab.evaluate(TEXT.format("upstream"))
    assert f"key not allowed to delete (403)\t{forbidden}" in upstream


async def test_errors_are_grouped_and_rejected_calls_are_listed(make_deployment, open_tab, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("limits: {rules: [{name: slow, by: caller, rate: 1/h, burst: 3}]}")
    deployment = make_deployment(flags=["--config", str(limits), "--max-attempts", "1"])
    deployment.faults.set(fault="respond", status=503)
    for number in range(3):
        assert deployment.delete(request_id=f"busy-{number}") == "UNAVAILABLE"
    for number in range(4):
        assert deployment.delete(request_id=f"limited-{number}") == "RESOURCE_EXHAUSTED"
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('errors')}.includes('limited-3')")
    rows = await tab.evaluate("[...document.getElementById('errors').rows]"
                              ".map(row => [...row.cells].map(cell => cell.innerText))")
    assert [row[1] for row in rows] == ["calls", "4", "3"]
    assert [row[3] for row in rows[1:]] == ["RESOURCE_EXHAUSTED, limit slow", "UNAVAILABLE, HTTP 503"]
    assert [row[5:7] for row in rows[1:]] == [["ip:127.0.0.1", "limited-3"], ["ip:127.0.0.1", "busy-2"]]
    assert rows[1][0].endswith(" ago")


async def test_page_says_that_deletions_are_stopped(make_deployment, open_tab):
    deployment = make_deployment(flags=["--deletions-enabled=false"])
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('state')} === 'ready, all deletions are stopped'")


async def test_page_makes_no_external_requests_or_console_errors(used_deployment, open_tab):
    tab = await open_tab(used_deployment.gateway.admin_url + "/")
    await tab.wait_until("document.getElementById('config').textContent.length > 0")
    assert {url for url in tab.requests() if not url.startswith("data:")} == {
        used_deployment.gateway.admin_url + path for path in ("/", "/status.json", "/config")}
    assert not tab.console_errors()


async def test_untrusted_text_is_escaped(make_deployment, open_tab):
    deployment = make_deployment(flags=["--ids-opaque", "--max-attempts", "1"])
    deployment.faults.set(fault="respond", status=500, headers={"content-type": "application/json"},
                     body='{"error": {"code": "<img src=x onerror=document.title=1>", "message": "m"}}')
    deployment.delete("a", request_id="evil-1")
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('errors')}.includes('evil-1')")
    assert await tab.evaluate("document.title") == "evalrun-gateway"
    assert await tab.evaluate("document.images.length") == 0
    # An injected script does not run: the content security policy allows two parts, by their hashes.
    await tab.evaluate("""(() => { const script = document.createElement('script');
        try { script.text = 'document.title = "run"'; document.body.append(script); } catch {} })()""")
    assert await tab.evaluate("document.title") == "evalrun-gateway"
    assert tab.console_errors()


async def test_draining_and_unreachable_replica(make_deployment, open_tab):
    deployment = make_deployment(flags=["--drain-delay", "30s"])
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('state')} === 'ready'")
    deployment.gateway.signal(15)
    await tab.wait_until(f"{TEXT.format('state')} === 'not ready: shutting down'")
    deployment.gateway.kill()
    await tab.wait_until(f"{TEXT.format('state')}.startsWith('no answer')")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280], ids=["phone", "desk"])
async def test_contrast_is_sufficient(used_deployment, open_tab, screenshots, width, dark):
    tab = await open_tab(used_deployment.gateway.admin_url + "/", width=width, height=800, dark=dark)
    await tab.wait_until(f"{TEXT.format('errors')}.includes('lost-1')")
    await tab.evaluate("document.querySelector('details').open = true")
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    assert await tab.evaluate(MIN_CONTRAST) >= 4.5
    nodes = (await tab.call("Accessibility.getFullAXTree"))["nodes"]
    named = [(node["role"]["value"], node.get("name", {}).get("value", ""))
             for node in nodes if not node["ignored"]]
    headings = [name for role, name in named if role == "heading"]
    assert headings == ["evalrun-gateway", "Now", "Last errors", "Calls since the start", "Upstream",
                        "Limits", "Certificates and key"]
    images = [name for role, name in named if role == "image"]
    assert len(images) == 4 and all(images)
    assert "columnheader" in dict(named) and "rowheader" in dict(named)
    assert await tab.evaluate("document.documentElement.lang") == "en"
    await tab.screenshot(screenshots / f"page-{width}-{'dark' if dark else 'light'}.png")
