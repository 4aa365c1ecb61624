"""The network of a simulation, and the two doors to it: the `Http` port itself, and a transport beneath httpx.

A request takes effect when it arrives, in the world: whether whoever sent it still waits, gave up or crashed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import httpx
import simpy
from simpy.events import NORMAL

from pms_lab.engine.ports import TIMEOUT_S, HttpRequest, HttpResponse
from pms_lab.errors import NotSent, Unanswered
from pms_lab.sim.task import Happening, Timer

if TYPE_CHECKING:
    from random import Random

    from pms_lab.sim.driver import Sim
    from pms_lab.sim.node import Node

LATENCY_S: Final = (0.02, 0.08)


class Server(Protocol):
    """Something in the world that answers requests."""

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Let a request take effect, at this true time, and return the answer; header names are in lower case."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request.

    Attributes:
        refused: no connection is made; nothing arrives.
        arrives: it reaches the server, and takes effect there.
        late_s: how much longer than usual it is on its way; it may arrive after its sender gave up.
        resets: the connection breaks, and its sender hears of that; if it also arrives, it takes effect nevertheless.
        answered: the answer comes back; without it, its sender waits until its own timeout.
    """

    refused: bool = False
    arrives: bool = True
    late_s: float = 0.0
    resets: bool = False
    answered: bool = True


CALM: Final = Fate()

Decide = Callable[[str, int, HttpRequest], Fate]
"""Say what becomes of a node's k-th request, from 1; a restarted node goes on counting."""


def calm(node: str, call: int, request: HttpRequest) -> Fate:
    """Let every request arrive and be answered."""
    return CALM


class Lost(StrEnum):
    """Why a sender has no answer."""

    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"


class Passage(NamedTuple):
    """One line of a network's history.

    Attributes:
        at_us: true time.
        call: the number of the node's request.
        what: sent; arrived, and taken effect; or ended, for a sender that still waited.
        path: without the query.
        end: the status of the answer, or why there is none; empty when sent.
    """

    at_us: int
    node: str
    call: int
    what: str
    method: str
    path: str
    end: str


class Network:
    """The way to one server, for every node.

    Attributes:
        history: what was sent, what arrived and how it ended, in order.
        decide: what becomes of each request.
        sim, server: the world it belongs to, and what it leads to.
    """

    def __init__(
        self, sim: Sim, server: Server, *, name: str = "network", decide: Decide = calm,
        latency_s: tuple[float, float] = LATENCY_S,
    ) -> None:  # fmt: skip
        """Lead to a server.

        Args:
            name: of the streams of random numbers; two networks of one simulation need two names.
            latency_s: the shortest and the longest time of one way.
        """
        self.history: list[Passage] = []
        self.decide = decide
        self.sim = sim
        self.server = server
        self._name = name
        self._shortest_us, longest_us = (max(1, round(way_s * 1e6)) for way_s in latency_s)
        self._spread_us = longest_us - self._shortest_us
        self._lanes: dict[str, _Lane] = {}

    def begin(self, node: Node, request: HttpRequest) -> Happening[HttpResponse | Lost]:
        """Send a request and return its end for its sender, to be awaited."""
        node.check()
        lane = self._lanes.get(node.name)
        if lane is None:
            lane = self._lanes[node.name] = _Lane(self.sim.random(f"{self._name}:{node.name}"))
        lane.calls += 1
        passing = _Passing(self, node, lane.calls, request)
        passing.write("sent", "")
        there_us = self._shortest_us + int(lane.chance.random() * self._spread_us)
        back_us = self._shortest_us + int(lane.chance.random() * self._spread_us)
        passing.set_out(self.decide(node.name, lane.calls, request), there_us, back_us)
        return passing.ending


class _Lane:
    """What the network keeps of the nodes of one name."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.calls = 0


class _Passing:
    """One request on its way, and its answer. It belongs to the world: no crash stops it."""

    __slots__ = ("_answers", "_call", "_network", "_node", "_path", "_request", "_waiting", "ending")

    def __init__(self, network: Network, node: Node, call: int, request: HttpRequest) -> None:
        self.ending: Happening[HttpResponse | Lost] = Happening(network.sim.env)
        self._network = network
        self._node = node
        self._call = call
        self._request = request
        self._path = urlsplit(request.url).path
        self._answers = False

    def set_out(self, fate: Fate, there_us: int, back_us: int) -> None:
        """Schedule what will happen. All is known beforehand but the answer itself."""
        env, ending = self._network.sim.env, self.ending
        arrives_us = there_us + round(fate.late_s * 1e6)
        limit_us = self._node.clock.true_us(self._request.timeout_s)
        heard_us, lost = limit_us, Lost.TIMEOUT
        if fate.refused:
            heard_us, lost = there_us, Lost.REFUSED
        elif fate.resets:
            heard_us, lost = there_us + back_us, Lost.RESET
        elif fate.arrives and fate.answered and arrives_us + back_us <= limit_us:
            heard_us, self._answers = arrives_us + back_us, True
        if heard_us > limit_us:
            heard_us, lost = limit_us, Lost.TIMEOUT
        if fate.arrives and not fate.refused:
            Timer(env, arrives_us).callbacks.append(self._arrive)
        ending._ok, ending._value = True, lost
        ending.callbacks.append(self._end)
        self._waiting = ending.callbacks
        env.schedule(ending, NORMAL, heard_us)

    def write(self, what: str, end: str) -> None:
        """Add a line to the history."""
        network, request = self._network, self._request
        at_us = int(network.sim.env.now)
        network.history.append(Passage(at_us, self._node.name, self._call, what, request.method, self._path, end))

    def _arrive(self, _: simpy.Event) -> None:
        response = self._network.server.receive(self._request, self._network.sim.now())
        self.write("arrived", str(response.status))
        if self._answers:
            self.ending._value = response

    def _end(self, ending: simpy.Event) -> None:
        nobody_waits = len(self._waiting) == 1
        del self._waiting  # it leads back here: a circle would keep all of the request until garbage is collected
        if self._node.dead or nobody_waits:
            return
        told = ending._value
        self.write("ended", told.value if isinstance(told, Lost) else str(told.status))


class ThinDoor:
    """The `Http` port of a node, without httpx: for sweeps. Its errors speak as those of the door on httpx do."""

    def __init__(self, network: Network, node: Node) -> None:
        self._network = network
        self._node = node

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request once and return its answer."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent = HttpRequest(request.method, request.url, headers, request.body, request.timeout_s)
        ended = await self._network.begin(self._node, sent)
        if isinstance(ended, HttpResponse):
            return ended
        host = urlsplit(request.url).hostname
        match ended:
            case Lost.REFUSED:
                raise NotSent(f"no connection to {host}: ConnectError")
            case Lost.RESET:
                raise Unanswered(f"the answer of {host} broke off: ReadError")
            case Lost.TIMEOUT:
                raise Unanswered(f"{host} did not answer within {request.timeout_s:g} s")


class SimTransport(httpx.AsyncBaseTransport):
    """A node's transport beneath httpx, which leaves it to the transport to keep the timeouts."""

    def __init__(self, network: Network, node: Node) -> None:
        self._network = network
        self._node = node

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request once and return its answer.

        Raises:
            httpx.ConnectError: the connection was refused.
            httpx.ReadError: the connection broke.
            httpx.ReadTimeout: no answer came within the client's read timeout, or `TIMEOUT_S` if it has none.
        """
        limit_s = request.extensions.get("timeout", {}).get("read") or TIMEOUT_S
        headers = dict(request.headers.items())
        sent = HttpRequest(request.method, str(request.url), headers, await request.aread(), limit_s)
        ended = await self._network.begin(self._node, sent)
        if isinstance(ended, HttpResponse):
            # As a stream: of a finished body httpx would ask how long it took, by the wall clock.
            return httpx.Response(ended.status, headers=ended.headers, stream=httpx.ByteStream(ended.body))
        match ended:
            case Lost.REFUSED:
                raise httpx.ConnectError("refused", request=request)
            case Lost.RESET:
                raise httpx.ReadError("the connection broke", request=request)
            case Lost.TIMEOUT:
                raise httpx.ReadTimeout(f"no answer within {limit_s:g} s", request=request)
