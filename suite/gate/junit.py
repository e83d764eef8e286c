"""A gate's answer as JUnit XML, which CI systems read: a test case for every cell."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from suite.gate.finding import Finding, Outcome

TAGS: dict[Outcome, str] = {"regressed": "failure", "unmeasured": "error", "unclear": "skipped"}
"""What a test case that did not hold has in it. Nobody's pipeline stops for what is skipped."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot have, escaped or not."""


def document(findings: Iterable[Finding], seconds: float, notes: Iterable[str] = ()) -> bytes:
    """The whole document. seconds: that the gate took."""
    found = list(findings)
    suite = ET.Element("testsuite", name="cdfbench gate", tests=str(len(found)))
    for tag, word in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(word, str(sum(TAGS.get(finding.outcome) == tag for finding in found)))
    suite.set("time", f"{seconds:.1f}")
    for finding in found:
        name = finding.where or finding.subject
        case = ET.SubElement(suite, "testcase", name=_text(name))
        case.set("classname", _text(finding.subject.replace("/", ".")))
        if finding.row is not None and finding.row.ratio is not None:
            properties = ET.SubElement(case, "properties")
            ratio = f"{finding.row.ratio.ratio:.4g}"
            ET.SubElement(properties, "property", name="time ratio", value=ratio)
        if finding.outcome in TAGS:
            ET.SubElement(case, TAGS[finding.outcome], message=_text(str(finding)))
    if told := "\n".join(notes):
        ET.SubElement(suite, "system-out").text = _text(told)
    ET.indent(suite)
    return ET.tostring(suite, encoding="utf-8", xml_declaration=True)


def write(path: Path, findings: Iterable[Finding], seconds: float, notes: Iterable[str]) -> None:
    """Write the document, aside and then renamed."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_bytes(document(findings, seconds, notes))
    aside.rename(path)


def _text(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
