"""Text files, read as bytes that are known to be UTF-8."""

from __future__ import annotations

import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from pathlib import Path
from typing import Any

from pms_lab.errors import FileRefused


class Utf8File(io.RawIOBase):
    """A text file's bytes, refused at the first that is not UTF-8.

    Attributes:
        position: how many bytes have been read.

    Raises:
        FileRefused: on reading a byte that is not UTF-8, or a NUL, which UTF-16 is full of.
    """

    def __init__(self, path: Path) -> None:
        self.position = 0
        self._path = path
        self._size = path.stat().st_size
        self._file = path.open("rb", buffering=0)
        self._decoder = getincrementaldecoder("utf-8")()

    @property
    def share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(self.position / self._size, 1.0)

    def readable(self) -> bool:
        """Say that the file can be read, as the readers of CSV and lines ask."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the next bytes and return how many there were."""
        chunk = self._file.read(len(buffer))
        self._check(chunk)
        buffer[: len(chunk)] = chunk
        self.position += len(chunk)
        return len(chunk)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _check(self, chunk: bytes) -> None:
        if self.position == 0 and chunk.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise self._refusal("the mark of UTF-16", "UTF-16")
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as exc:
            raise self._refusal(f"the byte 0x{exc.object[exc.start]:02x}", "ISO-8859-1") from exc
        if "\0" in text:
            raise self._refusal("a NUL, as UTF-16 without a mark does", "UTF-16")

    def _refusal(self, found: str, encoding: str) -> FileRefused:
        return FileRefused(
            f"{self._path} is not UTF-8 text: it holds {found}; save it as "
            f"UTF-8, or convert it, for instance with 'iconv -f {encoding} -t UTF-8'"
        )
