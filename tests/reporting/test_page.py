"""Pages as a browser without a network shows them."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from pms_lab.lab import open_lab
from pms_lab.reporting.page import render, scripts
from pms_lab.scoring.contract import Kind
from tests.conftest import evidence, required, set_rate, vote

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def dom(page: Path, profile: Path) -> str:
    """Return a page's document after its scripts have run, in headless Chromium whose every host name fails."""
    required("Chromium", BROWSER, "`make browser` installs it")
    command = [
        str(BROWSER),
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


class Seen(HTMLParser):
    """What a reader sees of a page: its text, its charts, and where it would fetch from."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.text = ""
        self.charts = 0
        self.addresses: list[str] = []
        self._hidden = 0
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._hidden += tag in ("script", "style")
        self.charts += tag == "svg" and "marks" in (told.get("class") or "")
        if tag in ("script", "link", "img", "iframe"):
            self.addresses += [address for address in (told.get("src"), told.get("href")) if address]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data


@pytest.fixture(scope="module")
def city_page(shipped_home: Path) -> Path:
    return open_lab(shipped_home).run_daily_report("CITY_HOTEL")


def test_the_daily_report_shows_its_tables_and_draws_its_four_charts_without_a_network(
    city_page: Path, tmp_path: Path
) -> None:
    seen = Seen(dom(city_page, tmp_path))
    assert seen.charts == 4
    assert "could not be drawn" not in seen.text
    for told in ("City hotel, Lisbon", "Room A", "own_level", "Two people agree", "Bias per class", "Agents compared"):
        assert told in seen.text
    assert seen.addresses == []


def test_the_page_shows_no_code(city_page: Path) -> None:
    assert "open_lab" not in city_page.read_text("utf-8")


def test_every_chart_has_marks_for_its_data(city_page: Path, tmp_path: Path) -> None:
    drawings = re.findall(r'<svg[^>]*class="marks".*?</svg>', dom(city_page, tmp_path), re.DOTALL)
    points = [len(re.findall(r'aria-roledescription="(?:circle|point)"', drawing)) for drawing in drawings]
    assert len(points) == 4
    assert all(count >= 2 for count in points)


def test_a_chart_that_cannot_be_drawn_says_so_in_its_place(tmp_path: Path) -> None:
    node = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output("display_data", {"application/vnd.vegalite.v5+json": {"mark": "no such mark"}})
    node.cells = [nbformat.v4.new_code_cell("", outputs=[output])]
    nbformat.write(node, tmp_path / "broken.ipynb")
    render(tmp_path / "broken.ipynb", tmp_path / "page.html", tmp_path / "vega")
    assert "could not be drawn" in Seen(dom(tmp_path / "page.html", tmp_path / "profile")).text


def test_names_that_look_like_markup_are_shown_as_text(home: Path, tmp_path: Path) -> None:
    toml = home / "data" / "locations.toml"
    toml.write_text(
        toml.read_text().replace("E-class", "</script><script>alert(1)</script>").replace("Airport desk", "<b>Desk")
    )
    evidence(home, Kind.RECOMMENDATIONS, [vote("demand", "46.50")])
    evidence(home, Kind.RATES, [set_rate("manual", "46.50")])
    document = dom(open_lab(home).run_daily_report("DESK"), tmp_path / "profile")
    seen = Seen(document)
    assert "</script><script>alert(1)</script>" in seen.text
    assert "<b>Desk" in seen.text
    assert seen.charts == 4
    assert document.count("<script") == 5  # four charts and their library


def test_the_chart_library_is_bundled_once_and_then_kept(tmp_path: Path) -> None:
    first = scripts(tmp_path / "vega")
    (kept,) = tmp_path.iterdir()
    kept.write_text("// kept")
    assert len(first) > 500_000
    assert scripts(tmp_path / "vega") == "// kept"


def test_the_index_lists_every_page_with_its_figures(shipped_home: Path, city_page: Path, tmp_path: Path) -> None:
    lab = open_lab(shipped_home)
    las = lab.run_daily_report("LAS_AIRPORT")
    index = lab.write_index()
    (index.parent / "2026-01-01").mkdir()
    seen = Seen(dom(index, tmp_path))
    for told in ("City hotel, Lisbon", "2017-07-02", "Las Vegas airport", "2026-02-18", "33%", "100%"):
        assert told in seen.text
    links = re.findall(r'href="([^"]+)"', index.read_text("utf-8"))
    assert sorted((index.parent / link).resolve() for link in links) == sorted([city_page.resolve(), las.resolve()])


def test_the_headline_in_the_page_is_what_the_index_reads(city_page: Path) -> None:
    from html import unescape

    found = re.search(r'<meta name="pms-lab-headline" content="([^"]*)">', city_page.read_text("utf-8"))
    assert found is not None
    record = json.loads(unescape(found[1]))
    assert (record["location"], record["run_date"]) == ("CITY_HOTEL", "2017-07-02")


def test_two_locations_of_one_name_are_both_listed(home: Path) -> None:
    toml = home / "data" / "locations.toml"
    toml.write_text(toml.read_text().replace('"Airport desk"', '"Inn"'))
    votes = [vote("demand", "46.50"), vote("demand", "90.00", location="INN", product="A", currency="EUR")]
    evidence(home, Kind.RECOMMENDATIONS, votes)
    lab = open_lab(home)
    for location in ("DESK", "INN"):
        lab.run_daily_report(location)
    text = lab.write_index().read_text("utf-8")
    assert "Inn · DESK" in text
    assert "Inn · INN" in text


def test_an_empty_index_says_how_to_make_a_report(home: Path) -> None:
    assert "pms-lab report daily" in open_lab(home).write_index().read_text("utf-8")
