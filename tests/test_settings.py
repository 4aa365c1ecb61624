from dataclasses import fields
from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from pms_lab.errors import SettingsError
from pms_lab.pms_settings import fetched, revealed
from pms_lab.push_settings import PushSettings
from pms_lab.rules.consensus import Method
from pms_lab.rules.push_policy import CAREFUL, PushPolicy
from pms_lab.rules.tolerance import Tolerance
from pms_lab.settings import find_home, load_settings


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.tolerance == Tolerance(Decimal("2.00"))
    assert (settings.consensus, settings.agreement_target, settings.run_at) == (Method.MEAN, 0.80, time(6))


def test_the_environment_overrides_the_file_and_the_file_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pms_lab.toml").write_text('tolerance = "5%"\nconsensus = "median"\n[weights.DESK]\ndemand = 1.5\n')
    monkeypatch.setenv("PMS_LAB_TOLERANCE", "3.00")
    settings = load_settings(tmp_path)
    assert settings.tolerance == Tolerance(Decimal("3.00"))
    assert settings.consensus is Method.MEDIAN
    assert settings.weights == {"DESK": {"demand": Decimal("1.5")}}


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ('tolerence = "2.00"', "tolerence"),
        ('tolerance = "two"', "tolerance = 'two': Value error, tolerance 'two' is neither"),
        ('consensus = "mode"', "consensus = 'mode'"),
        ("agreement_target = 80", "agreement_target = 80"),
        ("[weights.DESK]\ndemand = -1", "weights.DESK.demand = -1"),
        ("tolerance = ", "is not valid TOML"),
        ("run_at = 6", "run_at = 6"),
        ("run_at = 1800", "not a time of day such as '06:00'"),
    ],
)
def test_a_mistyped_setting_names_itself_and_its_file(tmp_path: Path, toml: str, named: str) -> None:
    (tmp_path / "pms_lab.toml").write_text(toml)
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path)
    assert named in str(error.value)
    assert "pms_lab.toml" in str(error.value)


def test_a_percentage_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMS_LAB_TOLERANCE", "5%")
    assert load_settings(tmp_path).tolerance == Tolerance(Decimal(5), is_percent=True)


def test_a_variable_that_is_no_json_is_not_blamed_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMS_LAB_WEIGHTS", "{bad")
    with pytest.raises(SettingsError, match=r"PMS_LAB_… holds no valid JSON.*weights"):
        load_settings(tmp_path)


def test_a_mistyped_variable_is_refused_and_the_known_ones_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMS_LAB_TOLERENCE", "3.00")
    with pytest.raises(SettingsError, match=r"PMS_LAB_TOLERENCE .* is no setting: known are .*PMS_LAB_TOLERANCE"):
        load_settings(tmp_path)


def test_the_home_is_the_nearest_folder_upwards_with_locations(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "locations.toml").touch()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    assert find_home(tmp_path / "notebooks" / "deep") == tmp_path


def test_without_a_home_the_message_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="set PMS_LAB_HOME"):
        find_home(tmp_path)


PMS_TABLE = """
[pms.DESK]
vendor = "qloapps"
base_url = "http://127.0.0.1:8089"
property = "1"
products = { E = "1" }
"""
CANARY = "canary-7f3a"


def test_a_pms_is_set_per_location_and_its_credentials_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "pms_lab.toml").write_text(f'{PMS_TABLE}credentials = {{ key = "{CANARY}" }}\n')
    pms = load_settings(tmp_path).pms["DESK"]
    assert (pms.vendor, pms.products, pms.timeout_s) == ("qloapps", {"E": "1"}, 10)
    assert revealed(pms.credentials) == {"key": CANARY}
    assert CANARY not in f"{load_settings(tmp_path)!r} {pms} {pms.credentials}"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('vendor = "oper"', "pms.DESK.vendor = 'oper'"),
        ("timeout_s = 0", "pms.DESK.timeout_s = 0"),
        (f'credentials = "{CANARY}"', "pms.DESK.credentials: "),
        (f'credentials = {{ key = [ "{CANARY}" ] }}', "pms.DESK.credentials.key: "),
        (f'tokn = "{CANARY}"', "pms.DESK.tokn: there is no such setting"),
        (f'base_url = [ "{CANARY}" ]', "pms.DESK.base_url: "),
        ('products = { E = "1", F = "1" }', "pms.DESK.products: Value error, two products have one id"),
    ],
)
def test_a_mistyped_setting_of_a_pms_names_itself_and_shows_no_secret(tmp_path: Path, line: str, named: str) -> None:
    field = line.partition(" ")[0]
    kept = [known for known in PMS_TABLE.splitlines() if not known.startswith(f"{field} ")]
    (tmp_path / "pms_lab.toml").write_text("\n".join([*kept, line]))
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path)
    assert named in str(error.value)
    assert CANARY not in f"{error.value} {error.value.__cause__}"


def test_credentials_may_stand_in_the_environment_and_in_files_and_are_read_anew_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    credentials = {"key": SecretStr("env:DESK_KEY"), "token": SecretStr(f"file:{secret}"), "plain": SecretStr("p")}
    monkeypatch.setenv("DESK_KEY", "k")
    assert revealed(credentials) == {"key": "k", "token": "first", "plain": "p"}
    secret.write_text("second")
    assert revealed(credentials)["token"] == "second"
    monkeypatch.delenv("DESK_KEY")
    with pytest.raises(SettingsError, match=r"credentials\.key: the environment has no DESK_KEY"):
        revealed(credentials)
    secret.unlink()
    with pytest.raises(SettingsError, match=r"credentials\.token: .* cannot be read"):
        revealed({"token": credentials["token"]})


def test_the_runbook_s_variables_hold_where_the_table_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = PMS_TABLE.replace('vendor = "qloapps"\n', "") + "timeout_s = 3\n"
    (tmp_path / "pms_lab.toml").write_text(table)
    for variable, value in {
        "PMS_TYPE": "qloapps",
        "PMS_API_KEY": "k",
        "pms_timeout": "20",
        "pms_circuit_breaker_failure_threshold": "7",
        "pms_circuit_breaker_recovery_timeout": "60",
    }.items():
        monkeypatch.setenv(variable, value)
    pms = load_settings(tmp_path).pms["DESK"]
    assert (pms.vendor, pms.timeout_s, pms.breaker_failures, pms.breaker_recovery_s) == ("qloapps", 3, 7, 60)
    assert revealed(pms.credentials) == {"key": "k"}


def test_the_environment_may_set_a_part_of_a_pms_s_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pms_lab.toml").write_text(PMS_TABLE)
    monkeypatch.setenv("PMS_LAB_PMS", '{"DESK": {"credentials": {"key": "k"}, "timeout_s": 4}}')
    pms = load_settings(tmp_path).pms["DESK"]
    assert (pms.base_url, pms.timeout_s) == ("http://127.0.0.1:8089", 4)
    assert revealed(pms.credentials) == {"key": "k"}


def test_an_api_key_in_the_environment_says_nothing_to_a_vendor_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pms_lab.toml").write_text(PMS_TABLE.replace("qloapps", "opera"))
    monkeypatch.setenv("PMS_API_KEY", CANARY)
    assert load_settings(tmp_path).pms["DESK"].credentials == {}


def test_mistyped_credentials_are_named_though_the_environment_has_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pms_lab.toml").write_text(f'{PMS_TABLE}credentials = "{CANARY}"\n')
    monkeypatch.setenv("PMS_API_KEY", "k")
    with pytest.raises(SettingsError, match=r"pms\.DESK\.credentials: ") as error:
        load_settings(tmp_path)
    assert CANARY not in str(error.value)


def test_pushes_are_not_live_and_careful_unless_somebody_says_otherwise() -> None:
    assert PushSettings().live is False
    assert PushSettings().policy() == CAREFUL


def test_every_rule_of_a_push_can_be_set_and_nothing_else() -> None:
    assert set(PushSettings.model_fields) - {"live"} == {field.name for field in fields(PushPolicy)}


def test_a_push_is_set_per_location_and_amounts_are_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        'live = true\npush_cap = 1.1\nday_cap = "1.25"\nlargest_decrease = 0.3\nwaits_s = [1, 2]\ntax_basis = "net"\n'
    )
    (tmp_path / "pms_lab.toml").write_text(f"[push.DESK]\n{lines}")
    monkeypatch.setenv("PMS_LAB_PUSH", '{"DESK": {"max_cells": 5}}')
    push = load_settings(tmp_path).push["DESK"]
    policy = push.policy()
    assert (push.live, policy.push_cap, policy.day_cap) == (True, Decimal("1.1"), Decimal("1.25"))
    assert (policy.largest_decrease, policy.waits_s, policy.tax_basis) == (Decimal("0.3"), (1.0, 2.0), "net")
    assert policy.max_cells == 5


@pytest.mark.parametrize(
    "line",
    [
        "live = 2",
        "push_cap = 0.99",
        "day_cap = nan",
        "push_cap = inf",
        "largest_decrease = 1.01",
        "inventory_age_h = 0",
        "health_s = inf",
        "waits_s = [5, -1]",
        "lock_ttl_s = nan",
        "part_cells = 0",
        "max_cells = 0",
        "horizon_days = 0.5",
        'tax_basis = "brutto"',
        "push_kap = 1.1",
    ],
)
def test_a_mistyped_rule_of_a_push_names_itself(tmp_path: Path, line: str) -> None:
    (tmp_path / "pms_lab.toml").write_text(f"[push.DESK]\n{line}\n")
    with pytest.raises(SettingsError, match=rf"push\.DESK\.{line.partition(' ')[0]}"):
        load_settings(tmp_path)


SECRETS = ["ledger", "locks", "pii_key"]


@pytest.mark.parametrize("name", SECRETS)
def test_addresses_and_keys_are_not_shown(tmp_path: Path, name: str) -> None:
    (tmp_path / "pms_lab.toml").write_text(f'{name} = "{CANARY}"')
    settings = load_settings(tmp_path)
    assert CANARY not in f"{settings!r} {settings}"
    assert fetched(name, getattr(settings, name)) == CANARY


@pytest.mark.parametrize("name", SECRETS)
def test_a_mistyped_address_or_key_names_itself_and_is_not_shown(tmp_path: Path, name: str) -> None:
    (tmp_path / "pms_lab.toml").write_text(f'{name} = [ "{CANARY}" ]')
    with pytest.raises(SettingsError, match=f"{name}: ") as error:
        load_settings(tmp_path)
    assert CANARY not in f"{error.value} {error.value.__cause__}"
