"""The evidence: recommendations and rates as they came in, one immutable Parquet file per import.

A file appears whole or not at all, and is never changed. Where two files speak of the same cell and agent, the one
that came in last holds; the shipped files (``hotels.parquet``) came before all imports
(``import-20260218T060001.250000Z-….parquet``).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pms_lab.errors import StoreError
from pms_lab.scoring.contract import Kind

IMPORT_PREFIX = "import-"
STAMP = "%Y%m%dT%H%M%S.%fZ"


class EvidenceStore:
    """The folders `recommendations/` and `rates/` below one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, kind: Kind) -> list[Path]:
        """Return the files of a kind, in the order in which they came in."""
        found = (self.folder / kind.value).glob("[!.]*.parquet")
        return sorted(found, key=lambda file: (file.name.startswith(IMPORT_PREFIX), file.name))

    def name_for(self, kind: Kind, now: datetime, content: str) -> str:
        """Name an import so that it comes after all that came in before, also in the same second or by a slow clock.

        Args:
            now: aware.
            content: digits of the content's hash, so that two imports at once differ.
        """
        earlier = [found for file in self.files(kind) if (found := _came_in(file)) is not None]
        at = max([now, *(time + timedelta(microseconds=1) for time in earlier)])
        return f"{at.astimezone(UTC):{STAMP}}-{content}"

    def publish(self, staged: Path, kind: Kind, name: str) -> Path:
        """Move a finished file, staged on the same file system, into the evidence in one step.

        Raises:
            StoreError: the folder cannot be written; the evidence is as before.
        """
        return appear(staged, self.folder / kind.value / f"{IMPORT_PREFIX}{name}.parquet")


def _came_in(file: Path) -> datetime | None:
    """Read the time from an import's name."""
    stamp = file.stem.removeprefix(IMPORT_PREFIX).rpartition("-")[0]
    try:
        return datetime.strptime(f"{stamp}+0000", f"{STAMP}%z")
    except ValueError:
        return None


def appear(staged: Path, target: Path) -> Path:
    """Move a finished file to its place on the same file system, in one step that outlasts a power cut.

    Raises:
        StoreError: the place cannot be written; nothing is there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        flush(staged)
        os.replace(staged, target)
        flush(target.parent)
    except OSError as exc:
        raise StoreError(f"{target} cannot be written: {exc.strerror}; the evidence is as before") from exc
    return target


def flush(path: Path) -> None:
    """Force a file, or a folder's list of files, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
