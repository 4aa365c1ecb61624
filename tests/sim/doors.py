"""One scenario through either door to the network, and its history as text. Run as a script, it prints the history."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from pms_lab.adapters.wire import HttpxDoor
from pms_lab.engine.flow import SingleFlight, each
from pms_lab.engine.ports import Http, HttpRequest, HttpResponse
from pms_lab.errors import PmsError
from pms_lab.sim.driver import Sim
from pms_lab.sim.network import Fate, Network, SimTransport, ThinDoor
from pms_lab.sim.node import Node
from pms_lab.sim.stops import Crashed

MakeDoor: TypeAlias = Callable[[Network, Node], Http]


def wire_door(network: Network, node: Node) -> Http:
    """Return the door on httpx."""
    return HttpxDoor(SimTransport(network, node))


DOORS: dict[str, MakeDoor] = {"thin": ThinDoor, "wire": wire_door}

FATES = {
    3: Fate(refused=True),
    5: Fate(resets=True),
    7: Fate(arrives=False),
    9: Fate(answered=False),
    11: Fate(late_s=4),
    13: Fate(arrives=False, resets=True),
}


@dataclass
class Books:
    """A world-side server that remembers what it was told, and says what it knows."""

    told: list[str] = field(default_factory=list)

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Keep what was posted."""
        name = request.headers["x-item"]
        self.told.append(f"{request.method} {name} {request.body.decode()}")
        if name == "item4":
            return HttpResponse(503, {"retry-after": "1"})
        return HttpResponse(200, {"content-type": "text/plain"}, f"{name} is known".encode())


def scenario(make_door: MakeDoor, seed: int, *, shuffled: bool = False) -> tuple[str, list[str]]:
    """Push through faults, crash, and push again from a new node.

    Returns:
        The network's history and how each write ended, as text, then what the server was told.
    """
    with Sim(seed, shuffled=shuffled) as sim:
        books = Books()
        network = Network(sim, books, decide=lambda node, call, request: FATES.get(call, Fate()))
        ends: list[str] = []

        async def push(node: Node) -> None:
            door, flight = make_door(network, node), SingleFlight[str](node.flow)

            async def token() -> str:
                request = HttpRequest("GET", "https://pms.test/token?secret=1", {"X-Item": "token"})
                return (await door.send(request)).body.decode()

            async def write(number: int) -> None:
                await node.flow.sleep(node.chance.share("pace"))
                headers = {"X-Item": f"item{number}"}
                request = HttpRequest("POST", f"https://pms.test/items/{number}", headers, b"rate", timeout_s=2.5)
                try:
                    async with node.flow.timeout(6):
                        await flight.do(token)
                        response = await door.send(request)
                    end = f"{response.status} {sorted(response.headers.items())} {response.body.decode()}"
                except (PmsError, TimeoutError) as error:
                    end = f"{type(error).__name__}: {error}"
                ends.append(f"{node.flow.monotonic_s():.6f} {node.chance.new_id()} {number} {end}")

            await each(node.flow, write, range(12), limit=4)

        first = sim.node("app", crash_at=60)
        try:
            first.run(push(first))
        except Crashed:
            ends.append("crashed")
        again = sim.node("app")
        again.run(push(again))
        again.run(again.flow.sleep(10))
        return json.dumps([network.history, ends], indent=0), books.told


if __name__ == "__main__":
    for make_door in DOORS.values():
        for seed in range(5):
            print(scenario(make_door, seed, shuffled=seed == 4))  # noqa: T201
