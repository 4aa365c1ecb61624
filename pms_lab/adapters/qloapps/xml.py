"""Bodies in XML: QloApps takes JSON for bookings only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, tostring

from pms_lab.errors import BadAnswer

Content: TypeAlias = str | Element | Mapping[str, "Content"] | Sequence["Content"]
"""What a tag stands for: text, children by tag, a ready element, or a sequence of these: the tag several times."""

ROOT: Final = "qloapps"


def body_of(content: Mapping[str, Content]) -> bytes:
    """Write a request: ``<qloapps>`` around the content, in UTF-8."""
    return _bytes(built(ROOT, content))


def built(tag: str, content: str | Mapping[str, Content], **attributes: str) -> Element:
    """Return an element with its text or its children."""
    element = Element(tag, attributes)
    if isinstance(content, str):
        element.text = content
    else:
        for name, inner in content.items():
            element.extend(_elements(name, inner))
    return element


def record_in(root: Element, tag: str) -> Element:
    """Return the record of an answer.

    Raises:
        BadAnswer: the answer holds no such record.
    """
    record = root.find(tag)
    if record is None:
        raise BadAnswer(f"an answer in XML without a {tag}")
    return record


def written_back(record: Element, changes: Mapping[str, str]) -> bytes:
    """Write a whole record with some fields changed: what a PUT leaves out, QloApps blanks.

    Attributes are left out: with them, a field's text has been seen to be lost.

    Raises:
        BadAnswer: the record has no such field.
    """
    missing = [name for name in changes if record.find(name) is None]
    if missing:
        raise BadAnswer(f"the {record.tag} has no {' and no '.join(missing)}, and cannot be written back as it should")
    copy = _plain(record)
    for name, text in changes.items():
        field = copy.find(name)
        if field is not None:
            field.text = text
    root = Element(ROOT)
    root.append(copy)
    return _bytes(root)


def _bytes(root: Element) -> bytes:
    # As text first: the encoder behind `tostring` is called for every tag and attribute by itself.
    written: str = tostring(root, encoding="unicode")
    return written.encode("utf-8", "xmlcharrefreplace")


def _elements(tag: str, content: Content) -> list[Element]:
    if isinstance(content, Element):
        return [content]
    if isinstance(content, str | Mapping):
        return [built(tag, content)]
    return [element for one in content for element in _elements(tag, one)]


def _plain(record: Element) -> Element:
    copy = Element(record.tag)
    copy.text = record.text if len(record) == 0 else None
    copy.extend(_plain(child) for child in record)
    return copy
