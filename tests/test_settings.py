from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from pms_lab.errors import SettingsError
from pms_lab.rules.consensus import Method
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
