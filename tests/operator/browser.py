# SPDX-License-Identifier: Apache-2.0
"""A real headless Chromium, controlled by the DevTools protocol."""

import asyncio
import base64
import contextlib
import json
import os
import re
import subprocess

import aiohttp

# The program itself: /usr/bin has a script, and killing that would leave the browser running.
CHROMIUM = "/usr/lib/chromium/chromium-headless-shell"
TIMEOUT = 40.0  # seconds; a browser is slow on a busy machine


@contextlib.asynccontextmanager
async def browser(profile):
    """A browser with this folder as its profile, until the end of `async with`. Its `open_tab(url)` is a Tab."""
    command = ["setpriv", "--pdeathsig", "KILL", "--", CHROMIUM, "--remote-debugging-port=0",
               f"--user-data-dir={profile}", "--disable-gpu", "--no-first-run",
               "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    profile.mkdir()
    log = profile / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen([*command, "about:blank"], stderr=stderr,
                                   stdout=subprocess.DEVNULL)
    try:
        async with contextlib.AsyncExitStack() as stack:
            address = await asyncio.wait_for(_debugging_address(log, process), TIMEOUT)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            socket = await stack.enter_async_context(
                session.ws_connect(address, max_msg_size=0))
            connection = _Connection(socket)
            stack.push_async_callback(connection.close)
            yield connection
    finally:
        process.kill()
        process.wait()


async def _debugging_address(log, process):
    while process.poll() is None:
        if found := re.search(r"DevTools listening on (ws://\S+)", log.read_text(errors="replace")):
            return found.group(1)
        await asyncio.sleep(0.05)
    raise RuntimeError(f"chromium ended before it could be controlled: {log.read_text()}")


class _Connection:
    def __init__(self, socket):
        self._socket = socket
        self._responses = {}
        self._tabs = {}
        self._last_id = 0
        self._reader = asyncio.create_task(self._read())

    async def close(self):
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def open_tab(self, url, *, width=1280, height=900, dark=False):
        target = (await self.call("Target.createTarget", {"url": "about:blank"}))["targetId"]
        session = (await self.call("Target.attachToTarget",
                                   {"targetId": target, "flatten": True}))["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            await tab.call(f"{domain}.enable")
        await tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                       deviceScaleFactor=1, mobile=width < 600)
        await tab.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        await tab.call("Page.navigate", url=url)
        await asyncio.wait_for(tab.loaded.wait(), TIMEOUT)
        return tab

    async def call(self, method, params, session=None):
        self._last_id += 1
        number = self._last_id
        self._responses[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        response = await asyncio.wait_for(self._responses[number], TIMEOUT)
        if "error" in response:
            raise RuntimeError(f"{method}: {response['error']}")
        return response["result"]

    async def _read(self):
        async for message in self._socket:
            event = json.loads(message.data)
            if "id" in event:
                self._responses.pop(event["id"]).set_result(event)
            elif event.get("sessionId") in self._tabs:
                self._tabs[event["sessionId"]].add(event)


class Tab:
    """A tab. `events` has all events of the browser about it."""

    def __init__(self, connection, session):
        self._connection, self._session = connection, session
        self.events = []
        self.loaded = asyncio.Event()

    def add(self, event):
        self.events.append(event)
        if event["method"] == "Page.loadEventFired":
            self.loaded.set()

    async def call(self, method, **params):
        return await self._connection.call(method, params, self._session)

    async def evaluate(self, expression):
        """The value of a JavaScript expression. If it is a promise, its result."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                                 awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    async def wait_until(self, expression):
        """Waits until a JavaScript expression is true."""
        await self.evaluate(f"""new Promise((done, failed) => {{
          const end = performance.now() + {TIMEOUT * 900};
          (function check() {{
            if ({expression}) done();
            else if (performance.now() > end) failed(document.body.innerText);
            else setTimeout(check, 50);
          }})();
        }})""")

    async def screenshot(self, file, *, whole=True):
        """Writes a PNG to a file: of the whole page, or of what is visible."""
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def requests(self):
        """All URLs that were requested."""
        return [event["params"]["request"]["url"] for event in self.events
                if event["method"] == "Network.requestWillBeSent"]

    def console_errors(self):
        """Errors of the console, of scripts and of the content security policy."""
        logged = [event["params"]["entry"]["text"] for event in self.events
                if event["method"] == "Log.entryAdded"]
        thrown = [event["params"]["exceptionDetails"] for event in self.events
                  if event["method"] == "Runtime.exceptionThrown"]
        return logged + thrown
