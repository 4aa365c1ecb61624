"""The workbench: the one place that knows every room, and what the CLI and the notebooks call."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pms_lab.catalogue import load_catalogue
from pms_lab.domain.location import Location
from pms_lab.errors import InputError, NoEvidence, SettingsError, UnknownLocation, listed
from pms_lab.rules.tolerance import Tolerance
from pms_lab.settings import HOME_VARIABLE, LOCATIONS, Settings, find_home, load_settings

if TYPE_CHECKING:
    from pms_lab.desk import Desk
    from pms_lab.engine.pms import PMSAdapter
    from pms_lab.reporting.anatomy import PushAnatomy
    from pms_lab.reporting.daily import DailyReport
    from pms_lab.scoring.database import Database
    from pms_lab.scoring.evidence import EvidenceStore
    from pms_lab.scoring.importing import ImportOutcome
    from pms_lab.scoring.scores import Scores

Progress = Callable[[float], None]


def unwatched(share: float) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Lab:
    """One home folder with its settings and locations.

    Attributes:
        home: the folder that holds data/, notebooks/, reports/ and papermill_runs/.
        locations: by code, in the order of data/locations.toml.
    """

    home: Path
    settings: Settings
    locations: Mapping[str, Location]

    @property
    def data(self) -> Path:
        """The folder of the evidence and the dry runs."""
        return self.home / "data"

    def location(self, code: str) -> Location:
        """Return a location by its code.

        Raises:
            UnknownLocation: data/locations.toml does not list it.
        """
        if code not in self.locations:
            raise UnknownLocation.named(code, self.locations)
        return self.locations[code]

    def run_dates(self, location: str) -> list[date]:
        """Return the days on which agents recommended anything for a location, oldest first."""
        with self._evidence() as (db, _):
            return db.ask("run_dates", location=self.location(location).code)["run_date"].to_list()

    def recommended_day(self, location: str, asked: date | None = None) -> date:
        """Return the run date asked for, or by default the location's last one in the evidence.

        Raises:
            NoEvidence: nothing was recommended on that day, or ever.
        """
        days = self.run_dates(location)
        if not days:
            raise NoEvidence(f"no recommendation for {location}: `pms-lab import recommendations FILE` takes some in")
        if asked and asked not in days:
            span = f"its run dates lie between {days[0]} and {days[-1]}"
            raise NoEvidence(f"no recommendation for {location} on {asked}: {span}")
        return asked or days[-1]

    @contextmanager
    def _evidence(self) -> Iterator[tuple[Database, EvidenceStore]]:
        from pms_lab.scoring.database import database
        from pms_lab.scoring.evidence import EvidenceStore

        evidence = EvidenceStore(self.data)
        with database(self.data) as db:
            db.show_evidence(evidence)
            yield db, evidence

    def import_file(self, kind: str, file: Path, progress: Progress = unwatched) -> ImportOutcome:
        """Take recommendations or rates from a file into the evidence, its refused rows into quarantine.

        Raises:
            FileRefused: the file cannot be read at all; nothing of it went in.
            StoreError: the evidence cannot be written; it is as before.
        """
        from pms_lab.scoring.contract import Kind
        from pms_lab.scoring.importing import import_file

        return import_file(Kind(kind), file, self.locations, self.data, now=datetime.now(UTC), progress=progress)

    def dry_run(
        self,
        location: str,
        run_date: date | str | None = None,
        tolerance: str | None = None,
        progress: Progress = unwatched,
        *,
        again: bool = False,
    ) -> Scores:
        """Make the dry run of a day, and those missing before it, and score them all.

        Args:
            again: make that of the day anew with today's weights, though its evidence is unchanged.
            run_date: a date or its ISO text; by default the location's last one in the evidence.
            tolerance: ``2.00`` or ``5%``; by default the setting.

        Raises:
            UnknownLocation, NoEvidence, InputError, SettingsError, StoreError: what each says.
        """
        from pms_lab.scoring.dry_runs import DryRunStore, make_dry_runs
        from pms_lab.scoring.scores import score

        judged = Tolerance.parse(tolerance) if tolerance else self.settings.tolerance
        day = self.recommended_day(location, as_date(run_date) if run_date else None)
        place, store = self.location(location), DryRunStore(self.data / "dry_runs")
        with self._evidence() as (db, evidence):
            weights, method = self.settings.weights.get(location, {}), self.settings.consensus
            db.load_dry_runs(
                make_dry_runs(
                    db, evidence, store, place, day, method=method, weights=weights, again=again, progress=progress
                )
            )
            pairs = sorted((self.data / "manual_pairs").glob("*.parquet"))
            return score(db, place, day, judged, method, pairs)

    def daily_report(
        self, location: str, run_date: date | str | None = None, tolerance: str | None = None
    ) -> DailyReport:
        """Return the tables and charts of the daily dry-run report; takes and raises what `dry_run` does."""
        from pms_lab.reporting.daily import DailyReport

        scores = self.dry_run(location, run_date, tolerance)
        is_last = scores.run_date == self.recommended_day(location)
        return DailyReport(scores, self.settings.agreement_target, is_last)

    def run_daily_report(
        self, location: str, run_date: date | None = None, parameters: Mapping[str, object] | None = None
    ) -> Path:
        """Execute the daily notebook for one location and day, and render its page.

        Args:
            run_date: by default the location's last one in the evidence.
            parameters: further ones of the notebook, such as ``{"tolerance": "5%"}``. A run with some is a 'what
                if': it has a page of its own and leaves the day's report alone.

        Returns:
            The page. The executed notebook is in papermill_runs/<date>/<location>/.

        Raises:
            UnknownLocation, NoEvidence, BadParameter: before anything has run.
            ReportFailed: a cell raised; the failed run is kept, an earlier good report is untouched.
        """
        from pms_lab.reporting.page import render
        from pms_lab.reporting.runner import Run, executed

        day = self.recommended_day(location, run_date)
        place = Path(day.isoformat()) / location
        name = "daily_dry_run.what_if" if parameters else "daily_dry_run"
        page = self.home / "reports" / place / f"{name}.html"
        kept = self.home / "papermill_runs" / place / f"{name}.ipynb"
        if parameters and "tolerance" in parameters:
            Tolerance.parse(str(parameters["tolerance"]))
        run = Run(self.home / "notebooks" / "01_daily_dry_run.ipynb", kept, self.home)
        with executed(run, {**(parameters or {}), "location": location, "run_date": day.isoformat()}) as notebook:
            render(notebook, page, self.home / "reports" / ".scripts" / "vega")
        return page

    def pms_location(self, vendor: str | None, location: str | None = None) -> str:
        """Return the location meant, of those whose PMS is in the settings: the named one, or the only one of a vendor.

        Raises:
            SettingsError: there is none, or more than one.
        """
        tables = self.settings.pms
        found = [code for code, table in tables.items() if location in (None, code) and vendor in (None, table.vendor)]
        if len(found) == 1:
            return found[0]
        asked = " ".join(filter(None, (vendor, location))) or "any"
        known = listed(f"{code} ({table.vendor})" for code, table in tables.items())
        rule = "name its location" if found else "add a table [pms.<LOCATION>] to pms_lab.toml, as docs/pms.md shows"
        raise SettingsError(f"PMS asked for: {asked}, matched by {len(found)} of the settings' {known}: {rule}")

    @asynccontextmanager
    async def pms(self, location: str) -> AsyncIterator[PMSAdapter]:
        """Connect to the PMS of a location, for as long as the block runs; asyncio must be running.

        Raises:
            SettingsError: a setting is missing or mistyped.
            PmsError: the PMS cannot be reached or refuses the credentials.
        """
        from pms_lab.live.pms import connected

        place = self.location(self.pms_location(None, location))
        async with connected(place, self.settings.pms[place.code]) as adapter:
            yield adapter

    @property
    def desk(self) -> Desk:
        """The desk, where rates are pushed, taken back, reviewed and looked up."""
        from pms_lab.desk import Desk

        return Desk(self.home, self.settings, self.locations)

    def push_anatomy(self, seed: int = 1) -> PushAnatomy:
        """Return the courses of one simulated push, as tables and charts; nothing of this home is read."""
        from pms_lab.reporting.anatomy import PushAnatomy

        return PushAnatomy(seed)

    def write_index(self) -> Path:
        """Write the index of all reports and return it."""
        from pms_lab.reporting.index import write_index

        return write_index(self.home / "reports")


def open_lab(home: Path | None = None) -> Lab:
    """Open the workbench in a home folder: by default `PMS_LAB_HOME`, else the nearest one from here upwards.

    Raises:
        SettingsError: there is none, or a setting or location in it is mistyped.
    """
    named = home or (Path(os.environ[HOME_VARIABLE]) if os.environ.get(HOME_VARIABLE) else None)
    if named and not (named / LOCATIONS).is_file():
        raise SettingsError(f"no {LOCATIONS} in {named}: set PMS_LAB_HOME to the project's folder, or unset it")
    found = named.resolve() if named else find_home(Path.cwd().resolve())
    lab = Lab(found, load_settings(found), load_catalogue(found / LOCATIONS))
    for table in ("weights", "pms", "push"):
        for location in getattr(lab.settings, table).keys() - lab.locations.keys():
            raise SettingsError(f"{table}.{location}: {UnknownLocation.named(location, lab.locations)}")
    return lab


def as_date(text: date | str) -> date:
    """Read a date, or its ISO text.

    Raises:
        InputError: the text is no date.
    """
    try:
        return text if isinstance(text, date) else date.fromisoformat(text)
    except ValueError as exc:
        raise InputError(f"run date {text!r} is no date: write it as 2026-02-18") from exc
