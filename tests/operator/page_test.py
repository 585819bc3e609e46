# SPDX-License-Identifier: Apache-2.0
"""The page on the admin port, in a real Chromium. SCREENSHOTS=FOLDER keeps the screenshots.

screenshots.py makes better ones: of a gateway that has been called for ten minutes.
"""

import json
import os
import pathlib
import re
import socket
import time
import urllib.request

import aiohttp
import aiohttp.web
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
    errors = await tab.evaluate(TEXT.format("errors"))
    assert "good-" not in errors, "a success is listed as an error"
    for word in ("busy-1", "UNAVAILABLE, HTTP 503", "key-1", "UNAUTHENTICATED, HTTP 401",
                 "lost-1", "unknown"):
        assert word in errors
    assert errors.index("lost-1") < errors.index("key-1") < errors.index("busy-1")
    outcomes = await tab.evaluate(TEXT.format("outcomes"))
    assert "OK\t5" in outcomes and "UNAVAILABLE\t2" in outcomes
    upstream = await tab.evaluate(TEXT.format("upstream"))
    assert "attempts answered 2xx\t5, mean" in upstream and "key refused (401)\t1" in upstream
    config = await tab.evaluate("document.getElementById('config').textContent")
    assert "max_attempts: 1" in config and used_deployment.api_key not in config
    await tab.screenshot(screenshots / "page.png")


async def test_headline_says_how_calls_fare(used_deployment, open_tab):
    """At once, and not only after some samples of the history."""
    tab = await open_tab(used_deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('headline')} !== ''")
    assert re.fullmatch(r"37\.5 % of 8 calls failed since the start, p99 "
                        r"(≤ \S+ m?s|between \S+ m?s and \S+ m?s|> \S+ s)",
                        await tab.evaluate(TEXT.format("headline")))
    assert await tab.evaluate("document.getElementById('headline').className") == "bad"


async def test_headline_without_calls(deployment, open_tab):
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('headline')} === 'no calls since the start'")


async def test_page_shows_which_replica_it_is(make_deployment, open_tab, tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text("limits: {replicas: 3}")
    deployment = make_deployment(flags=["--config", str(config)])
    tab = await open_tab(deployment.gateway.admin_url + "/")
    facts = "Object.fromEntries([...document.querySelectorAll('#about div')].map(" \
            "pair => [...pair.children].map(part => part.innerText)))"
    await tab.wait_until(f"{facts}.host")
    about = await tab.evaluate(facts)
    assert re.fullmatch(r"\d+\.\d+\.\d+", about.pop("version"))
    assert re.fullmatch(r"\d+ s", about.pop("up"))
    assert about == {"host": socket.gethostname(), "limits.replicas": "3", "log level": "info",
                     "upstream": deployment.backend.url}


PLOTS = "[...document.querySelectorAll('svg')].map(plot => plot.getAttribute('aria-label'))"


async def test_plots_show_what_happened_before_the_page_was_opened(used_deployment, open_tab):
    time.sleep(5.5)  # the interval of the history
    tab = await open_tab(used_deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('headline')} !== ''")
    assert await tab.evaluate("[...document.querySelectorAll('svg path')].length") == 7
    assert await tab.evaluate("[...document.querySelectorAll('svg path')].every("
                              "path => /^M[\\d.]+,[\\d.]+L/.test(path.getAttribute('d')))")
    calls, latency, in_flight, attempts = await tab.evaluate(PLOTS)
    assert re.fullmatch(r"Calls: all \S+/s, failed \S+/s", calls) and "all 0/s" not in calls
    bucket = r"(≤ \S+ m?s|between \S+ m?s and \S+ m?s)"
    assert re.fullmatch(f"Latency: p50 {bucket}, p99 {bucket}", latency)
    assert in_flight == "Calls in flight: now 0"
    assert re.fullmatch(r"Attempts upstream: all [^0]\S*/s, retries 0/s", attempts)


async def test_plots_have_axes_with_units(used_deployment, open_tab):
    time.sleep(5.5)
    tab = await open_tab(used_deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('headline')} !== ''")
    axes = await tab.evaluate("[...document.querySelectorAll('svg')].map("
                              "plot => [...plot.querySelectorAll('text')].map(text => text.textContent))")
    for axis, unit in zip(axes, (r"/s", r" m?s", "", r"/s"), strict=True):
        assert axis[-3:] == ["10 min ago", "5 min ago", "now"]
        assert len(axis) >= 6
        assert all(re.fullmatch(r"[\d.,]+" + unit, tick) for tick in axis[:-3]), axis
    assert axes[0][:2] == ["0/s", "1/s"]


async def test_plots_update(used_deployment, open_tab):
    tab = await open_tab(used_deployment.gateway.admin_url + "/")
    used_deployment.faults.set(fault="respond", status=503)
    for _ in range(100):
        used_deployment.delete()
    await tab.wait_until(f"{PLOTS}.some(text => /^Calls: all [^0].*, failed [^0]/.test(text))")
    await tab.wait_until(f"{PLOTS}.includes('Calls: all 0/s, failed 0/s')")
    assert "100 calls" not in await tab.evaluate(TEXT.format("headline"))
    assert "of 108 calls failed" in await tab.evaluate(TEXT.format("headline"))


async def test_slow_calls_are_listed(make_deployment, open_tab):
    deployment = make_deployment(runs=2)
    assert deployment.delete(deployment.runs[0], request_id="fast-1") == "OK"
    deployment.faults.set(fault="delay", delay_ms=1100)
    assert deployment.delete(deployment.runs[1], request_id="slow-1") == "OK"
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('slowest')}.includes('slow-1')")
    rows = await tab.evaluate("[...document.getElementById('slowest').rows]"
                              ".map(row => [...row.cells].map(cell => cell.innerText))")
    assert rows[0] == ["took", "code", "attempts", "when", "call"]
    assert len(rows) == 3 and "fast-1" in rows[2][4]
    took, code, attempts, when, call = rows[1]
    assert re.fullmatch(r"1\.\d+ s", took) and code == "OK" and when.endswith(" s ago")
    assert re.fullmatch(r"1, took 1\.\d+ s", attempts)
    assert deployment.runs[1] in call and "ip:127.0.0.1" in call
    assert await tab.evaluate("document.querySelectorAll('#slowest .bad').length") == 1


TRUST_LOOPBACK = "identity: {metadata_key: x-caller, trusted_networks: [127.0.0.1/32]}"


async def test_top_callers_are_listed(make_deployment, open_tab, tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text(TRUST_LOOPBACK)
    deployment = make_deployment(runs=3, flags=["--config", str(config)])
    for run in (*deployment.runs, None):
        deployment.delete(run, metadata=[("x-caller", "often")])
    deployment.delete(metadata=[("x-caller", "once")])
    tab = await open_tab(deployment.gateway.admin_url + "/")
    await tab.wait_until(f"{TEXT.format('callers')}.includes('once')")
    assert await tab.evaluate("[...document.getElementById('callers').rows]"
                              ".map(row => [...row.cells].map(cell => cell.innerText))") == [
        ["caller", "calls", "runs deleted"], ["metadata:often", "4", "3"], ["metadata:once", "1", "0"]]


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
    await tab.wait_until(f"{TEXT.format('outcomes')}.includes('RESOURCE_EXHAUSTED')")
    failed = "[...document.querySelectorAll('#outcomes .bad')].map(cell => cell.innerText)"
    assert await tab.evaluate(failed) == [str(forbidden)]
    assert f"{forbidden * 2.5:g} % of 40 calls failed" in await tab.evaluate(TEXT.format("headline"))
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
    assert rows[0] == ["code", "reason", "calls", "last", "since", "deletion", "last call"]
    assert [row[:3] for row in rows[1:]] == [
        ["RESOURCE_EXHAUSTED, limit slow", "RATE_LIMITED", "4"],
        ["UNAVAILABLE, HTTP 503", "UPSTREAM_UNAVAILABLE", "3"]]
    assert rows[1][3].endswith(" ago")
    for row, request_id in zip(rows[1:], ("limited-3", "busy-2"), strict=True):
        assert "ip:127.0.0.1" in row[6] and request_id in row[6]


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


@pytest.mark.parametrize("prefix", ["/", "/ops/gateway-1/", "/ops/gateway-1"])
async def test_page_works_behind_a_path_prefix(used_deployment, open_tab, prefix):
    """Of a proxy that removes the prefix, and that is opened with and without its last slash."""
    forwarded = []

    async def forward(request):
        if not request.path.startswith(prefix):
            raise aiohttp.web.HTTPNotFound
        path = request.path.removeprefix(prefix.rstrip("/")) or "/"
        forwarded.append(path)
        async with aiohttp.ClientSession() as session, session.get(
                used_deployment.gateway.admin_url + path) as response:
            return aiohttp.web.Response(
                status=response.status, body=await response.read(), headers={
                    name: response.headers[name] for name in ("content-type", "content-security-policy")})

    proxy = aiohttp.web.Application()
    proxy.router.add_get("/{path:.*}", forward)
    runner = aiohttp.web.AppRunner(proxy)
    await runner.setup()
    try:
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        [(_, port)] = runner.addresses
        tab = await open_tab(f"http://127.0.0.1:{port}{prefix}")
        await tab.wait_until("document.getElementById('config').textContent.includes('max_attempts')")
        await tab.wait_until(f"{TEXT.format('errors')}.includes('lost-1')")
        assert set(forwarded) == {"/", "/status.json", "/config"}
        assert not tab.console_errors()
    finally:
        await runner.cleanup()


async def test_caller_cannot_inject_html_or_break_json_and_metrics(make_deployment, open_tab, tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text(TRUST_LOOPBACK)
    deployment = make_deployment(flags=["--config", str(config), "--max-attempts", "1"])
    deployment.faults.set(fault="respond", status=503)
    caller = '<img/src=x/onerror="document.title=1">\\'
    assert deployment.delete(metadata=[("x-caller", caller)]) == "UNAVAILABLE"
    url = deployment.gateway.admin_url
    with urllib.request.urlopen(url + "/status.json") as response:
        status = json.load(response)
    assert [entry["caller"] for entry in status["top_callers"]] == ["metadata:" + caller]
    escaped = caller.replace("\\", "\\\\").replace('"', '\\"')
    assert f'gateway_top_caller_calls{{caller="metadata:{escaped}"}} 1\n' in deployment.gateway.get("/metrics")
    tab = await open_tab(url + "/")
    for table in ("callers", "errors", "slowest"):
        await tab.wait_until(f"{TEXT.format(table)}.includes({json.dumps(caller)})")
    assert await tab.evaluate("document.images.length") == 0
    assert await tab.evaluate("document.title") == "evalrun-gateway"
    assert not tab.console_errors()


async def test_phone_has_code_and_reason_first_and_whole_ids(make_deployment, open_tab, tmp_path, screenshots):
    config = tmp_path / "gateway.yaml"
    config.write_text(TRUST_LOOPBACK)
    deployment = make_deployment(flags=["--config", str(config), "--max-attempts", "1"])
    deployment.faults.set(fault="respond", status=503)
    run, caller = "score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e", "spiffe://" + "long/" * 49
    request_id = "request-" + "0123456789" * 12
    assert deployment.delete(run, request_id=request_id, metadata=[("x-caller", caller)]) == "UNAVAILABLE"
    tab = await open_tab(deployment.gateway.admin_url + "/", width=390, height=844)
    await tab.wait_until(f"{TEXT.format('errors')}.includes('UNAVAILABLE')")
    assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert await tab.evaluate("""[...document.querySelectorAll('main :not(tr:has(th), pre, details *)')].filter(
        part => part.clientWidth && part.scrollWidth > part.clientWidth + 1).map(part => part.outerHTML)""") == []
    assert await tab.evaluate("[...document.querySelectorAll('main *')].filter("
                              "part => part.getBoundingClientRect().right > 390).length") == 0
    # What is seen first is first on the screen, too.
    cells = await tab.evaluate("[...document.querySelectorAll('#errors td')].map(cell => "
                               "[cell.getBoundingClientRect().top, cell.innerText])")
    assert [text for _, text in sorted(cells)][:2] == ["UNAVAILABLE, HTTP 503", "UPSTREAM_UNAVAILABLE"]
    for table in ("errors", "slowest"):
        texts = await tab.evaluate(f"[...document.querySelectorAll('#{table} code')].map(code => code.innerText)")
        assert set(texts) >= {run, "metadata:" + caller, request_id}
    await tab.screenshot(screenshots / "page-390-long-ids.png")


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
    assert (await tab.evaluate(TEXT.format("headline"))).startswith("state of ")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 900, 1280], ids=["phone", "tablet", "desktop"])
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
    assert headings == ["evalrun-gateway", "Last 10 minutes", "Last errors",
                        "Slowest calls within the last 10 min", "Top callers within the last 5 min",
                        "Calls since the start", "Upstream", "Limits", "Certificates and key"]
    images = [name for role, name in named if role == "image"]
    assert len(images) == 4 and all(images)
    assert "columnheader" in dict(named) and "rowheader" in dict(named)
    assert await tab.evaluate("document.documentElement.lang") == "en"
    await tab.screenshot(screenshots / f"page-{width}-{'dark' if dark else 'light'}.png")
