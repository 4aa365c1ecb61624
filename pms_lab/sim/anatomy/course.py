"""One course of a push in virtual time.

A course is a push of three rates with its trouble: what becomes of its requests, a colleague's edit at an instant, a
crash and the recoveries after it. The same seed gives the same course, so a trouble can be aimed at an instant of the
calm one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

import polars as pl

from pms_lab.domain.push import Alert, Push, PushOutcome, PushState
from pms_lab.engine.push import push
from pms_lab.engine.recover import recover
from pms_lab.rules.push_policy import CAREFUL, PushPolicy
from pms_lab.sim.anatomy.happenings import happenings, label_of
from pms_lab.sim.anatomy.log import Step
from pms_lab.sim.anatomy.watching import WatchedWorld
from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.thin import CALM, ThinFate
from pms_lab.sim.push_world import MORNING, NEW, OLD, order
from pms_lab.sim.stops import Crashed

APP: Final = "app"
EDITED: Final = Decimal("53.00")
"""What a colleague sets class S to, in every course with an edit."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a colleague does in the PMS, at a true time from the beginning."""

    product: str
    amount: Decimal
    at_s: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong with one push.

    Attributes:
        fates: of the requests that do not fare well, by operation and number from 1.
        crash_at: the crash point at which the process dies; None where it does not.
        recoveries_s: how long after the crash recovery is asked for, each time.
        watched_s: how long the world is looked at, at least.
        policy: how careful the push is.
    """

    fates: Mapping[tuple[str, int], ThinFate] = field(default_factory=dict)
    edit: Edit | None = None
    crash_at: int | None = None
    recoveries_s: tuple[float, ...] = (1.0, 601.0)
    watched_s: float = 0.0
    policy: PushPolicy = CAREFUL

    def decide(self, node: str, call: int, operation: str) -> ThinFate:
        """Say what becomes of a request."""
        return self.fates.get((operation, call), CALM)


NO_TROUBLE: Final = Trouble()
LANDED_UNHEARD: Final = Trouble({("update_rates", 1): ThinFate(answered=False)})
"""The write takes effect, and its answer is lost."""
LANDS_LATE: Final = Trouble({("update_rates", 1): ThinFate(late_s=25.0)})
"""The write takes effect when its sender has given it up, and has sent it again."""
LANDS_IN_PART: Final = Trouble({("update_rates", 1): ThinFate(first=2)})
"""The connection breaks when two of the three cells are written."""
GIVEN_UP: Final = Trouble(
    {
        **LANDS_IN_PART.fates,
        ("update_rates", 2): ThinFate(throttled_s=20.0),
        ("update_rates", 3): ThinFate(throttled_s=20.0),
    },
    policy=PushPolicy(waits_s=(5.0, 25.0)),
)
"""The same, and the PMS takes no further write while it is tried: twice, to be brief."""


@dataclass(frozen=True, slots=True)
class Death:
    """Where a process died: in which step, what each cell held then, and what the ledger said."""

    at_s: float
    step: Step
    held: Mapping[str, Decimal]
    state: PushState | None


@dataclass(frozen=True)
class Course:
    """What happened in one course.

    Attributes:
        happenings: a row each, as `happenings.COLUMNS` says.
        cells: what became of each: `product`, `old`, `new`, `held` (the truth at the end), `ending` (as the push or its
            recovery tells; null where none did).
        steps: what the processes awaited, in order.
        points: how many crash points the push passed.
        push: as the ledger keeps it at the end; None where nothing was recorded.
        alerts: those that were raised, the first one first.
        death: None where it lived.
    """

    happenings: pl.DataFrame
    cells: pl.DataFrame
    steps: tuple[Step, ...]
    points: int
    push: Push | None
    alerts: tuple[Alert, ...]
    death: Death | None

    @property
    def state(self) -> str:
        """How it ended, as the ledger says; empty where nothing was recorded."""
        return self.push.state.value if self.push else ""

    @property
    def why(self) -> str:
        """Why it ended so, as the ledger says."""
        return self.push.transitions[-1].why if self.push else ""

    @property
    def exposed_s(self) -> float | None:
        """How long, as the ledger says, an edit could have been lost."""
        return self.push.transitions[-1].exposed_s if self.push else None

    @property
    def instants_s(self) -> list[float]:
        """The instants at which anything began, took effect or ended."""
        times = self.happenings.select(pl.concat_list("start_s", "effect_s", "end_s").explode().drop_nulls().unique())
        return sorted(times.to_series())

    def request(self, label: str) -> dict[str, Any]:
        """Return the first request of a label to the PMS, as a row of `happenings`.

        Raises:
            LookupError: there is none.
        """
        found = self.happenings.filter((pl.col("lane") == "network") & (pl.col("label") == label))
        if found.is_empty():
            raise LookupError(f"no request {label!r} was made")
        return found.row(0, named=True)

    def asking(self, label: str) -> int:
        """Return the crash point just after the first step of a label has asked.

        Raises:
            LookupError: there is no such step.
        """
        labels = [label_of(step) for step in self.steps]
        if label not in labels:
            raise LookupError(f"no step {label!r} was taken")
        return 2 * labels.index(label) + 1


def scenes(seed: int) -> dict[str, Trouble]:
    """Return the troubles that are worth a look, aimed at instants of the calm course."""
    calm = course(seed)
    written_s, read_s = calm.request("write 3")["effect_s"], calm.request("read back")["effect_s"]
    dies = calm.asking("write 3")
    return {
        "calm": NO_TROUBLE,
        "lost answer": LANDED_UNHEARD,
        "late landing": LANDS_LATE,
        "partial write": GIVEN_UP,
        "colleague": Trouble(edit=Edit("S", EDITED, (written_s + read_s) / 2)),
        "death": Trouble(crash_at=dies),
        "death and a partial write": replace(LANDS_IN_PART, crash_at=dies, recoveries_s=(601.0,)),
    }


def course(seed: int, trouble: Trouble = NO_TROUBLE) -> Course:
    """Let one push take its course."""
    with Sim(seed, epoch=MORNING) as sim:
        world, edit = WatchedWorld(sim, trouble.decide, policy=trouble.policy), trouble.edit
        if edit is not None:
            sim.after(edit.at_s, partial(world.edit, edit.product, edit.amount))
        node = sim.node(APP, crash_at=trouble.crash_at)
        death, told = None, None
        try:
            told = node.run(push(world.ports(node), order()))
        except Crashed:
            death = _death(world)
            told = _recovered(world, trouble.recoveries_s)
        _pass_until(world, trouble.watched_s)
        return Course(
            happenings=happenings(world, death.at_s if death else None),
            cells=_cells(world, told),
            steps=tuple(world.log.steps),
            points=node.points,
            push=next(iter(world.book.pushes()), None),
            alerts=world.book.alerts()[::-1],
            death=death,
        )


def _death(world: WatchedWorld) -> Death:
    state = next((one.state for one in world.book.pushes()), None)
    return Death(world.log.now_us / 1e6, world.log.steps[-1], world.amounts(), state)


def _recovered(world: WatchedWorld, recoveries_s: tuple[float, ...]) -> PushOutcome | None:
    """Recover as often as asked, and return what the last recovery that found anything told."""
    died_s, told = world.log.now_us / 1e6, None
    for wait_s in recoveries_s:
        _pass_until(world, died_s + wait_s)
        node = world.sim.node(APP)
        for outcome in node.run(recover(world.ports(node))):
            told = outcome
    return told


def _pass_until(world: WatchedWorld, at_s: float) -> None:
    bystander = world.sim.node("bystander")
    bystander.run(bystander.flow.sleep(at_s - world.log.now_us / 1e6))


def _cells(world: WatchedWorld, told: PushOutcome | None) -> pl.DataFrame:
    endings = {one.change.cell.product: one.ending.value for one in told.cells} if told else {}
    rows = [(code, OLD[code], NEW[code], held, endings.get(code)) for code, held in world.amounts().items()]
    amount = pl.Decimal(14, 2)
    kinds: dict[str, pl.DataType] = {
        "product": pl.String(),
        "old": amount,
        "new": amount,
        "held": amount,
        "ending": pl.String(),
    }
    return pl.DataFrame(rows, schema=kinds, orient="row")
