"""`pms-lab pms` against simulated PMSs on loopback: real processes, real sockets, the settings that `serve` prints."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT

import pytest
from redis import Redis

from pms_lab.adapters.vendors import VENDORS
from pms_lab.cli.pms import VendorName
from pms_lab.sim.pms.served import SAMPLES
from tests.conftest import required
from tests.store.test_redis_windows import URL as REDIS_URL
from tests.store.test_redis_windows import is_up

PMS_LAB = [sys.executable, "-c", "from pms_lab.cli.app import main; main()"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def served(vendor: str, home: Path) -> Iterator[int]:
    """Serve a vendor's sample hotel in a process of its own, with a home whose settings are those it prints."""
    port = free_port()
    process = subprocess.Popen(
        [*PMS_LAB, "pms", "serve", "--vendor", vendor, "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        text = ""
        assert process.stdout is not None
        while "products.LUX" not in text:
            line = process.stdout.readline()
            assert line, process.communicate()
            text += line
        settings, _, locations = text[text.index("[pms.") :].partition("and these in data/locations.toml:")
        (home / "data").mkdir(exist_ok=True)
        (home / "data" / "locations.toml").write_text(locations)
        (home / "pms_lab.toml").write_text(settings)
        answers(port)
        yield port
    finally:
        process.send_signal(SIGINT)
        process.communicate(timeout=10)


def answers(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the served PMS does not listen")


@pytest.fixture(scope="module", params=sorted(VENDORS))
def hotel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    home = tmp_path_factory.mktemp(request.param)
    with served(request.param, home):
        yield request.param, home


def said(home: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PMS_LAB, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PMS_LAB_HOME": str(home)},
        check=False,
    )
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done


def test_every_vendor_has_a_face_an_adapter_and_a_name() -> None:
    assert set(VENDORS) == set(SAMPLES) == {str(name) for name in VendorName}


def test_a_served_pms_is_reached_with_the_settings_that_it_prints(hotel: tuple[str, Path]) -> None:
    vendor, home = hotel
    assert f"SAMPLE_{vendor.upper()} ({vendor}): up" in said(home, "pms", "ping", "--vendor", vendor).stdout


def test_an_arrival_is_listed_and_then_shown_by_its_id(hotel: tuple[str, Path]) -> None:
    _, home = hotel
    told = json.loads(said(home, "pms", "arrivals", "--json").stdout)
    assert len(told["arrivals"]) == 2
    first = told["arrivals"][0]
    shown = json.loads(said(home, "pms", "reservation", first["id"], "--json").stdout)
    assert (shown["id"], shown["arrival"]) == (first["id"], told["date"])
    table = said(home, "pms", "arrivals").stdout
    assert first["id"] in table
    assert not any(name in table for name in ("Ada", "Byron", "example.com"))


def test_rates_are_shown_by_night_and_product(hotel: tuple[str, Path]) -> None:
    _, home = hotel
    told = json.loads(said(home, "pms", "rates", "--nights", "2", "--product", "DLX", "--json").stdout)
    assert [(cell["product"], cell["rate"]) for cell in told["rates"]] == [("DLX", "1500.00")] * 2
    assert "1500.00" in said(home, "pms", "rates", "--nights", "2").stdout


def test_a_reservation_that_is_not_there_is_said_to_be_missing(hotel: tuple[str, Path]) -> None:
    vendor, home = hotel
    missing = "00000000-0000-0000-0000-000000000000" if vendor == "mews" else "999999"
    assert f"no reservation {vendor}:{missing}" in said(home, "pms", "reservation", missing, code=1).stderr


def test_wrong_credentials_are_refused_without_being_shown(hotel: tuple[str, Path], tmp_path: Path) -> None:
    _, home = hotel
    settings = (home / "pms_lab.toml").read_text()
    for secret in ("sample-secret", "demo-key-of-the-simulation", "PMSLABDEMOPMSLABDEMOPMSLABDEMO01"):
        settings = settings.replace(secret, "canary-7f3a")
    (tmp_path / "pms_lab.toml").write_text(settings)
    (tmp_path / "data").symlink_to(home / "data")
    done = said(tmp_path, "pms", "arrivals", code=1)
    assert done.stderr.startswith("pms-lab: ")
    assert "canary-7f3a" not in done.stderr + done.stdout


def test_the_integration_checks_pass_and_write_their_results(hotel: tuple[str, Path]) -> None:
    vendor, home = hotel
    time.sleep(1.1)  # a vendor counts the requests of earlier processes too
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration", "--writes"],
        capture_output=True, text=True, env=os.environ | {"PMS_LAB_HOME": str(home)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = (home / "reports" / "pms_integration").glob("*.json")
    records = json.loads(written.read_text())["results"][f"SAMPLE_{vendor.upper()}"]
    assert {record["result"] for record in records} <= {"passed", "unsupported"}
    assert len(records) == 10


def desk(base_url: str = "http://127.0.0.1:9", **lines: str) -> str:
    """The table of DESK's PMS; `lines` are TOML."""
    known = {"vendor": '"qloapps"', "base_url": f'"{base_url}"', "property": '"1"', "credentials": '{ key = "k" }'}
    return "\n".join(["[pms.DESK]", *(f"{name} = {value}" for name, value in (known | lines).items())])


def cloudbeds(rate_store: str) -> str:
    """The table of a DESK that runs on Cloudbeds, and counts its requests in a Redis."""
    credentials = '{ key = "k", guest_country = "US", guest_zip = "1" }'
    return desk(vendor='"cloudbeds"', rate_plan='"1"', credentials=credentials, rate_store=f'"{rate_store}"')


def test_requests_are_counted_in_the_redis_that_the_settings_name(home: Path) -> None:
    with Redis.from_url(REDIS_URL, socket_timeout=2) as redis:
        required("Redis", is_up(redis), f"start it, or name one in TEST_REDIS_URL; tried {REDIS_URL}")
        (home / "pms_lab.toml").write_text(cloudbeds(REDIS_URL))
        assert "no connection to 127.0.0.1:9" in said(home, "pms", "arrivals", code=1).stderr
        assert [key for key in redis.keys("pms_lab:window:*") if b"cloudbeds" in key]


@pytest.mark.parametrize(
    ("settings", "arguments", "named"),
    [
        ("", ["ping"], "add a table [pms.<LOCATION>] to pms_lab.toml"),
        ("", ["ping", "--vendor", "opera"], "PMS asked for: opera"),
        (desk().replace("DESK", "NOWHERE"), ["ping"], "pms.NOWHERE: unknown location"),
        ('[pms.DESK]\nvendor = "opera"\nproperty = "1"', ["ping"], "pms.DESK.base_url: it must be there"),
        (desk("http://pms.example.com"), ["ping"], "base_url: plain HTTP to pms.example.com"),
        (desk(allowed_hosts='["a.example.com"]'), ["ping"], "127.0.0.1 is not among the allowed hosts a.example.com"),
        (desk("https://[bad"), ["ping"], "the base address is none"),
        (desk(rate_store='"localhost"'), ["ping"], "rate_store is no address of a Redis"),
        (cloudbeds("redis://127.0.0.1:9"), ["arrivals"], "Redis does not count requests"),
        (desk(credentials='{ kee = "k" }'), ["ping"], "credentials of qloapps for DESK"),
        (desk(), ["arrivals"], "no connection to 127.0.0.1"),
    ],
)
def test_what_is_missing_or_mistyped_is_named(home: Path, settings: str, arguments: list[str], named: str) -> None:
    (home / "pms_lab.toml").write_text(settings)
    assert named in said(home, "pms", *arguments, code=1).stderr


def test_a_day_that_is_none_of_the_calendar_s_is_refused(hotel: tuple[str, Path]) -> None:
    _, home = hotel
    assert "after the calendar" in said(home, "pms", "rates", "--date", "9999-12-30", code=1).stderr
    assert "after the calendar" in said(home, "pms", "arrivals", "--date", "9999-12-31", code=1).stderr


def test_an_unknown_product_is_named_with_those_that_are_known(hotel: tuple[str, Path]) -> None:
    _, home = hotel
    told = said(home, "pms", "rates", "--product", "dlx", code=1).stderr
    assert "unknown product 'dlx'" in told
    assert "(did you mean DLX?)" in told


def test_a_port_that_is_taken_is_refused_before_anything_is_promised(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = said(home, "pms", "serve", "--vendor", "opera", "--port", port, code=1)
    assert f"port {port} cannot be taken" in done.stderr
    assert done.stdout == ""


def test_a_pms_that_is_down_is_down_in_json_too(home: Path) -> None:
    (home / "pms_lab.toml").write_text(desk())
    told = json.loads(said(home, "pms", "ping", "--json", code=1).stdout)
    assert (told["is_up"], "no connection to 127.0.0.1:9" in told["detail"]) == (False, True)


def test_a_vendor_with_rate_plans_wants_one_named(home: Path) -> None:
    (home / "pms_lab.toml").write_text(desk(vendor='"opera"'))
    assert "rate_plan of DESK is missing" in said(home, "pms", "arrivals", code=1).stderr


def test_a_home_without_locations_is_refused_though_a_parent_has_some(home: Path) -> None:
    below = home / "below"
    below.mkdir()
    assert f"in {below}: set PMS_LAB_HOME" in said(below, "pms", "ping", code=1).stderr


def test_capabilities_are_a_table_or_json(home: Path) -> None:
    assert "200 in 30 s per token" in said(home, "pms", "capabilities").stdout
    told = json.loads(said(home, "pms", "capabilities", "--vendor", "cloudbeds", "--json").stdout)
    assert told["cloudbeds"]["rate_batch"] == 30
