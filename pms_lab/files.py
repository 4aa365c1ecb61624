"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from pms_lab.errors import StoreError


@contextmanager
def in_place_of(target: Path) -> Iterator[Path]:
    """Yield a hidden name to write to, which takes the target's place when the block ends well.

    A reader finds the old file or the new one, never half. When the block raises, the target is as it was.
    The file is not forced to the disk: use it for what can be made again.

    Raises:
        StoreError: the folder or the file cannot be written.
    """
    temporary = target.with_name(f".{target.name}.{uuid4().hex}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except OSError as exc:
        raise StoreError(f"{target} cannot be written: {exc}; it is as before") from exc
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
