"""A hotel to push rates to: a simulated QloApps on loopback, and a home whose settings reach it."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from pms_lab.cli.app import main
from pms_lab.cli.pms_commands import SAMPLE_LOCATION
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.lab import Lab, open_lab
from pms_lab.live.serve import app_of, listening
from pms_lab.sim.pms.face import Server
from pms_lab.sim.pms.served import sample_server
from pms_lab.sim.pms.state import Pms

CODE = "HOTEL"
LIVE = "live = true"


@dataclass
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


@dataclass
class Hotel:
    """The PMS, its home, and the commands in it.

    Attributes:
        requests: all that reached the PMS.
        answers: where it is one, the PMS takes a rate, and answers only when it is set.
    """

    home: Path
    port: int
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    server: Server = field(default_factory=lambda: sample_server("qloapps", "", datetime.now(UTC))[0])
    requests: list[HttpRequest] = field(default_factory=list)
    answers: threading.Event | None = None

    @property
    def pms(self) -> Pms:
        """The state of the PMS itself."""
        return self.server.face.pms

    @property
    def today(self) -> date:
        """Today by the hotel's clock."""
        return self.pms.business_date(datetime.now(UTC))

    def night(self, ahead: int = 5) -> date:
        """A night so many days from today."""
        return self.today + timedelta(days=ahead)

    def set_up(self, push: str = LIVE, extra: str = "") -> None:
        """Write the settings, with these lines in the table of pushes."""
        products = '{ GEN = "1", DLX = "2", EXE = "3", LUX = "4" }'
        pms = [
            f"[pms.{CODE}]",
            'vendor = "qloapps"',
            f'base_url = "http://127.0.0.1:{self.port}"',
            'property = "1"',
            f"products = {products}",
            'credentials = { key = "PMSLABDEMOPMSLABDEMOPMSLABDEMO01" }',
        ]
        (self.home / "pms_lab.toml").write_text("\n".join([extra, *pms, f"[push.{CODE}]", push]))

    def sheet(self, *rows: str, head: str = "product,stay_date,rate", name: str = "week.csv") -> Path:
        """Write a sheet; `NIGHT` in a row is a night five days ahead."""
        file = self.home / name
        file.write_text("\n".join([head, *(row.replace("NIGHT", str(self.night())) for row in rows), ""]))
        return file

    def rate(self, product: str = "1", night: date | None = None) -> Decimal:
        """What the PMS holds for a night, by the vendor's id of the product."""
        return self.pms.rate(product, night or self.night())

    def said(self, *arguments: object, answer: str | None = None) -> Told:
        """Give a command, in this process, with what is typed to it."""
        self.patch.setattr(sys, "argv", ["pms-lab", *map(str, arguments)])
        self.patch.setattr(sys, "stdin", io.StringIO(answer or ""))
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capture.readouterr()
        assert "Traceback" not in out + err
        return Told(int(ended.value.code or 0), out, err)

    def push(self, *arguments: object, answer: str | None = None) -> Told:
        """Push."""
        return self.said("push", "--location", CODE, *arguments, answer=answer)

    def lab(self) -> Lab:
        """The workbench in this home."""
        return open_lab(self.home)

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Answer what reaches the PMS."""
        self.requests.append(request)
        response = self.server.receive(request, at)
        if self.answers and request.method in ("POST", "PUT") and b"feature_price" in request.body:
            self.answers.wait(30)
        return response


@contextmanager
def opened(home: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> Iterator[Hotel]:
    """Serve the hotel while the block runs, in a thread."""
    (home / "data").mkdir(parents=True)
    (home / "data" / "locations.toml").write_text(f"[{CODE}]\n{SAMPLE_LOCATION}\n")
    patch.setenv("PMS_LAB_HOME", str(home))
    patch.setenv("COLUMNS", "100")
    patch.setenv("LOGNAME", "night-desk")
    with listening(0) as taken:
        hotel = Hotel(home, taken.getsockname()[1], patch, capture)
        hotel.set_up()
        config = uvicorn.Config(app_of(hotel), log_level="warning", lifespan="off", server_header=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield hotel
        finally:
            if hotel.answers:
                hotel.answers.set()
            server.should_exit = True
            thread.join(20)


def environment(hotel: Hotel) -> dict[str, str]:
    """For a command in a process of its own."""
    return os.environ | {"PMS_LAB_HOME": str(hotel.home), "COLUMNS": "100"}
