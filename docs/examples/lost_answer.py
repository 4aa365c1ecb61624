"""An adapter in virtual time: the answer to a charge is lost, and reading back finds that it was posted.

Run it with `python docs/examples/lost_answer.py`. Nothing here waits: four minutes pass in milliseconds.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pms_lab.adapters.vendors import adapter_of
from pms_lab.adapters.wire import Link
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown
from pms_lab.domain.property import Property
from pms_lab.domain.writes import PostCharge
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.ports import Flow, HttpRequest
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.sim.driver import Sim
from pms_lab.sim.network import Fate, Network, ThinDoor
from pms_lab.sim.pms.sample import fill
from pms_lab.sim.pms.served import SAMPLES, server_of

NOON = datetime(2026, 11, 30, 17, tzinfo=UTC)  # in New York, where the sample hotel is


def lose_charges(node: str, call: int, request: HttpRequest) -> Fate:
    """Let every charge arrive, and lose its answer."""
    return Fate(answered=not request.url.endswith("/charges"))


async def charge(pms: PMSAdapter, flow: Flow) -> None:
    """Post a charge to today's first arrival, and find out how it ended."""
    arrival = await anext(pms.get_arrivals(NOON.date()))
    write = PostCharge("minibar-1", arrival.id, "Minibar", Money.of("12.50", "USD"), code="1000")
    match await pms.post_charge(write):
        case Applied():
            print("posted")
        case Refused(why, message):
            print(f"refused, {why}: {message}")
        case Unknown(cause):
            print(f"unknown after {flow.monotonic_s():.0f} s: {cause}")
            ended = await pms.reconcile(write, flow.now())
            print(f"read back: {type(ended).__name__}")


with Sim(seed=1, epoch=NOON) as sim:
    sample = SAMPLES["opera"]()
    fill(sample.face.pms, sim.now())
    network = Network(sim, server_of("opera", sample.face), decide=lose_charges)
    node = sim.node("front desk")
    windows = MemoryWindows(node.flow.monotonic_s)
    link = Link(ThinDoor(network, node), node.flow, node.chance, "https://opera.example.com", windows)
    place = Property("HOTEL", "HOTEL1", ZoneInfo("America/New_York"), "USD", rate_plan="BAR")
    node.run(charge(adapter_of("opera", place, sample.credentials, link), node.flow))
    print(f"charges in the PMS: {len(sample.face.pms.postings)}; exchanges: {len(network.history)} lines of history")
