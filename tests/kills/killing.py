"""The rig: a PMS served over loopback, processes that push to it and are killed, and the recovery after each."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import median

import uvicorn

from pms_lab.domain.push import Push, PushState
from pms_lab.domain.rates import RateCell
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.recover import recover
from pms_lab.lab import Lab, open_lab
from pms_lab.live.flow import LiveFlow
from pms_lab.live.serve import app_of, listening
from pms_lab.sim.pms.face import Face, Server
from pms_lab.sim.pms.served import SAMPLES, server_of
from tests.kills.pusher import LOCATION, amounts, cells, run_push, with_ports

HASTE = 1000

SETTINGS = """\
ledger = "{ledger}"

[pms.HOTEL]
vendor = "qloapps"
base_url = "http://127.0.0.1:{port}"
property = "1"
products = {{ {products} }}
credentials = {{ {credentials} }}

[push.HOTEL]
live = true
allow_new = true
"""
LOCATIONS = """\
[HOTEL]
name = "A hotel to kill at"
zone = "America/New_York"
currency = "USD"
price_step = "0.01"
products.GEN = { label = "General rooms" }
products.DLX = { label = "Delux rooms" }
products.EXE = { label = "Executive rooms" }
"""


class HastyFlow(LiveFlow):
    """A clock that runs a thousand times as fast, for recoveries.

    The in-flight bound of half a minute is over at once: the served PMS has read the killed process's connections to
    their end, and does at once what it reads.
    """

    def monotonic_s(self) -> float:
        return super().monotonic_s() * HASTE

    async def sleep(self, wait_s: float) -> None:
        await super().sleep(wait_s / HASTE)


@dataclass
class Tally:
    """What the kills met, and what was wrong after them: nothing, one hopes."""

    kills: int = 0
    met: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Rig:
    """One hotel whose pushes are killed."""

    def __init__(self, home: Path, face: Face, pms: uvicorn.Server, seed: str) -> None:
        self.face = face
        self._pms = pms
        self.today = datetime.now(UTC).astimezone(face.pms.hotel.zone).date()
        self.lab: Lab = open_lab(home)
        self.held: dict[RateCell, Decimal] = {}
        self.step = 0
        self._chance = Random(seed)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.kills.pusher", "pms_lab.adapters.vendors"])

    def start(self) -> float:
        """Push three times undisturbed, and return how long that takes, in seconds."""
        times = []
        for _ in range(3):
            process, began_s = self._process(), time.monotonic()
            process.join()
            times.append(time.monotonic() - began_s)
            self.held = self.in_pms()
            assert self.held == amounts(self.today, self.step), "an undisturbed push was not published"
        return median(times)

    def kill(self, tally: Tally, longest_s: float) -> None:
        """Let a process push, kill it at a random instant, recover, and look at what is there."""
        events = len(self.face.pms.events)
        process = self._process()
        time.sleep(self._chance.uniform(0, longest_s))
        process.kill()
        process.join()
        while self._pms.server_state.connections:
            time.sleep(0.002)
        tally.kills += 1
        tally.met[self._met()] += 1
        latest = asyncio.run(self._settled())
        tally.ended[latest.state if latest else "no push"] += 1
        tally.wrong += self._faults(latest, wrote=len(self.face.pms.events) > events)
        self.held = self.in_pms()

    def release(self) -> None:
        """Free the lock that a push could not give back."""
        asyncio.run(with_ports(self.lab, release))

    def _process(self) -> multiprocessing.process.BaseProcess:
        """Start a process that pushes, and return it when it is about to: before that there is little to kill."""
        self.step += 1
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=run_push, args=(theirs, self.lab.home, self.today, self.step))
        process.start()
        theirs.close()
        ours.recv()
        return process

    def _met(self) -> str:
        new, now = amounts(self.today, self.step), self.in_pms()
        there = sum(now[cell] == amount for cell, amount in new.items())
        return "all old" if there == 0 else "all new" if there == len(new) else "a part"

    async def _settled(self) -> Push | None:
        """Recover under the lock of the dead process, which would else lapse after ten minutes, and return its push."""
        found: list[Push] = []

        async def settle(ports: PushPorts) -> None:
            hasty = replace(ports, flow=HastyFlow())
            await release(ports)
            await recover(hasty)
            before = len(self.face.pms.events)
            assert await recover(hasty) == ()
            assert len(self.face.pms.events) == before, "a second recovery wrote something"
            found.extend(await ports.ledger.pushes(LOCATION, limit=1))

        await with_ports(self.lab, settle)
        new = amounts(self.today, self.step)
        return next((one for one in found if all(new[change.cell] == change.new for change in one.changes)), None)

    def _faults(self, latest: Push | None, *, wrote: bool) -> list[str]:
        new, now = amounts(self.today, self.step), self.in_pms()
        faults = []
        if now not in (new, self.held):
            faults.append("a mixed sheet")
        if wrote and (latest is None or len(latest.transitions) < 3):
            faults.append("a write without an intent")
        if latest is not None and not latest.state.is_final:
            faults.append("an open push")
        if latest is not None and (latest.state is PushState.PUBLISHED) != (now == new):
            faults.append(f"{latest.state}, and the PMS holds {'new' if now == new else 'old'} rates")
        if latest is None and now != self.held:
            faults.append("no push, and other rates")
        return [f"kill {self.step}: {fault}" for fault in faults]

    def in_pms(self) -> dict[RateCell, Decimal]:
        """Return what the PMS truly holds."""
        products = {code: number for number, code in enumerate(("GEN", "DLX", "EXE"), start=1)}
        return {
            cell: self.face.pms.rate(str(products[cell.product]), cell.stay_date)
            for cell in cells(self.today)
            if cell.stay_date
        }


async def release(ports: PushPorts) -> None:
    """Free the lock of a holder that is known to do nothing more."""
    if holder := await ports.locks.holder(LOCATION):
        await ports.locks.release(LOCATION, holder.owner, holder.token)


@contextmanager
def rig(home: Path, ledger: str, seed: str) -> Iterator[Rig]:
    """Serve a sample hotel over loopback, with a home whose settings reach it and a ledger."""
    sample = SAMPLES["qloapps"]()
    products, credentials = sample.settings["products"], sample.credentials
    assert isinstance(products, Mapping)
    with served(server_of("qloapps", sample.face)) as (port, pms):
        (home / "data").mkdir(parents=True)
        (home / "data" / "locations.toml").write_text(LOCATIONS)
        text = SETTINGS.format(ledger=ledger, port=port, products=_toml(products), credentials=_toml(credentials))
        (home / "pms_lab.toml").write_text(text)
        yield Rig(home, sample.face, pms, seed)


@contextmanager
def served(server: Server) -> Iterator[tuple[int, uvicorn.Server]]:
    """Serve in a thread, on a port of this machine."""
    taken = listening(0)
    config = uvicorn.Config(app_of(server), log_level="error", lifespan="off", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield taken.getsockname()[1], running
    finally:
        running.should_exit = True
        thread.join()


def _toml(values: Mapping[str, str]) -> str:
    return ", ".join(f'{name} = "{value}"' for name, value in values.items())
