# SPDX-License-Identifier: Apache-2.0
"""Client of the REST backend: creates the runs to delete, and reads the journal."""

import asyncio
import uuid

import aiohttp

MAKERS = 6


class Backend:
    def __init__(self, url, admin_url, key):
        self._url, self._admin_url, self._key = url, admin_url, key
        self._ready = None

    async def __aenter__(self):
        self._session = aiohttp.ClientSession(
            headers={"x-api-key": self._key}, timeout=aiohttp.ClientTimeout(total=10))
        return self

    async def __aexit__(self, *_):
        await self._session.close()

    async def create_continuously(self, ahead):
        """Keeps `ahead` runs ready to be deleted."""
        self._ready = asyncio.Queue(ahead)
        await asyncio.gather(*(self._make() for _ in range(MAKERS)))

    async def take(self):
        """Returns the id of an existing run. TimeoutError: none could be created."""
        while self._ready is None:
            await asyncio.sleep(0.01)
        return await asyncio.wait_for(self._ready.get(), 60)

    async def _make(self):
        while True:
            run = str(uuid.uuid4())
            while not await self._create(run):
                await asyncio.sleep(0.2)
            await self._ready.put(run)

    async def _create(self, run):
        body = {"eval_run_uuid": run, "eval_uuid": "7e1b6c3a-2f0d-4e58-b9a4-1c5d8f2e0001", "name": "load",
                "responses": []}
        try:
            async with self._session.post(f"{self._url}/v2/eval-runs", json=body) as response:
                # 409: an attempt whose response was lost has created it.
                return response.status in (200, 409)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
            return False

    async def last_journal_row(self):
        last = 0
        async for row in self._rows(0):
            last = row["id"]
        return last

    async def journal_after(self, start, prefix):
        """The rows of requests whose id begins with `prefix`."""
        return [row async for row in self._rows(start) if row["request_id"].startswith(prefix)]

    async def _rows(self, after):
        while True:
            async with self._session.get(f"{self._admin_url}/journal", params={"after": after}) as response:
                response.raise_for_status()
                rows = (await response.json())["rows"]
            if not rows:
                return
            for row in rows:
                yield row
            after = rows[-1]["id"]
