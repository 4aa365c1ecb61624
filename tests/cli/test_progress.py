import os
import pty
import subprocess
import sys
from pathlib import Path

WORK = """
import sys, time
from pms_lab.cli.progress import bar
with bar("counting sheep") as progress:
    time.sleep({seconds})
    progress(0.5)
    time.sleep(0.3)
print("done")
"""


def on_a_terminal(seconds: float) -> tuple[str, str]:
    """Run work whose stderr is a terminal and whose stdout is a pipe; return both."""
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(seconds=seconds)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # Linux ends a terminal whose other side is closed in this way
        pass
    os.close(ours)
    return done.stdout, shown.decode()


def test_work_of_more_than_a_second_shows_its_progress_on_the_terminal_and_never_in_the_output() -> None:
    out, shown = on_a_terminal(1.4)
    assert out == "done\n"
    assert "counting sheep" in shown
    assert "50%" in shown


def test_quick_work_shows_nothing() -> None:
    assert on_a_terminal(0.1) == ("done\n", "")


def test_nothing_is_shown_where_stderr_is_piped() -> None:
    done = subprocess.run([sys.executable, "-c", WORK.format(seconds=1.4)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_an_output_that_cannot_hold_a_character_is_no_reason_to_fail(shipped_home: Path) -> None:
    command = [sys.executable, "-c", "from pms_lab.cli.app import main; main()", "dry-run", "--location", "LAS_AIRPORT"]
    environment = os.environ | {"PMS_LAB_HOME": str(shipped_home), "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([*command, "--compare-to-manual"], capture_output=True, env=environment, check=True)
    assert b"(? match)" in done.stdout
