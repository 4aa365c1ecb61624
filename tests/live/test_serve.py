"""The simulated PMS tells of changes over a real socket."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from pms_lab.errors import HostRefused, Unsupported
from pms_lab.live.serve import poster
from pms_lab.sim.pms.served import notifying, sample_server
from pms_lab.sim.pms.webhooks import subscribe
from tests.adapters.servers import answer, server
from tests.contracts.harness import NOON


def test_a_change_is_posted_to_who_subscribed() -> None:
    heard: list[bytes] = []
    came = threading.Event()

    def take(connection: socket.socket, head: bytes) -> None:
        while not head.endswith(b"}"):
            head += connection.recv(65536)
        heard.append(head)
        connection.sendall(answer("200 OK"))
        came.set()

    served, _ = sample_server("mews", "http://127.0.0.1:1", NOON)
    with server(take) as port:
        subscribe(notifying(served.face, "mews"), poster(f"http://127.0.0.1:{port}/hook"))
        guest = served.face.pms.add_guest(NOON, first_name="Ada", last_name="Byron")
        assert came.wait(10)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook HTTP/1.1")
    assert json.loads(body)["Events"][0]["Value"]["Id"] == guest.id


def test_that_nobody_listens_is_said_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    served, _ = sample_server("cloudbeds", "http://127.0.0.1:1", NOON)
    subscribe(notifying(served.face, "cloudbeds"), poster("http://127.0.0.1:9/hook?secret=canary-7f3a"))
    for _ in range(2):
        served.face.pms.add_guest(NOON, first_name="Ada", last_name="Byron")
    for _ in range(200):
        if len(caplog.records) == 2:
            break
        time.sleep(0.05)
    assert [record.getMessage() for record in caplog.records] == [
        "nobody took a webhook at 127.0.0.1:9: ConnectError"
    ] * 2


def test_a_vendor_without_webhooks_says_so() -> None:
    served, _ = sample_server("qloapps", "http://127.0.0.1:1", NOON)
    with pytest.raises(Unsupported):
        notifying(served.face, "qloapps")


def test_webhooks_go_to_nobody_in_the_clear_beyond_this_machine() -> None:
    with pytest.raises(HostRefused):
        poster("http://pms.example.com/hook")
