"""A push whose ledger breaks in the middle: the PMS is never left half-written, and a good push is never taken back."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from pms_lab.domain.push import PushOutcome, PushState
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.recover import recover
from tests.kills.killing import HastyFlow, Rig, rig
from tests.kills.pusher import amounts, order_of, with_ports
from tests.store.databases import new_schema


class Interrupted:
    """A PMS port that does something once, just after the first call of an operation has ended."""

    def __init__(self, inner: Any, operation: str, do: Callable[[], None]) -> None:
        self._inner, self._operation, self._do = inner, operation, do

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        if name != self._operation:
            return call

        async def interrupted(*arguments: Any) -> Any:
            ended = await call(*arguments)
            self._do, do = lambda: None, self._do
            do()
            return ended

        return interrupted


def pushed(hotel: Rig, step: int, operation: str = "", do: Callable[[], None] = lambda: None) -> PushOutcome:
    """Push with an interruption."""

    async def work(ports: PushPorts) -> PushOutcome:
        interrupted = replace(ports, pms=Interrupted(ports.pms, operation, do))
        return await push(interrupted, order_of(amounts(hotel.today, step)))

    outcome = asyncio.run(with_ports(hotel.lab, work))
    assert outcome is not None
    return outcome


def recovered(hotel: Rig) -> list[PushState]:
    async def work(ports: PushPorts) -> None:
        states.extend(one.state for one in await recover(replace(ports, flow=HastyFlow())))

    states: list[PushState] = []
    asyncio.run(with_ports(hotel.lab, work))
    return states


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """Mount a disk of two megabytes on a folder, and yield what fills it; removing `filler` makes room again."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")

    def fill() -> None:
        with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(1024)):
                pass

    try:
        yield fill
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_when_the_intent_is_written_stops_the_push_before_anything_is_sent(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk) as fill, rig(tmp_path / "home", f"sqlite:///{disk}/ledger.sqlite", "full") as hotel:
        assert pushed(hotel, 1).state is PushState.PUBLISHED
        events = len(hotel.face.pms.events)
        outcome = pushed(hotel, 2, "get_rates", fill)
        assert (outcome.state, outcome.push_id) == (PushState.REJECTED, None)
        assert "full" in outcome.why
        assert len(hotel.face.pms.events) == events
        (disk / "filler").unlink()
        hotel.release()
        assert pushed(hotel, 2).state is PushState.PUBLISHED


def test_a_disk_that_is_full_when_the_end_is_recorded_does_not_take_a_good_push_back(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk) as fill, rig(tmp_path / "home", f"sqlite:///{disk}/ledger.sqlite", "full") as hotel:
        check_a_ledger_that_breaks(hotel, fill, (disk / "filler").unlink)


def test_a_database_that_goes_in_mid_push_does_not_take_a_good_push_back(tmp_path: Path) -> None:
    with new_schema() as url, closing(Passage(url)) as passage, rig(tmp_path / "home", passage.url, "gone") as hotel:
        check_a_ledger_that_breaks(hotel, passage.shut, passage.reopen)


def check_a_ledger_that_breaks(hotel: Rig, break_it: Callable[[], None], mend_it: Callable[[], None]) -> None:
    assert pushed(hotel, 1).state is PushState.PUBLISHED
    outcome = pushed(hotel, 2, "update_rates", break_it)
    assert outcome.state is PushState.IN_PROGRESS
    assert [alert.push_id for alert in outcome.alerts] == [outcome.push_id]
    assert hotel.in_pms() == amounts(hotel.today, 2)
    mend_it()
    hotel.release()
    assert pushed(hotel, 3).state is PushState.REJECTED  # one is open
    assert recovered(hotel) == [PushState.PUBLISHED]
    assert hotel.in_pms() == amounts(hotel.today, 2)
    assert pushed(hotel, 3).state is PushState.PUBLISHED


def test_a_damaged_last_page_ends_in_a_state_and_never_in_a_mixed_sheet(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with rig(tmp_path / "home", f"sqlite:///{file}", "damaged") as hotel:
        for step in (1, 2, 3):
            assert pushed(hotel, step).state is PushState.PUBLISHED
        with file.open("r+b") as pages:
            pages.seek(-4096, 2)
            pages.write(b"\xff" * 4096)
        outcome = pushed(hotel, 4)
        is_new = hotel.in_pms() == amounts(hotel.today, 4)
        assert is_new or hotel.in_pms() == amounts(hotel.today, 3)
        assert (outcome.state is PushState.PUBLISHED) <= is_new
        assert outcome.state is PushState.PUBLISHED or "damaged" in outcome.why


class Passage:
    """A way to a PostgreSQL server that can be shut, which breaks what goes through it."""

    def __init__(self, url: str) -> None:
        there = make_url(url)
        self._there = (there.host or "127.0.0.1", there.port or 5432)
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self.url = there.set(host="127.0.0.1", port=self._port).render_as_string(hide_password=False)
        self._accept()

    def _accept(self) -> None:
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(self._there)
                self._open += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()

    def shut(self) -> None:
        """Break all connections, and take no new ones."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def reopen(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._accept()

    def close(self) -> None:
        """Shut for good."""
        self.shut()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
