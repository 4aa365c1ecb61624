"""Run the checks against the PMSs of the settings and write a results file: `make test-pms-integration`."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pms_lab.errors import PmsLabError
from pms_lab.lab import Lab, open_lab
from tests.integration.checks import READS, WRITES, Sandbox, run


def main() -> int:
    """Check each PMS of the settings; exit code 1 where anything failed, 2 where there is nothing to check."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--writes", action="store_true", help="also book, cancel, and push a rate that is restored")
    writes = parser.parse_args().writes
    try:
        lab = open_lab()
    except PmsLabError as exc:
        sys.exit(str(exc))
    if not lab.settings.pms:
        print(
            "no PMS in the settings: add a table [pms.<LOCATION>] to pms_lab.toml, as docs/pms.md shows",
            file=sys.stderr,
        )
        return 2
    at = datetime.now(UTC)
    results = {code: asyncio.run(_checked(lab, code, at, writes=writes)) for code in lab.settings.pms}
    path = lab.home / "reports" / "pms_integration" / f"{at:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"at": at.isoformat(), "writes": writes, "results": results}, indent=2), "utf-8")
    for code, records in results.items():
        for record in records:
            print(f"{code:<20} {record['result']:<12} {record['check']:<32} {record['detail']}")
    print(f"Results: {path}")
    return int(any(record["result"] == "failed" for records in results.values() for record in records))


async def _checked(lab: Lab, code: str, at: datetime, *, writes: bool) -> list[Mapping[str, Any]]:
    place = lab.location(code)
    today = at.astimezone(place.zone).date()
    try:
        async with lab.pms(code) as pms:
            it = Sandbox(pms, today, list(place.products), place.currency, f"check-{at:%Y%m%dT%H%M%S}")
            return await run(it, READS + WRITES if writes else READS)
    except PmsLabError as exc:
        return [{"check": "connect", "result": "failed", "detail": str(exc), "took_s": 0.0}]


if __name__ == "__main__":
    sys.exit(main())
