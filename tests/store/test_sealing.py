from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
import traceback
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.errors import SettingsError, StoreError
from pms_lab.store.sealing import Place, Seal, key_file, new_key
from tests.conftest import ROOT

OLD, NEW = new_key(), new_key()
SEAL = Seal([OLD])
PLACE = Place("people", "p_1", "name")
SECRET = "Ada Lovelace"

with_halves = st.text(st.characters(exclude_categories=()))


@given(with_halves, with_halves, with_halves)
def test_what_is_sealed_opens_at_its_place(text: str, row: str, column: str) -> None:
    place = Place("people", row, column)
    assert SEAL.open(SEAL.seal(text, place), place) == text


def test_a_sealed_text_tells_nothing_and_is_another_each_time() -> None:
    first, second = SEAL.seal(SECRET, PLACE), SEAL.seal(SECRET, PLACE)
    assert first != second
    assert SECRET not in first
    assert SECRET.encode() not in urlsafe_b64decode(first.partition(".")[2])


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("letters", "p_1", "name"),
        Place("people", "p_2", "name"),
        Place("people", "p_1", "mail"),
        Place("people", 'p_1", "name', ""),
        Place("peoplep_1", "", "name"),
    ],
)
def test_a_sealed_text_opens_nowhere_else(elsewhere: Place) -> None:
    with pytest.raises(StoreError, match="was moved") as caught:
        SEAL.open(SEAL.seal(SECRET, PLACE), elsewhere)
    assert str(elsewhere) in str(caught.value)


@given(st.data())
def test_a_text_with_any_one_bit_turned_does_not_open(data: st.DataObject) -> None:
    name, _, written = SEAL.seal(SECRET, PLACE).partition(".")
    raw = bytearray(urlsafe_b64decode(written))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StoreError, match="name of p_1 in people is damaged"):
        SEAL.open(f"{name}.{urlsafe_b64encode(bytes(raw)).decode()}", PLACE)


@pytest.mark.parametrize("cut", [0, 5, 9, 10, 20, 25, -1])
def test_half_a_text_does_not_open(cut: int) -> None:
    with pytest.raises(StoreError, match="name of p_1 in people"):
        SEAL.open(SEAL.seal(SECRET, PLACE)[:cut], PLACE)


@pytest.mark.parametrize("junk", ["", ".", SECRET, f"{SECRET}.{SECRET}", "é.é"])
def test_a_text_that_was_never_sealed_is_named_by_its_place_and_not_shown(junk: str) -> None:
    with pytest.raises(StoreError, match="name of p_1 in people is not sealed") as caught:
        SEAL.open(junk, PLACE)
    assert SECRET not in str(caught.value)


def test_junk_behind_the_name_of_a_key_is_damage() -> None:
    name = SEAL.seal("", PLACE).partition(".")[0]
    for junk in ("", "é", "====", "A", SECRET, SEAL.seal("", PLACE)[9:] + "AAAA"):
        with pytest.raises(StoreError, match="damaged"):
            SEAL.open(f"{name}.{junk}", PLACE)


def test_a_text_of_a_key_that_is_not_here_says_which_and_what_to_do() -> None:
    sealed = SEAL.seal(SECRET, PLACE)
    with pytest.raises(StoreError, match=f"sealed with key {sealed[:8]}.*give the key back"):
        Seal([NEW]).open(sealed, PLACE)


def test_the_first_key_seals_and_all_open() -> None:
    before, after = Seal([OLD, NEW]), Seal([NEW, OLD])
    for sealer in (before, after):
        sealed = sealer.seal(SECRET, PLACE)
        assert before.open(sealed, PLACE) == after.open(sealed, PLACE) == SECRET
    assert Seal([OLD]).open(before.seal(SECRET, PLACE), PLACE) == SECRET
    assert Seal([NEW]).open(after.seal(SECRET, PLACE), PLACE) == SECRET


def test_an_equal_text_has_an_equal_blind_index_and_no_other_has() -> None:
    assert SEAL.blind("ada", "people") == Seal([OLD]).blind("ada", "people")
    others = [SEAL.blind("ada2", "people"), SEAL.blind("ada", "letters"), Seal([NEW]).blind("ada", "people")]
    assert len({SEAL.blind("ada", "people"), *others}) == 4
    assert "ada" not in SEAL.blind("ada", "people")


def test_a_blind_index_is_found_with_every_key_and_made_with_the_first() -> None:
    assert Seal([NEW, OLD]).blinds("ada", "x") == (Seal([NEW]).blind("ada", "x"), Seal([OLD]).blind("ada", "x"))


@pytest.mark.parametrize(
    "key",
    ["", "short", "A" * 40, f"{'A' * 43}=AAAA", f"{'A' * 20}*{'A' * 23}=", "é" * 44, f"{'A' * 42}==", SECRET, "A" * 43],
)
def test_a_key_that_is_none_is_refused_by_its_number_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="key 2 is not 32 bytes") as caught:
        Seal([OLD, key])
    assert not key or key not in "".join(traceback.format_exception_only(caught.value))


def test_without_any_key_there_is_no_seal() -> None:
    with pytest.raises(SettingsError, match="new_key"):
        Seal([])


def test_a_seal_shows_no_key_and_cannot_be_pickled() -> None:
    assert f"{SEAL!r} {SEAL} {[SEAL]}" == "<Seal> <Seal> [<Seal>]"
    with pytest.raises(TypeError):
        pickle.dumps(SEAL)


class TestKeyFile:
    def test_it_is_made_once_for_its_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "seal.key"
        made = key_file(path)
        assert Seal(made).open(Seal(made).seal(SECRET, PLACE), PLACE) == SECRET
        assert key_file(path) == made
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [entry.name for entry in path.parent.iterdir()] == ["seal.key"]

    def test_it_may_hold_several_keys_of_which_the_first_seals(self, tmp_path: Path) -> None:
        path = tmp_path / "seal.key"
        path.write_text(f"{NEW}\n\n{OLD}\n")
        assert key_file(path) == (NEW, OLD)

    def test_one_that_is_there_is_never_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "seal.key"
        path.write_text("\n")
        with pytest.raises(StoreError, match="is empty"):
            key_file(path)
        assert path.read_text() == "\n"
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(StoreError, match="cannot be read"):
            key_file(path)

    def test_one_that_cannot_be_made_says_where(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match=r"seal\.key"):
            key_file(tmp_path / "file" / "seal.key")
        with pytest.raises(StoreError, match="IsADirectory"):
            key_file(tmp_path)

    def test_processes_that_make_it_at_once_get_the_same(self, tmp_path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from pms_lab.store.sealing import key_file\n"
            "sys.stdin.readline(); print([key_file(Path(path)) for path in sys.argv[1:]])"
        )
        paths = [str(tmp_path / f"{number}.key") for number in range(50)]
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", script, *paths],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(3)
        ]  # fmt: skip
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        found = {process.communicate(timeout=60)[0] for process in processes}
        assert len(found) == 1
        assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
