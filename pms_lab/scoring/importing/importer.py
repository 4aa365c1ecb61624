"""One import: a file's good rows become evidence, its bad ones a quarantine file; or nothing changes at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pms_lab.domain.location import Location
from pms_lab.errors import FileRefused
from pms_lab.scoring.contract import Kind, layout_of
from pms_lab.scoring.evidence import IMPORT_PREFIX, EvidenceStore, appear
from pms_lab.scoring.importing.checking import check
from pms_lab.scoring.importing.readers import examined, read_batches
from pms_lab.scoring.importing.staging import TWIN_REASONS, Finished, Staging, staging_folder

ROWS_PER_BATCH: Final = 100_000
QUARANTINE: Final = "quarantine"


@dataclass(frozen=True)
class ImportOutcome:
    """What became of an import file.

    Attributes:
        kind: what it was imported as.
        source: the file.
        accepted: how many of its rows are evidence now.
        refused: how many are not.
        evidence: the Parquet file with the accepted rows; None where there are none.
        quarantine: the CSV file with the refused rows and the reasons for each; None where there are none.
        reasons: the reasons without values, such as ``rate is negative``, and how many rows each is about, most
            frequent first. A row may have several.
    """

    kind: Kind
    source: Path
    accepted: int
    refused: int
    evidence: Path | None
    quarantine: Path | None
    reasons: tuple[tuple[str, int], ...]


def _in_silence(share: float) -> None:
    """Tell nobody how far the import is."""


def import_file(
    kind: Kind,
    path: Path,
    catalogue: Mapping[str, Location],
    data_folder: Path,
    *,
    now: datetime,
    progress: Callable[[float], None] = _in_silence,
    rows_per_batch: int = ROWS_PER_BATCH,
) -> ImportOutcome:
    """Import a CSV, Parquet or JSON lines file of recommendations or rates; `docs/import.md` has the contract.

    Args:
        catalogue: the known locations, by code.
        data_folder: where the evidence and the quarantine are.
        now: aware; with the content's hash it names the new files.
        progress: told the share of the file that has been read, 0 to 1.
        rows_per_batch: how many rows are held in memory at most.

    Raises:
        FileRefused: the file cannot be read at all, or has no rows; nothing was written.
        StoreError: the disk is full or cannot be written; the evidence is as before.
    """
    source = examined(path)
    with staging_folder(data_folder) as folder, closing(Staging(folder, kind)) as staging:
        counts: Counter[str] = Counter()
        for batch in read_batches(layout_of(kind), path, rows_per_batch):
            checked = check(batch.cells, kind, catalogue, now)
            staging.add(batch.cells, checked.good, checked.refused, batch.broken)
            counts.update(checked.counts)
            counts.update(reason.partition(":")[0] for reason in batch.broken["reason"])
            progress(batch.share)
        if not staging.rows:
            raise FileRefused(f"{path} has no rows: export it again, with at least one")
        finished = staging.finish()
        counts[TWIN_REASONS[kind]] += finished.twins
        if examined(path) != source:
            raise FileRefused(f"{path} changed while it was read: import it again when it is complete")
        evidence, quarantine = _publish(finished, kind, data_folder, source[:8], now)
    reasons = tuple((reason, count) for reason, count in counts.most_common() if count)
    return ImportOutcome(kind, path, finished.accepted, finished.refused, evidence, quarantine, reasons)


def _publish(
    finished: Finished, kind: Kind, data_folder: Path, content: str, now: datetime
) -> tuple[Path | None, Path | None]:
    """Let the quarantine appear and then the evidence.

    A process that dies between the two leaves a quarantine file too many; in the other order it would leave rows
    that look like a whole import, and no word of those that were refused.
    """
    store = EvidenceStore(data_folder)
    name = store.name_for(kind, now, content)
    evidence = quarantine = None
    try:
        if finished.refused:
            quarantine = appear(finished.quarantine, data_folder / QUARANTINE / f"{IMPORT_PREFIX}{name}.csv")
        if finished.accepted:
            evidence = store.publish(finished.evidence, kind, name)
    except BaseException:
        if quarantine:
            quarantine.unlink(missing_ok=True)
        raise
    return evidence, quarantine
