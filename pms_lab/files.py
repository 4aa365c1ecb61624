"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def in_place_of(target: Path) -> Iterator[Path]:
    """Yield a hidden name to write to, which takes the target's place when the block ends well.

    A reader finds the old file or the new one, never half. When the block raises, the target is as it was.
    The file is not forced to the disk: use it for what can be made again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
