"""Sealing: short texts about people, encrypted so that a copy of the database tells nothing and cannot be rearranged.

AES-256-GCM; the place of a text is its associated data, so that it opens in its own place only. Keys for sealing and
for the blind index are derived from each given key by HKDF.
Source: NIST SP 800-38D (random nonces: at most 2³² texts a key), RFC 5869.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pms_lab.errors import SettingsError, StoreError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
# Both ways, so that half a character, as some systems send it, is kept and stops nothing.
SURROGATES: Final = "surrogatepass"


class Place(NamedTuple):
    """Where a sealed text lies: it opens there only. Errors show it, so its parts are no guest data."""

    table: str
    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.column} of {self.row} in {self.table}"


class _Key:
    """What is derived from one key; `name` tells keys apart and betrays nothing."""

    __slots__ = ("box", "index", "name")

    def __init__(self, secret: bytes) -> None:
        self.box = AESGCM(_derived(secret, "seal"))
        self.index = _derived(secret, "blind index")
        self.name = _derived(secret, "name")[:4].hex()


class Seal:
    """Seals texts with the first key, and opens what any of the keys has sealed. Its `repr` shows no key.

    To change the key, put the new one behind the first everywhere, then before it; take the old one away once nothing
    is sealed with it any more (see `People.reseal` and `SqlDeadLetters.erase_settled`).

    Args:
        keys: as `new_key` makes them.

    Raises:
        SettingsError: there is no key, or one is none.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SettingsError("there is no key to seal records with: set one, as new_key() makes it")
        self._keys = tuple(_Key(_secret(key, number)) for number, key in enumerate(keys, 1))

    def __repr__(self) -> str:
        return "<Seal>"

    def seal(self, text: str, place: Place) -> str:
        """Return a text that only a holder of the key can read, at this place; it is another one at each call."""
        key, nonce = self._keys[0], token_bytes(NONCE_BYTES)
        box = key.box.encrypt(nonce, text.encode("utf-8", SURROGATES), _bound(place))
        return f"{key.name}.{urlsafe_b64encode(nonce + box).decode()}"

    def open(self, sealed: str, place: Place) -> str:
        """Return what was sealed for this place.

        Raises:
            StoreError: its key is not here, or it is damaged or was moved; the message names the place.
        """
        name, _, written = sealed.partition(".")
        key = next((key for key in self._keys if key.name == name), None)
        if key is None:
            told = f"was sealed with key {name}" if _is_name(name) else "is not sealed"
            raise StoreError(f"{place} {told}, and no such key is here: give the key back, behind the first")
        try:
            raw = _decoded(written)
            return key.box.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(place)).decode("utf-8", SURROGATES)
        except (InvalidTag, ValueError) as exc:
            raise StoreError(
                f"{place} is damaged or was moved there: bring it back from a backup, or erase it"
            ) from exc

    def blind(self, text: str, purpose: str) -> str:
        """Return what finds an equal text again, and does not tell it: made with the first key.

        Args:
            purpose: equal texts with different purposes have nothing in common.
        """
        return self.blinds(text, purpose)[0]

    def blinds(self, text: str, purpose: str) -> tuple[str, ...]:
        """Return what `blind` may have returned for the text with any of the keys."""
        return tuple(_hmac(key.index, f"{purpose}\0{text}") for key in self._keys)


def new_key() -> str:
    """Return a new key: 32 random bytes as url-safe base64."""
    return urlsafe_b64encode(token_bytes(KEY_BYTES)).decode()


def key_file(path: Path) -> tuple[str, ...]:
    """Return the keys in a file, one a line, the first seals; without the file, make it with a new key.

    It is readable by its owner only, and on the disk when this returns. Processes that make it at once get the same.

    Raises:
        StoreError: it cannot be read or made; a file that is there is never replaced.
    """
    try:
        if not path.exists():
            _make(path, new_key())
        lines = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError) as exc:
        raise StoreError(f"key file {path} cannot be read or made ({type(exc).__name__}): see that you may") from exc
    if not lines:
        raise StoreError(
            f"key file {path} is empty: bring it back from a backup, or delete it if nothing is sealed yet"
        )
    return tuple(lines)


def _make(path: Path, key: str) -> None:
    """Put a file there whole, unless another has; a link, unlike a rename, replaces nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlast a power failure, where folders can be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _secret(key: str, number: int) -> bytes:
    try:
        secret = _decoded(key)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise SettingsError(f"key {number} is not {KEY_BYTES} bytes in url-safe base64: new_key() makes one")
    return secret


def _decoded(written: str) -> bytes:
    raw = urlsafe_b64decode(written)
    # The decoder passes over what it does not know.
    if urlsafe_b64encode(raw).decode() != written:
        raise ValueError("not as base64 is written")
    return raw


def _is_name(text: str) -> bool:
    return len(text) == 8 and set(text) <= set("0123456789abcdef")


def _bound(place: Place) -> bytes:
    return json.dumps(place).encode()


def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"pms_lab {purpose}".encode()).derive(secret)


def _hmac(key: bytes, text: str) -> str:
    mac = HMAC(key, SHA256())
    mac.update(text.encode("utf-8", SURROGATES))
    return mac.finalize().hex()
