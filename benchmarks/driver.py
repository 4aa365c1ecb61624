"""The simulation's driver against the bare libraries beneath it: SimPy's timeouts, httpx on its own mock transport."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median

import httpx
import simpy

from pms_lab.adapters.wire import HttpxDoor
from pms_lab.engine.ports import Flow, Http, HttpRequest, HttpResponse
from pms_lab.sim.driver import Sim
from pms_lab.sim.network import Network, SimTransport, ThinDoor
from pms_lab.sim.node import Node

RUNS = 15
WAITS = 50_000
REQUESTS = 1_000
REQUEST = HttpRequest("GET", "https://pms.test/rates", {"Accept": "application/json"})
ANSWER = HttpResponse(200, {"content-type": "application/json"}, b'{"rates": []}')


class Server:
    """Answers everything alike."""

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Return the answer."""
        return ANSWER


def main() -> None:
    """Print one line: the median ratios of our rates to the bare ones, measured in turn."""
    timeouts, waited, thin, mocked, wired = zip(
        *((bare_timeouts(), waits(), thin_requests(), bare_httpx(), wire_requests()) for _ in range(RUNS + 1)),
        strict=True,
    )
    print(
        f"driver: port calls / bare SimPy timeouts {ratio(waited, timeouts)} (at least 0.45), {median(waited):,.0f}/s; "
        f"wire-door requests / bare httpx.MockTransport {ratio(wired, mocked)} (at least 0.85), "
        f"{median(wired):,.0f}/s; "
        f"thin-door requests {median(thin):,.0f}/s"
    )


def ratio(ours: Sequence[float], bare: Sequence[float]) -> str:
    """Write the median ratio of what was measured in turn; the first turn only warms up."""
    return f"{median(our / their for our, their in zip(ours[1:], bare[1:], strict=True)):.2f}"


def bare_timeouts() -> float:
    """Return timeouts per second of one SimPy process."""
    env = simpy.Environment()

    def process() -> simpy.events.ProcessGenerator:
        for _ in range(WAITS):
            yield env.timeout(1)

    env.process(process())
    return per_s(WAITS, env.run)


def waits() -> float:
    """Return calls per second of a port that waits once."""
    with Sim(budget=2 * WAITS) as sim:
        node = sim.node("app")

        async def wait(flow: Flow) -> None:
            for _ in range(WAITS):
                await flow.sleep(1)

        return per_s(WAITS, lambda: node.run(wait(node.flow)))


def thin_requests() -> float:
    """Return requests per second through the thin door: each is sent, arrives and is answered."""
    return requests(ThinDoor)


def wire_requests() -> float:
    """Return requests per second through httpx."""
    return requests(lambda network, node: HttpxDoor(SimTransport(network, node)))


def requests(door: Callable[[Network, Node], Http]) -> float:
    """Return requests per second through a door."""
    with Sim() as sim:
        node = sim.node("app")
        http = door(Network(sim, Server()), node)
        return per_s(REQUESTS, lambda: node.run(ask(http)))


def bare_httpx() -> float:
    """Return requests per second through the same client on httpx's own mock transport."""
    mock = httpx.MockTransport(lambda _: httpx.Response(ANSWER.status, headers=ANSWER.headers, content=ANSWER.body))
    door = HttpxDoor(mock)
    return per_s(REQUESTS, lambda: asyncio.run(ask(door)))


async def ask(http: Http) -> None:
    """Send the requests one after the other."""
    for _ in range(REQUESTS):
        await http.send(REQUEST)


def per_s(count: int, work: Callable[[], object]) -> float:
    """Return how many of something some work does in a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
