"""The doors that are no shortcut: a simulated network in virtual time, and real sockets on loopback."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

import uvicorn

from pms_lab.adapters.wire import HttpxDoor
from pms_lab.engine.ports import Http, HttpRequest, HttpResponse
from pms_lab.live.http import http_door
from pms_lab.live.serve import app_of
from pms_lab.sim.driver import Sim
from pms_lab.sim.flow import SimFlow
from pms_lab.sim.network import Network, SimTransport, ThinDoor
from pms_lab.sim.node import Node
from pms_lab.sim.pms.face import Server
from tests.contracts.harness import BenchFlow, Immediate

T = TypeVar("T")


class SteeredFlow(SimFlow):
    """A simulated flow whose clock the tests set forward by letting the world run."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self._steered = node

    @property
    def elapsed_s(self) -> float:
        return self.monotonic_s()

    @elapsed_s.setter
    def elapsed_s(self, value: float) -> None:
        self._steered.run(self.sleep(value - self.monotonic_s()))


class Simulated:
    """A network with latency, in virtual time; through the thin port or through httpx."""

    def __init__(self, *, through_httpx: bool) -> None:
        self.name = "simulated, httpx" if through_httpx else "simulated"
        self._through_httpx = through_httpx
        self._sims: list[Sim] = []
        self._node: Node

    def open(self, server: Server, start: datetime) -> tuple[BenchFlow, Http, str]:
        sim = Sim(seed=1, epoch=start)
        self._sims.append(sim)
        self._node = sim.node("app")
        network = Network(sim, server)
        door: Http = ThinDoor(network, self._node)
        if self._through_httpx:
            door = HttpxDoor(SimTransport(network, self._node))
        return SteeredFlow(self._node), door, "http://127.0.0.1:8080"

    def run(self, work: Awaitable[T]) -> T:
        async def main() -> T:
            return await work

        return self._node.run(main())

    def close(self) -> None:
        while self._sims:
            self._sims.pop().close()


class Sockets:
    """Real HTTP over loopback, served by uvicorn in a thread; the clock is the tests' own."""

    name = "loopback"

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._doors: list[HttpxDoor] = []
        self._server: Server
        self._flow: Immediate
        config = uvicorn.Config(
            app_of(self, lambda: self._flow.now()),
            host="127.0.0.1",
            port=0,
            log_level="error",
            lifespan="off",
            ws="none",
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, daemon=True)
        self._thread.start()
        while not self._uvicorn.started:
            time.sleep(0.01)
        self._port = self._uvicorn.servers[0].sockets[0].getsockname()[1]

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        return self._server.receive(request, at)

    def open(self, server: Server, start: datetime) -> tuple[BenchFlow, Http, str]:
        self._server, self._flow = server, Immediate(start)
        self._doors.append(http_door())
        return self._flow, self._doors[-1], f"http://127.0.0.1:{self._port}"

    def run(self, work: Awaitable[T]) -> T:
        async def main() -> T:
            return await work

        return self._loop.run_until_complete(main())

    def close(self) -> None:
        while self._doors:
            self._loop.run_until_complete(self._doors.pop().aclose())

    def shut(self) -> None:
        """Stop serving."""
        self.close()
        self._uvicorn.should_exit = True
        self._thread.join()
        self._loop.close()
