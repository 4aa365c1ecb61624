"""The commands as processes: what they print, where, and with which exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pms_lab.scoring.contract import Kind
from tests.conftest import evidence, set_rate, vote

HEADER = "run_date,location,product,agent,rate,currency,confidence\n"
GOOD = "2026-02-18,DESK,E,demand,46.50,USD,0.8\n"
BAD = "2026-02-18,DESK,F,demand,-1,USD,0.8\n"


def pms_lab(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    command = [sys.executable, "-c", "from pms_lab.cli.app import main; main()", *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "100"} | environment,
        check=False,
    )


@pytest.fixture
def told(home: Path) -> Path:
    """A home in which one agent's recommendation is the manual rate."""
    evidence(home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(home, Kind.RATES, [set_rate("manual", "46.50"), set_rate("current", "46.00")])
    return home


def test_a_dry_run_is_printed_and_nothing_else_when_piped(told: Path) -> None:
    done = pms_lab("dry-run", "--location", "DESK", "--date", "2026-02-18", "--compare-to-manual")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  E-class: $46.50 (✓ match)" in done.stdout.splitlines()


def test_a_dry_run_as_json_keeps_amounts_as_decimal_text(told: Path) -> None:
    done = pms_lab("dry-run", "--location", "DESK", "--json")
    record = json.loads(done.stdout)
    assert (record["cells"][0]["rate"], record["run_date"], record["exact"]) == ("46.5000", "2026-02-18", 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["dry-run", "--location", "DSEK"], 1, "unknown location 'DSEK'"),
        (["dry-run", "--location", "DSEK"], 1, "(did you mean DESK?)"),
        (["dry-run", "--location", "../x"], 1, "unknown location '../x'"),
        (["dry-run", "--location", "INN"], 1, "no recommendation for INN"),
        (["dry-run", "--location", "DESK", "--date", "2026-02-19"], 1, "no recommendation for DESK on 2026-02-19"),
        (["dry-run", "--location", "DESK", "--date", "18.2.2026"], 2, "18.2.2026"),
        (["dry-run", "--location", "DESK", "--tolerance", "two"], 1, "tolerance 'two' is neither"),
        (["dry-run"], 2, "--location"),
        (["report", "daily", "--location", "DESK", "-p", "tolerence=1"], 1, "did you mean tolerance?"),
        (["report", "daily", "--location", "DESK", "-p", "tolerance"], 1, "has no value"),
        (["report", "daily", "--location", "DESK", "-p", "location=INN"], 1, "is set by --location"),
        (["report", "daily", "--date", "2026-02-19"], 1, "no location has a recommendation on 2026-02-19"),
        (["import", "prices", "x.csv"], 2, "prices"),
        (["import", "rates", "missing.csv"], 4, "missing.csv"),
        (["dryrun"], 2, "dryrun"),
    ],
)
def test_bad_input_is_one_clear_message_and_an_exit_code_never_a_traceback(
    told: Path, arguments: list[str], code: int, message: str
) -> None:
    done = pms_lab(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("rows", "code"), [(GOOD, 0), (GOOD + BAD, 3), (BAD, 4), ("", 4)])
def test_the_exit_code_of_an_import_says_whether_all_some_or_none_went_in(home: Path, rows: str, code: int) -> None:
    (home / "today.csv").write_text(HEADER + rows)
    done = pms_lab("import", "recommendations", home / "today.csv", "--json")
    assert done.returncode == code
    if rows:
        record = json.loads(done.stdout)
        assert (record["accepted"], record["refused"]) == (rows.count("46.50"), rows.count(",-1,"))
        assert Path(record["quarantine"]).exists() if code else record["quarantine"] is None


def test_an_import_tells_why_rows_were_refused_and_where_they_are(home: Path) -> None:
    (home / "today.csv").write_text(HEADER + GOOD + BAD)
    done = pms_lab("import", "recommendations", home / "today.csv")
    assert done.stdout.startswith("1 recommendations went in, 1 were refused\n")
    assert "negative" in done.stdout
    assert "data/quarantine/import-" in done.stdout


def test_what_was_imported_is_in_the_next_dry_run(home: Path) -> None:
    (home / "today.csv").write_text(HEADER + GOOD)
    (home / "manual.csv").write_text(
        "run_date,location,product,kind,rate,currency\n2026-02-18,DESK,E,manual,46.50,USD\n"
    )
    assert pms_lab("import", "recommendations", home / "today.csv").returncode == 0
    assert pms_lab("import", "rates", home / "manual.csv").returncode == 0
    done = pms_lab("dry-run", "--location", "DESK", "--compare-to-manual")
    assert "Accuracy: 1/1 classes (100%)" in done.stdout


def test_a_report_says_where_the_page_is_and_a_second_run_replaces_it(told: Path) -> None:
    done = pms_lab("report", "daily", "--location", "DESK", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    page = Path(json.loads(done.stdout)["pages"]["DESK"])
    assert page == told / "reports" / "2026-02-18" / "DESK" / "daily_dry_run.html"
    first = page.read_bytes()
    assert pms_lab("report", "daily").stdout.splitlines()[0] == str(page)
    assert page.read_bytes() == first
    assert [path.name for path in page.parent.iterdir()] == ["daily_dry_run.html"]
    runs = told / "papermill_runs" / "2026-02-18" / "DESK"
    assert [path.name for path in runs.iterdir()] == ["daily_dry_run.ipynb"]


def test_a_what_if_leaves_the_day_s_report_alone(told: Path) -> None:
    assert pms_lab("report", "daily", "--location", "DESK").returncode == 0
    done = pms_lab("report", "daily", "--location", "DESK", "-p", "tolerance=5%", "--json")
    page = Path(json.loads(done.stdout)["pages"]["DESK"])
    assert page.name == "daily_dry_run.what_if.html"
    assert "agreement within 5%" in page.read_text("utf-8")
    assert "agreement within $2" in page.with_name("daily_dry_run.html").read_text("utf-8")
    assert "2026-02-18 (what if)" in (told / "reports" / "index.html").read_text("utf-8")


def test_a_mistyped_tolerance_is_refused_before_anything_runs(told: Path) -> None:
    done = pms_lab("report", "daily", "--location", "DESK", "-p", "tolerance=two")
    assert done.returncode == 1
    assert "tolerance 'two' is neither" in done.stderr
    assert not (told / "papermill_runs").exists()


def test_two_reports_at_once_do_not_disturb_one_another(told: Path) -> None:
    command = [sys.executable, "-c", "from pms_lab.cli.app import main; main()", "report", "daily"]
    both = [
        subprocess.Popen(command, cwd=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in "ab"
    ]
    for process in both:
        out, _ = process.communicate(timeout=100)
        assert process.returncode == 0, out
    assert sorted(path.name for path in (told / "reports" / "2026-02-18" / "DESK").iterdir()) == ["daily_dry_run.html"]
    assert "2026-02-18" in (told / "reports" / "index.html").read_text("utf-8")


def test_corrections_in_quick_succession_hold_in_the_order_in_which_they_came(home: Path) -> None:
    from pms_lab.lab import open_lab

    (home / "today.csv").write_text(HEADER + GOOD)
    lab = open_lab(home)
    for rate in range(20):
        (home / "today.csv").write_text(HEADER + GOOD.replace("46.50", f"{60 + rate}.00"))
        lab.import_file("recommendations", home / "today.csv")
        assert lab.dry_run("DESK").today["rate"].to_list() == [60 + rate]


def test_one_location_that_fails_does_not_stop_the_others(told: Path) -> None:
    evidence(
        told,
        Kind.RECOMMENDATIONS,
        [vote("x", "46.50"), vote("y", "90.00", location="INN", product="A", currency="EUR")],
    )
    broken = told / "data" / "dry_runs" / "run_date=2026-02-18" / "DESK.parquet"
    broken.mkdir(parents=True)
    done = pms_lab("report", "daily", "--json")
    outcome = json.loads(done.stdout)
    assert done.returncode == 1
    assert list(outcome["pages"]) == ["INN"]
    assert "DESK.parquet" in outcome["failures"]["DESK"]
    assert "daily_dry_run.failed.ipynb" in outcome["failures"]["DESK"]


def test_help_is_quick_because_the_analytics_are_not_imported() -> None:
    heavy = {"duckdb", "polars", "altair", "pydantic", "babel"}
    script = f"import sys, pms_lab.cli.app; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
