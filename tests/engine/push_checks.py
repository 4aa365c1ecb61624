"""A world of pushes that is watched, and what must hold of it whatever happened.

The checks are functions of what the world, the ledger and the alerts say. Each returns sentences: what is broken.
Every amount that is written in a history is another, so that it tells who wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Alert, Change, Push, PushOutcome, PushState, Transition
from pms_lab.domain.rates import RateCell
from pms_lab.engine.ledger import Fence
from pms_lab.engine.memory_book import MemoryBook
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.recover import recover
from pms_lab.errors import StoreError
from pms_lab.rules.push_policy import PushPolicy
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.pms.thin import CALM, CAN, Decide, Line, ThinFate, calm
from pms_lab.sim.push_world import DESK, MORNING, NIGHT, PLAN, PushWorld, order
from pms_lab.sim.stops import Crashed
from pms_lab.sim.storage import CALM as STORE_CALM
from pms_lab.sim.storage import SimLocks, SimRunner, StoreFate, at_once
from pms_lab.sim.storage import calm as calm_store

WRITES: Final = ("update_rates", "clear_rates")
NOTHING_OF_OURS: Final = (PushState.ROLLED_BACK, PushState.REJECTED, PushState.PENDING_MANUAL_REVIEW)
OPEN: Final = (PushState.PREPARED, PushState.IN_PROGRESS)


def fated(**fates: ThinFate | Callable[[], None]) -> Decide:
    """Decide by ``operation_call``, such as ``update_rates_1``; the rest is calm.

    Args:
        fates: what becomes of a request; or what happens in the world when it is sent.
    """

    def decide(node: str, call: int, operation: str) -> ThinFate:
        fate = fates.get(f"{operation}_{call}", CALM)
        if isinstance(fate, ThinFate):
            return fate
        fate()
        return CALM

    return decide


def always(operation: str, fate: ThinFate, calls: int = 9) -> dict[str, ThinFate]:
    """Return the same fate for the first calls of an operation, for `fated`."""
    return {f"{operation}_{call}": fate for call in range(1, calls + 1)}


class Sent(NamedTuple):
    """A write that was sent: by whom, who held the lock then, and the pushes whose intent was recorded and open."""

    at_us: int
    node: str
    operation: str
    call: int
    holder: str | None
    under_way: frozenset[str]


class Recorded(NamedTuple):
    """A transition that was recorded, at the true time; `events` is how many the PMS had then."""

    at_us: int
    push_id: str
    state: PushState
    token: int | None
    events: int


class Renewal(NamedTuple):
    """A wait of a node for its lock."""

    node: str
    asked_us: int
    heard_us: int


class WatchedBook(MemoryBook):
    """A ledger that notes when each transition was recorded."""

    def __init__(self, sim: Sim, events: Callable[[], int]) -> None:
        super().__init__()
        self.recorded: list[Recorded] = []
        self._sim = sim
        self._events = events

    def open(self, push: Push, fence: Fence | None, alerts: Collection[Alert] = (), *other: Any) -> None:
        super().open(push, fence, alerts, *other)
        self._note(push.id, push.state, fence)

    def record(
        self,
        push_id: str,
        step: Transition,
        fence: Fence,
        held: Mapping[RateCell, NightlyRate] | None = None,
        alerts: Collection[Alert] = (),
    ) -> None:
        super().record(push_id, step, fence, held, alerts)
        self._note(push_id, step.state, fence)

    def _note(self, push_id: str, state: PushState, fence: Fence | None) -> None:
        token = None if fence is None else fence.token
        self.recorded.append(Recorded(int(self._sim.env.now), push_id, state, token, self._events()))


class WatchedLocks(SimLocks):
    """Locks that note which node was given which token, and how long a node waits for a renewal."""

    def __init__(self, nodes: dict[int, str], renewals: list[Renewal], node: Node, *other: Any) -> None:
        super().__init__(*other)
        self._nodes = nodes
        self._renewals = renewals
        self._node = node

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        token = await super().acquire(location, owner, ttl_s)
        if token is not None:
            self._nodes[token] = self._node.name
        return token

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        env, asked_us = self._node.sim.env, int(self._node.sim.env.now)
        try:
            return await super().renew(location, owner, token, ttl_s)
        finally:
            self._renewals.append(Renewal(self._node.name, asked_us, int(env.now)))


class Watched(PushWorld):
    """A world that notes whose each write was, and under which lock and intent it was sent.

    Attributes:
        by_hand: the numbers of the events that a colleague made.
        sent: the writes that were sent.
        fate: what becomes of each request.
    """

    book: WatchedBook

    def __init__(self, sim: Sim, decide: Decide = calm, **other: Any) -> None:
        self.by_hand: set[int] = set()
        self.sent: list[Sent] = []
        self.fate = decide
        self.renewals: list[Renewal] = []
        self._nodes: dict[int, str] = {}
        super().__init__(sim, self._decide, **other)
        self.book = WatchedBook(sim, lambda: len(self.pms.events))

    def set(self, product: str, amount: Decimal | None, *other: Any) -> None:
        super().set(product, amount, *other)
        self.by_hand.add(len(self.pms.events))

    def ports(self, node: Node) -> PushPorts:
        ports = super().ports(node)
        locks = WatchedLocks(self._nodes, self.renewals, node, self._locks, SimRunner(node, self.storage))
        return PushPorts(
            ports.flow, ports.chance, ports.pms, ports.ledger, locks, ports.place, ports.policy, ports.by
        )  # fmt: skip

    def own(self, product: str) -> Decimal | None:
        """Return the rate that a night has of its own."""
        return self.pms.rates.get((product, PLAN, NIGHT))

    def final_at_s(self) -> float:
        """Return when the last transition was recorded, in true seconds."""
        return self.book.recorded[-1].at_us / 1e6 if self.book.recorded else 0.0

    def _decide(self, node: str, call: int, operation: str) -> ThinFate:
        if operation in WRITES:
            holder = at_once(self._locks.holder(DESK.code))
            name = self._nodes.get(holder.token) if holder else None
            under_way = frozenset(one.id for one in self.book.pushes(states=[PushState.IN_PROGRESS]))
            self.sent.append(Sent(int(self.sim.env.now), node, operation, call, name, under_way))
        return self.fate(node, call, operation)


@dataclass(frozen=True, slots=True)
class Write:
    """One amount that a night was given; None took its own rate away."""

    number: int
    at_us: int
    key: str
    amount: Decimal | None
    is_by_hand: bool
    sent: Sent | None = None


def broken(world: Watched) -> list[str]:
    """Return what is broken, in a world in which nothing is under way any more."""
    writes = list(writes_of(world))
    pushes = world.book.pushes()
    return [
        *_open(pushes),
        *_without_intent(writes, pushes),
        *_without_lock(world.sent),
        *_uncompared(world),
        *_late(writes, world.book.recorded),
        *_mixed(writes, pushes, world.book.alerts()),
        *_untrue(world, writes, pushes),
        *_overwritten(world, writes, pushes),
        *_alerts(world.book.alerts(), pushes),
        *_tokens(world.book.recorded),
        *_doubled(world, writes),
    ]


def writes_of(world: Watched) -> Iterator[Write]:
    """Yield every write to the PMS; those of a colleague have no `sent`."""
    sent = {(one.node, one.operation, one.call): one for one in world.sent}
    arrived = {
        line.events: sent[line.node, line.operation, line.call]
        for line in world.way.history
        if line.has_arrived and line.operation in WRITES
    }
    by: Sent | None = None
    for event in world.pms.events:
        by = arrived.get(event.sequence - 1, by)
        if event.kind != "rate":
            continue
        amount = None if event.detail == "None" else Decimal(event.detail)
        is_by_hand = event.sequence in world.by_hand
        at_us = round((event.at - world.sim.epoch) / timedelta(microseconds=1))
        yield Write(event.sequence, at_us, event.id, amount, is_by_hand, None if is_by_hand else by)


def key_of(change: Change) -> str:
    """Return the key under which the PMS's events speak of a cell."""
    night: date | None = change.cell.stay_date
    return f"{change.cell.product}/{PLAN}/{night}"


def _open(pushes: Collection[Push]) -> Iterator[str]:
    """Every intent ends."""
    yield from (f"{one.id} has not ended: {one.state}" for one in pushes if one.state in OPEN)


def _without_intent(writes: Collection[Write], pushes: Collection[Push]) -> Iterator[str]:
    """Each write belongs to a push whose intent was recorded, with its amounts, and which had not ended."""
    meant = {
        (one.id, key_of(change), amount)
        for one in pushes
        for change in one.changes
        for amount in (change.new, change.old.amount if change.old else None, None)
    }
    for write in writes:
        if write.is_by_hand:
            continue
        by = write.sent.under_way if write.sent else ()
        if not any((push_id, write.key, write.amount) in meant for push_id in by):
            yield f"{write.key} was set to {write.amount} without a recorded intent"


def _without_lock(sent: Collection[Sent]) -> Iterator[str]:
    """Whoever sends a write holds the lock."""
    yield from (
        f"{one.node} sent {one.operation} {one.call} while {one.holder or 'nobody'} held the lock"
        for one in sent
        if one.holder != one.node
    )


def _uncompared(world: Watched) -> Iterator[str]:
    """What is written was read just before: no more than an answer of a read and a renewal of the lock lie between."""
    for one in world.sent:
        read_us = _read_before(world.way.history, one)
        renewing_us = sum(
            wait.heard_us - wait.asked_us
            for wait in world.renewals
            if wait.node == one.node and read_us <= wait.asked_us <= one.at_us
        )
        if one.at_us - read_us - renewing_us > 1e6:
            yield f"{one.node} sent {one.operation} {one.call} {(one.at_us - read_us) / 1e6:.1f} s after it had read"


def _late(writes: Collection[Write], recorded: Collection[Recorded]) -> Iterator[str]:
    """Nothing of a push takes effect after its end."""
    ended = {one.push_id: one for one in recorded if one.state not in OPEN}
    for write in writes:
        for push_id in write.sent.under_way if write.sent else ():
            if push_id in ended and write.number > ended[push_id].events:
                yield f"{write.key} was set to {write.amount} after {push_id} was {ended[push_id].state}"


def _mixed(writes: Collection[Write], pushes: Collection[Push], alerts: Collection[Alert]) -> Iterator[str]:
    """At rest the cells that nobody else has changed are all old or all new, or an alert names the push."""
    last = {write.key: write for write in writes}
    done = [one for one in pushes if _was_sent(one)]
    for one in done[:1]:  # the latest: those before it are overwritten
        ours = [change for change in one.changes if change.is_needed and not last[key_of(change)].is_by_hand]
        new = [change for change in ours if last[key_of(change)].amount == change.new]
        if new and len(new) < len(ours) and not any(alert.push_id == one.id for alert in alerts):
            yield f"{one.id} ended {one.state} with {len(new)} of {len(ours)} cells new, and no alert names it"


def _untrue(world: Watched, writes: Collection[Write], pushes: Collection[Push]) -> Iterator[str]:
    """What the ledger says of the PMS is so."""
    for one in pushes:
        mine = [write for write in writes if write.sent and one.id in write.sent.under_way]
        if one.state is PushState.PUBLISHED and mine:
            then = {write.key: write.amount for write in writes if write.number <= mine[-1].number}
            for change in one.changes:
                if then.get(key_of(change)) != change.new:
                    yield f"{one.id} is published, but {key_of(change)} was {then.get(key_of(change))}"
        last = {write.key: write for write in writes}
        if one.state in NOTHING_OF_OURS:
            for change in one.changes:
                write = last.get(key_of(change))
                if change.is_needed and write in mine and write and write.amount == change.new:
                    yield f"{one.id} is {one.state}, but {write.key} holds its {write.amount}"
            if "clear_rates" not in world.hotel.can.unsupported:
                yield from _not_restored(one, last, mine)


def _not_restored(push: Push, last: Mapping[str, Write], mine: Collection[Write]) -> Iterator[str]:
    for change in push.changes:
        write = last.get(key_of(change))
        if write is not None and write in mine and write.amount != _own(change):
            yield f"{push.id} is {push.state}, but {write.key} was left as {write.amount}, not as {_own(change)}"


def _overwritten(world: Watched, writes: Collection[Write], pushes: Collection[Push]) -> Iterator[str]:
    """What a colleague set is overwritten only where it could not be seen, and the push says so."""
    by_id = {one.id: one for one in pushes}
    last: dict[str, Write] = {}
    lag_us = world.hotel.can.read_lag_s * 1e6
    for write in writes:
        before, last[write.key] = last.get(write.key), write
        if write.sent is None or before is None or not before.is_by_hand:
            continue
        told = [by_id[one] for one in write.sent.under_way if one in by_id]
        if any(before.amount == _own(change) for one in told for change in one.changes if key_of(change) == write.key):
            continue  # it was there when the push began
        read_us = _read_before(world.way.history, write.sent)
        if before.at_us < read_us - lag_us:
            yield f"{write.key} {before.amount} of a colleague, which could be seen, became {write.amount}"
        lost_s = (write.at_us - before.at_us) / 1e6
        if not any((one.transitions[-1].exposed_s or 0.0) >= lost_s for one in told):
            yield f"{write.key} {before.amount} of a colleague was lost after {lost_s:.2f} s, and no push tells of that"


def _own(change: Change) -> Decimal | None:
    """Return the rate of its own that a cell had."""
    return change.old.amount if change.old and change.old.is_own else None


def _read_before(history: Collection[Line], sent: Sent) -> float:
    """Return when the last read that a sender had heard of before a write was made."""
    reads = [
        line.at_us
        for line in history
        if line.has_arrived and line.operation == "get_rates" and line.node == sent.node and line.at_us < sent.at_us
    ]
    return reads[-1] if reads else 0.0


def _alerts(alerts: Collection[Alert], pushes: Collection[Push]) -> Iterator[str]:
    """Whoever must know is told, once."""
    counted = Counter((alert.kind, alert.push_id) for alert in alerts if alert.push_id)
    yield from (
        f"{kind} was told {times} times of {push_id}" for (kind, push_id), times in counted.items() if times > 1
    )
    yield from (f"an alert says nothing: {alert}" for alert in alerts if not (alert.message and alert.next_step))
    named = {alert.push_id for alert in alerts}
    for one in pushes:
        ended_badly = _was_sent(one) and one.state is not PushState.PUBLISHED
        if (ended_badly or one.state is PushState.PENDING_MANUAL_REVIEW) and one.id not in named:
            yield f"{one.id} ended {one.state}, and nobody was told"


def _tokens(recorded: Collection[Recorded]) -> Iterator[str]:
    """Fencing tokens never go back."""
    highest = 0
    for one in recorded:
        if one.token is not None and one.token < highest:
            yield f"{one.push_id} was recorded as {one.state} with token {one.token}, after {highest}"
        highest = max(highest, one.token or 0)


def _doubled(world: Watched, writes: Collection[Write]) -> Iterator[str]:
    """No rate is created twice by us; beside one that a colleague created meanwhile it cannot be prevented."""
    by_hand = {write.key for write in writes if write.is_by_hand and write.amount is not None and write.at_us > 0}
    keys = ("/".join(map(str, key)) for key in world.hotel.doubled)
    yield from (f"there are two rates of {key}" for key in keys if key not in by_hand)


def _was_sent(push: Push) -> bool:
    """Whether a push came so far that it may have written."""
    return any(step.state is PushState.IN_PROGRESS for step in push.transitions)


def pass_time(world: PushWorld, wait_s: float) -> None:
    """Let the world go on, whoever is in it."""
    bystander = world.sim.node("bystander")
    bystander.run(bystander.flow.sleep(wait_s))


def settle(world: PushWorld, node: Node, every_s: float = 30.0, attempts: int = 60) -> None:
    """Recover until nothing is open, as a supervisor would; then once more, which must change nothing."""
    node.run(node.flow.sleep(1))  # what a dead node has asked of the ledger is on its way there
    for _ in range(attempts):
        if not world.book.pushes(states=OPEN):
            break
        with suppress(StoreError):
            node.run(recover(world.ports(node)))
        if world.book.pushes(states=OPEN):
            node.run(node.flow.sleep(every_s))
    world.storage.decide = calm_store
    node.run(node.flow.sleep(100))  # whatever is still under way to the PMS takes effect
    before = world.book.pushes(), len(world.pms.events), world.book.alerts()
    assert node.run(recover(world.ports(node))) == ()
    assert (world.book.pushes(), len(world.pms.events), world.book.alerts()) == before


FOREIGN: Final = Decimal("47.77")
"""What a colleague sets."""

REFUSED: Final = ThinFate(refused=True)
HALF: Final = {**always("update_rates", REFUSED, 4), "update_rates_1": ThinFate(first=2)}
"""The third cell is never written, so that in the end the others are taken back."""

PARTS: Final[dict[str, Any]] = {"can": replace(CAN, rate_batch=1), "policy": PushPolicy(part_cells=1)}
"""Settings of a world where each cell is compared and written by itself."""


@dataclass(frozen=True, slots=True)
class History:
    """What happens to one push, by a node that is restarted when it has crashed.

    Attributes:
        fates: of requests, by ``operation_call``; `store` those of calls to the store.
        edit: when a colleague sets a product's rate, in seconds; to `foreign`.
        crash_at: the crash point at which the node dies.
        inherited: the products whose nights have no rate of their own.
        settings: of the world.
    """

    fates: Mapping[str, ThinFate] = field(default_factory=dict)
    store: Mapping[int, StoreFate] = field(default_factory=dict)
    edit: tuple[float, str] | None = None
    foreign: Decimal = FOREIGN
    crash_at: int | None = None
    inherited: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1
    shuffled: bool = False


class Lived(NamedTuple):
    """How a history ended: the world, what the push told if it lived to, what is broken, and what struck."""

    world: Watched
    outcome: PushOutcome | None
    broken: list[str]
    struck: tuple[str, ...]


def live(history: History) -> Lived:
    """Live through a history: push, recover until nothing is open, and check everything."""
    healed_s = 0.0
    struck: list[str] = []
    with Sim(history.seed, epoch=MORNING, shuffled=history.shuffled) as sim:
        world = Watched(sim, **history.settings)

        def strike(what: str, until_s: float = 0.0) -> None:
            nonlocal healed_s
            healed_s = max(healed_s, sim.env.now / 1e6 + until_s)
            struck.append(what)

        def decide(node: str, call: int, operation: str) -> ThinFate:
            fate = history.fates.get(f"{operation}_{call}", CALM)
            if fate is not CALM:
                strike(f"{operation}_{call}", fate.late_s)
            return fate

        def decide_store(node: str, call: int) -> StoreFate:
            fate = history.store.get(call, STORE_CALM)
            if fate is not STORE_CALM:
                strike(f"store_{call}", fate.late_s)
            return fate

        def edit(product: str) -> None:
            world.set(product, history.foreign)
            strike("edit")

        world.fate, world.storage.decide = decide, decide_store
        for product in history.inherited:
            world.set(product, None, MORNING - timedelta(hours=5))
        if history.edit:
            sim.after(history.edit[0], lambda: edit(history.edit[1] if history.edit else ""))
        outcome, node = None, sim.node("app", crash_at=history.crash_at)
        try:
            outcome = node.run(push(world.ports(node), order()))
            node.crash_at = None
        except Crashed:
            strike("crash", world.policy.lock_ttl_s)
            node = sim.node("app")
        settle(world, node)
        wrong = broken(world)
    late_s = world.final_at_s() - healed_s - settling_bound_s(world)
    if late_s > 0:
        wrong.append(f"settled {late_s:g} s too late")
    return Lived(world, outcome, wrong, tuple(struck))


def settling_bound_s(world: Watched) -> float:
    """Return within what time after the last trouble all must be settled; after a crash the lock lapses first."""
    can = world.hotel.can
    return sum(world.policy.waits_s) + can.read_lag_s + 2 * can.in_flight_s + 60
