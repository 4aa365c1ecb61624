"""The network of a simulation: what becomes of a request, through either door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NoReturn

import httpx
import pytest

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import NotSent, PmsError, Unanswered
from pms_lab.sim.driver import Sim
from pms_lab.sim.network import Fate, Network, Passage, SimTransport
from pms_lab.sim.node import Node
from tests.sim.doors import DOORS, Books, MakeDoor, scenario

HTTPS = "https://pms.test/items/1?guest=Jane"
EVEN_S = (0.25, 0.25)
every_door = pytest.mark.parametrize("make_door", DOORS.values(), ids=DOORS.keys())


def lines(history: list[Passage]) -> list[tuple[int, str, str]]:
    """Return what happened when, in milliseconds."""
    return [(line.at_us // 1000, line.what, line.end) for line in history]


@every_door
@pytest.mark.parametrize(
    ("fate", "end", "history"),
    [
        (Fate(), 200, [(0, "sent", ""), (250, "arrived", "200"), (500, "ended", "200")]),
        (Fate(refused=True), NotSent, [(0, "sent", ""), (250, "ended", "refused")]),
        (Fate(resets=True), Unanswered, [(0, "sent", ""), (250, "arrived", "200"), (500, "ended", "reset")]),
        (Fate(resets=True, arrives=False), Unanswered, [(0, "sent", ""), (500, "ended", "reset")]),
        (Fate(arrives=False), Unanswered, [(0, "sent", ""), (3000, "ended", "timeout")]),
        (Fate(answered=False), Unanswered, [(0, "sent", ""), (250, "arrived", "200"), (3000, "ended", "timeout")]),
        (Fate(late_s=1), 200, [(0, "sent", ""), (1250, "arrived", "200"), (1500, "ended", "200")]),
        (Fate(late_s=9), Unanswered, [(0, "sent", ""), (3000, "ended", "timeout"), (9250, "arrived", "200")]),
        (Fate(late_s=9, resets=True), Unanswered, [(0, "sent", ""), (500, "ended", "reset"), (9250, "arrived", "200")]),
    ],
    ids=str,
)  # fmt: skip
def test_a_request_meets_its_fate(
    make_door: MakeDoor, fate: Fate, end: object, history: list[tuple[int, str, str]]
) -> None:
    with Sim() as sim:
        network = Network(sim, books := Books(), decide=lambda *_: fate, latency_s=EVEN_S)
        node = sim.node("app")

        async def send() -> object:
            try:
                request = HttpRequest("POST", HTTPS, {"X-Item": "item"}, b"body", timeout_s=3)
                return (await make_door(network, node).send(request)).status
            except PmsError as error:
                return type(error)

        assert node.run(send()) == end
        node.run(node.flow.sleep(20))
        assert lines(network.history) == history
        assert books.told == ["POST item body"] * fate.arrives * (not fate.refused)
        assert {line[1:3] + line[4:6] for line in network.history} == {("app", 1, "POST", "/items/1")}


@every_door
@pytest.mark.parametrize("fate", [Fate(), Fate(refused=True), Fate(resets=True)], ids=str)
def test_nobody_waits_longer_than_the_request_allows(make_door: MakeDoor, fate: Fate) -> None:
    with Sim() as sim:
        network, node = Network(sim, Books(), decide=lambda *_: fate, latency_s=EVEN_S), sim.node("app")
        with pytest.raises(Unanswered, match=r"pms\.test did not answer within 0\.1 s"):
            node.run(make_door(network, node).send(HttpRequest("GET", HTTPS, {"x-item": "item"}, timeout_s=0.1)))
        assert lines(network.history) == [(0, "sent", ""), (100, "ended", "timeout")]


@every_door
def test_a_request_that_was_given_up_has_no_end_but_arrives(make_door: MakeDoor) -> None:
    with Sim() as sim:
        network, node = Network(sim, Books(), latency_s=EVEN_S), sim.node("app")

        async def give_up() -> None:
            with pytest.raises(TimeoutError):
                async with node.flow.timeout(0.1):
                    await make_door(network, node).send(HttpRequest("GET", HTTPS, {"x-item": "item"}))
            await node.flow.sleep(9)

        node.run(give_up())
        assert lines(network.history) == [(0, "sent", ""), (250, "arrived", "200")]


@every_door
def test_a_request_in_flight_at_a_crash_arrives_and_ends_for_nobody(make_door: MakeDoor) -> None:
    with Sim() as sim:
        network, node, other = Network(sim, Books(), latency_s=EVEN_S), sim.node("app"), sim.node("other")
        node.spawn(make_door(network, node).send(HttpRequest("GET", HTTPS, {"x-item": "item"})))
        sim.after(0.1, node.crash)
        other.run(other.flow.sleep(1))
        assert lines(network.history) == [(0, "sent", ""), (250, "arrived", "200")]


def test_calls_are_numbered_by_node_and_a_restart_goes_on_counting() -> None:
    asked = []

    def decide(node: str, call: int, request: HttpRequest) -> Fate:
        asked.append((node, call))
        return Fate()

    with Sim() as sim:
        network = Network(sim, Books(), decide=decide)
        for name in ("app", "app", "other", "app"):
            node = sim.node(name)
            node.run(DOORS["thin"](network, node).send(HttpRequest("GET", HTTPS, {"x-item": "item"})))
            node.crash()
    assert asked == [("app", 1), ("app", 2), ("other", 1), ("app", 3)]


def test_another_node_s_calls_do_not_change_how_long_a_call_takes() -> None:
    def took(*, also: bool) -> list[int]:
        with Sim(7) as sim:
            network, node, other = Network(sim, Books()), sim.node("app"), sim.node("other")
            for sender in [node, *([other] if also else []), node]:
                sender.run(DOORS["thin"](network, sender).send(HttpRequest("GET", HTTPS, {"x-item": "item"})))
            sent, ended = (
                [line.at_us for line in network.history if line.node == "app" and line.what == what]
                for what in ("sent", "ended")
            )
            return [end - start for start, end in zip(sent, ended, strict=True)]

    assert took(also=True) == took(also=False)
    assert all(40_000 <= us <= 160_000 for us in took(also=False))


def test_a_server_s_own_error_ends_the_run() -> None:
    class Broken:
        def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
            raise LookupError("a bug of the server")

    with Sim() as sim:
        node = sim.node("app")
        with pytest.raises(LookupError, match="a bug of the server"):
            node.run(DOORS["thin"](Network(sim, Broken()), node).send(HttpRequest("GET", HTTPS)))


def in_httpx(use: Callable[[httpx.AsyncClient, Node], Awaitable[object]], fate: Fate) -> tuple[object, float]:
    """Use a plain httpx client in the simulation, and say how long it took."""
    with Sim() as sim:
        node = sim.node("app")
        network = Network(sim, Books(), decide=lambda *_: fate, latency_s=EVEN_S)

        async def main() -> object:
            async with httpx.AsyncClient(transport=SimTransport(network, node), headers={"X-Item": "item"}) as client:
                return await use(client, node)

        return node.run(main()), node.flow.monotonic_s()


@pytest.mark.parametrize(("timeout", "ends_s"), [(httpx.Timeout(10), 10), (3, 3), (None, 10)])
def test_beneath_httpx_the_read_timeout_is_kept(timeout: float | httpx.Timeout | None, ends_s: float) -> None:
    async def ask(client: httpx.AsyncClient, node: Node) -> None:
        with pytest.raises(httpx.ReadTimeout) as raised:
            await client.get(HTTPS, timeout=timeout)
        assert raised.value.request.url == HTTPS

    assert in_httpx(ask, Fate(arrives=False)) == (None, ends_s)


def test_beneath_httpx_a_timeout_of_the_flow_wins_when_it_is_shorter() -> None:
    async def ask(client: httpx.AsyncClient, node: Node) -> None:
        with pytest.raises(TimeoutError):
            async with node.flow.timeout(2):
                await client.get(HTTPS)

    assert in_httpx(ask, Fate(arrives=False)) == (None, 2)


@pytest.mark.parametrize(
    ("fate", "error"), [(Fate(refused=True), httpx.ConnectError), (Fate(resets=True), httpx.ReadError)]
)
def test_beneath_httpx_faults_are_httpx_s_own(fate: Fate, error: type[Exception]) -> None:
    async def ask(client: httpx.AsyncClient, node: Node) -> None:
        with pytest.raises(error):
            await client.get(HTTPS)

    in_httpx(ask, fate)


def test_httpx_reaches_no_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(*_: object) -> NoReturn:
        raise AssertionError("an event loop was asked for")

    monkeypatch.setattr(asyncio, "new_event_loop", reached)
    monkeypatch.setattr(asyncio.events, "new_event_loop", reached)
    monkeypatch.setattr(asyncio.get_event_loop_policy(), "new_event_loop", reached, raising=False)
    assert scenario(DOORS["wire"], 1)[1]
