"""Promises about the documents: they name what there is, and only that."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pms_lab.settings import Settings
from tests.conftest import ROOT

DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/import.md",
    "docs/pms.md",
    "docs/push.md",
    "data/README.md",
]


def test_the_command_line_s_page_is_the_commands_own_help(tmp_path: Path) -> None:
    page = tmp_path / "cli.md"
    command = [sys.executable, "-m", "typer", "pms_lab.cli.app", "utils", "docs", "--name", "pms-lab"]
    subprocess.run([*command, "--title", "The command line", "--output", page], check=True, capture_output=True)
    assert page.read_text() == (ROOT / "docs" / "cli.md").read_text(), "`make docs` renews it"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_linked_file_exists(document: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / document).read_text())
    assert [link for link in links if not (ROOT / document).parent.joinpath(link).exists()] == []


def test_the_readme_lists_every_setting_with_its_default() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in Settings.model_fields:
        assert re.search(rf"^\| `{name}[`.]", readme, re.MULTILINE), name
        assert f"`PMS_LAB_{name.upper()}`" in readme


def test_every_question_begins_with_what_it_answers() -> None:
    for question in (ROOT / "pms_lab" / "scoring" / "sql").glob("*.sql"):
        assert question.read_text().startswith("-- "), question.name


def test_the_lock_has_every_dependency_with_hashes_and_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for name in (re.split(r"[ <>=\[]", requirement)[0] for requirement in wanted):
        assert re.search(rf"^{re.escape(name)}==[^\n]*\\\n    --hash=sha256:", lock, re.MULTILINE), (
            f"`make lock`: {name}"
        )
    assert "://" not in lock


def test_the_example_in_virtual_time_does_what_its_page_says() -> None:
    example = ROOT / "docs" / "examples" / "lost_answer.py"
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = done.stdout.splitlines()
    assert first.startswith("unknown after 10 s")
    assert second == "read back: Applied"
    assert third.startswith("charges in the PMS: 1;")
