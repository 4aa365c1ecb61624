"""A progress bar for whatever takes longer than a second."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

PATIENCE_S = 1.0


@contextmanager
def bar(what: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that takes the share done, 0 to 1; the bar appears on stderr once a second has passed.

    Where stderr is no terminal nothing is shown.
    """
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    shown = Progress(console=Console(stderr=True), transient=True)
    task = shown.add_task(what, total=1.0)
    appearance = Timer(PATIENCE_S, shown.start)
    appearance.start()
    try:
        yield lambda share: shown.update(task, completed=share)
    finally:
        appearance.cancel()
        appearance.join()
        shown.stop()
