"""A thousand locations pushed at the same time from one process, against the bare HTTP requests of the same pushes.

The PMSs of all locations are served by one other process. Each kind of ledger is measured in a process of its own,
which is told apart by its arguments: the memory counted is that of the pushing process alone. Needs Linux.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydantic import SecretStr

from benchmarks._hotels import (
    PUSHING,
    Recorded,
    bare_client,
    order_of,
    place_of,
    recorded_push,
    send_bare,
    serving,
    settings_of,
)
from pms_lab.domain.push import PushState
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import unwatched
from pms_lab.live.push import Office, office, push_ports
from pms_lab.settings import Settings
from tests.store.databases import new_schema

VENDOR = "mews"
FEW, MANY = 100, 1_000
ROUNDS = 2
PRODUCTS, NIGHTS = 3, 1
STALL_S = 10.0
STALLED = "H0"

NAMES = [f"H{number}" for number in range(MANY)]
STEPS = count()
FILES = [0]
"""How many were open, connections among them, from time to time."""


@dataclass(frozen=True)
class Found:
    """What was measured with one kind of ledger.

    Attributes:
        pushed_s, bare_s: how long all pushes and all their bare requests took, round by round.
        few_mb, many_mb, again_mb: the largest memory after a push to few locations, to many, and to many again.
        files: the most files that were open, connections among them.
        calm_s: how long a push to few locations took.
        others_s: how long it took all but one, whose PMS stalled meanwhile; it took `stalled_s` itself.
    """

    pushed_s: list[float]
    bare_s: list[float]
    few_mb: float
    many_mb: float
    again_mb: float
    files: int
    calm_s: float
    others_s: float
    stalled_s: float

    def __str__(self) -> str:
        ratios = sorted(pushed_s / bare_s for pushed_s, bare_s in zip(self.pushed_s, self.bare_s, strict=True))
        return (
            f"{MANY / min(self.pushed_s):.0f} pushes/s, {ratios[0]:.2f} to {ratios[-1]:.2f} times the bare HTTP "
            f"requests; peak memory {self.few_mb:.0f} MB for {FEW}, {self.many_mb:.0f} MB for {MANY:,}, "
            f"{self.again_mb:.0f} MB for as many again; at most {self.files:,} open files; while one PMS of {FEW} "
            f"stalls for {STALL_S:g} s, it takes {self.stalled_s:.1f} s, the others {self.others_s:.1f} s "
            f"({self.calm_s:.1f} s without)"
        )


def main() -> None:
    """Print one line: for each kind of ledger, throughput, memory, open files, and what a slow PMS does to others."""
    with TemporaryDirectory() as folder:
        told = [f"SQLite {measured(f'sqlite:///{folder}/ledger.sqlite')}"]
    try:
        with new_schema() as url:
            told.append(f"PostgreSQL {measured(url)}")
    except pytest.skip.Exception as missing:
        told.append(f"PostgreSQL not measured, {missing}")
    print(f"push_many: {MANY:,} locations at once from one process, three cells each: {' | '.join(told)}")


def measured(ledger: str) -> Found:
    """Measure with one ledger, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.push_many", ledger]
    return Found(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def measure_alone(ledger: str) -> None:
    """Measure in this process, and print what was found."""
    settings = Settings.model_construct(ledger=SecretStr(ledger))
    with TemporaryDirectory() as folder:
        print(json.dumps(asdict(asyncio.run(all_rounds(Path(folder), settings)))))


async def all_rounds(home: Path, settings: Settings) -> Found:
    """Push everywhere, several times, and the same bare."""
    few, stalls = NAMES[:FEW], {f"/{STALLED}/api/connector/v1/rates/updatePrice": STALL_S}
    with serving(VENDOR, few) as address:
        order = order_of(place_of(STALLED), PRODUCTS, NIGHTS)
        recorded = await recorded_push(VENDOR, f"{address}/{STALLED}", home, place_of(STALLED), order)
    async with office(home, settings) as opened:
        with serving(VENDOR, few) as address:
            await pushed(opened, address, few)
            calm_s = max(await pushed(opened, address, few))
            few_mb = peak_mb()
        with serving(VENDOR, few, stalls) as address:
            stalled_s, *others_s = await pushed(opened, address, few)
        with serving(VENDOR, NAMES) as address:
            pushed_s, bare_s, peaks_mb = [], [], []
            for _ in range(ROUNDS):
                pushed_s.append(max(await pushed(opened, address, NAMES)))
                peaks_mb.append(peak_mb())
                bare_s.append(await bare(recorded, address))
    return Found(
        pushed_s, bare_s, few_mb, peaks_mb[0], peaks_mb[-1], max(FILES), calm_s, max(others_s), stalled_s
    )  # fmt: skip


async def pushed(opened: Office, address: str, names: Sequence[str]) -> list[float]:
    """Push to all of some hotels at once; return when each ended, in seconds from the common beginning."""
    step, began_s = next(STEPS), time.perf_counter()

    async def one(name: str) -> float:
        place, settings = place_of(name), settings_of(VENDOR, f"{address}/{name}")
        async with push_ports(opened, place, settings, PUSHING, unwatched) as ports:
            outcome = await push(ports, order_of(place, PRODUCTS, NIGHTS, step))
        assert outcome.state is PushState.PUBLISHED, outcome.why
        return time.perf_counter() - began_s

    watch = asyncio.create_task(count_files())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(name)) for name in names]
    watch.cancel()
    return [task.result() for task in tasks]


async def count_files() -> None:
    """Count the open files, again and again."""
    while True:
        FILES.append(len(os.listdir("/proc/self/fd")))
        await asyncio.sleep(0.1)


async def bare(recorded: Recorded, address: str) -> float:
    """Send the requests of one push to every hotel, at once; return how long that takes."""
    began_s = time.perf_counter()

    async def one(name: str) -> None:
        async with bare_client() as client:
            await send_bare(client, [*recorded.before, *recorded.sent], address, name)

    async with asyncio.TaskGroup() as group:
        for name in NAMES:
            group.create_task(one(name))
    return time.perf_counter() - began_s


def peak_mb() -> float:
    """Return the most memory that this process has held."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    measure_alone(sys.argv[1]) if sys.argv[1:] else main()
