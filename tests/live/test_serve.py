"""The simulated PMS tells of changes over a real socket."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from pms_lab.errors import HostRefused, Unsupported
from pms_lab.live.serve import poster
from pms_lab.sim.pms.served import sample_server, subscribe
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
        subscribe(served.face, "mews", poster(f"http://127.0.0.1:{port}/hook"))
        guest = served.face.pms.add_guest(NOON, first_name="Ada", last_name="Byron")
        assert came.wait(10)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook HTTP/1.1")
    assert json.loads(body)["Events"][0]["Value"]["Id"] == guest.id


def test_nobody_listening_harms_nobody() -> None:
    served, _ = sample_server("cloudbeds", "http://127.0.0.1:1", NOON)
    subscribe(served.face, "cloudbeds", poster("http://127.0.0.1:9/hook"))
    served.face.pms.add_guest(NOON, first_name="Ada", last_name="Byron")


def test_a_vendor_without_webhooks_says_so() -> None:
    served, _ = sample_server("qloapps", "http://127.0.0.1:1", NOON)
    with pytest.raises(Unsupported):
        subscribe(served.face, "qloapps", poster("http://127.0.0.1:9/hook"))


def test_webhooks_go_to_nobody_in_the_clear_beyond_this_machine() -> None:
    with pytest.raises(HostRefused):
        poster("http://pms.example.com/hook")
