"""The evidence: recommendations and rates as they came in, one immutable Parquet file per import.

A file appears whole or not at all, and is never changed. Where two files speak of the same cell and agent, the one
that came in last holds; the shipped files (``hotels.parquet``) came before all imports
(``import-20260218T060001Z-….parquet``).
"""

from __future__ import annotations

import os
from pathlib import Path

from pms_lab.errors import StoreError
from pms_lab.scoring.contract import Kind

IMPORT_PREFIX = "import-"


class EvidenceStore:
    """The folders `recommendations/` and `rates/` below one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, kind: Kind) -> list[Path]:
        """Return the files of a kind, in the order in which they came in."""
        found = (self.folder / kind.value).glob("[!.]*.parquet")
        return sorted(found, key=lambda file: (file.name.startswith(IMPORT_PREFIX), file.name))

    def publish(self, staged: Path, kind: Kind, name: str) -> Path:
        """Move a finished file, staged on the same file system, into the evidence in one step.

        Raises:
            StoreError: the folder cannot be written; the evidence is as before.
        """
        return appear(staged, self.folder / kind.value / f"{IMPORT_PREFIX}{name}.parquet")


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
