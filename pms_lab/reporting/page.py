"""An executed notebook as one page that needs no network: prose, tables and interactive charts, without the code."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import jinja2
import nbformat
from markupsafe import Markup
from nbconvert import HTMLExporter

from pms_lab.charts.look import VEGALITE_MIME
from pms_lab.files import in_place_of
from pms_lab.reporting.headline import HEADLINE_MIME

META_NAME: Final = "pms-lab-headline"
FIGURE: Final = '<figure class="chart"></figure><script type="application/json" class="vega-lite">{spec}</script>'
HIDDEN: Final = {"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": ["parameters", "injected-parameters"]}}


def render(notebook: Path, page: Path, bundle: Path) -> None:
    """Write the page of an executed notebook, in one step.

    Args:
        bundle: where the chart library's scripts are kept from report to report; made when missing.
    """
    node: nbformat.NotebookNode = nbformat.read(notebook, as_version=4)
    headline = _headline(node)
    _charts_to_html(node)
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_output_prompt=True, config=HIDDEN)
    body, _ = exporter.from_notebook_node(node)
    text = template("page.html.j2").render(
        title=f"{headline.get('name', notebook.stem)} · {headline.get('run_date', '')}".strip(" ·"),
        headline=json.dumps(headline, ensure_ascii=False),
        meta_name=META_NAME,
        body=Markup(body),  # noqa: S704  (nbconvert's own output, escaped there)
        scripts=Markup(scripts(bundle)),  # noqa: S704  (the chart library)
    )
    with in_place_of(page) as temporary:
        temporary.write_text(text, "utf-8")


def template(name: str) -> jinja2.Template:
    """Return one of the package's page templates; what is put into it is escaped."""
    loader = jinja2.PackageLoader("pms_lab.reporting", "templates")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True).get_template(name)


def scripts(bundle: Path) -> str:
    """Return the chart library's scripts (Vega, Vega-Lite, vega-embed) as one text, bundled once and then kept."""
    kept = bundle.with_name(f"{bundle.name}-{version('vl-convert-python')}.js")
    if not kept.exists():
        from vl_convert import javascript_bundle

        text = javascript_bundle().replace("</script", "<\\/script")  # type: ignore[call-arg]
        with in_place_of(kept) as temporary:
            temporary.write_text(text, "utf-8")
    return kept.read_text("utf-8")


def _headline(node: nbformat.NotebookNode) -> dict[str, Any]:
    for output in _outputs(node):
        if HEADLINE_MIME in output["data"]:
            return dict(output["data"][HEADLINE_MIME])
    return {}


def _charts_to_html(node: nbformat.NotebookNode) -> None:
    for output in _outputs(node):
        spec = output["data"].pop(VEGALITE_MIME, None)
        if spec is not None:
            output["data"]["text/html"] = FIGURE.format(spec=_inert(spec))


def _outputs(node: nbformat.NotebookNode) -> list[Any]:
    return [output for cell in node.cells for output in cell.get("outputs", []) if "data" in output]


def _inert(spec: object) -> str:
    """Write JSON that cannot end the script element it stands in."""
    return json.dumps(spec, ensure_ascii=False).replace("<", "\\u003c")
