"""Write the validation dossier as one self-contained HTML page: claims, figures, parameters, sources, credibility."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import metadata
from typing import Any

from mtorsim.files.html import asset
from mtorsim.files.library import Library, library_for
from mtorsim.files.references import Reference, read_references
from mtorsim.model.read import read_module

from .check import Check
from .run import SECTIONS

__all__ = ["page"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1180px; padding: 0 1em; color: #222; }
h1 { font-size: 1.6em; } h2 { margin-top: 2em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; width: 100%; font-size: 0.84em; }
th, td { text-align: left; padding: 0.25em 0.6em; vertical-align: top; border-bottom: 1px solid #e4e4e4; }
.counts th:not(:first-child) { text-align: right; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.pass { color: #00588c; } .miss { color: #b34700; font-weight: 600; } .shown { color: #666; }
th[aria-sort] { cursor: pointer; } th[aria-sort=ascending]::after { content: " ▲"; }
th[aria-sort=descending]::after { content: " ▼"; }
details summary { cursor: pointer; margin: 0.6em 0; } svg { max-width: 100%; height: auto; }
.note { color: #555; } nav a { margin-right: 1em; }
.scroll { overflow-x: auto; }
#filter { display: flex; flex-wrap: wrap; gap: 0.4em 1.2em; align-items: center; margin: 1em 0; }
#filter input[type=search] { font: inherit; padding: 0.2em 0.5em; min-width: 16em; }
@media print { #filter { display: none; } details > * { display: block; } }
"""

FILTER = """
<form id="filter" onsubmit="return false"><label>Search <input type="search" id="find"></label>
<label><input type="checkbox" id="independent"> independent rows only</label><output id="found"></output></form>
"""
SCRIPT = """
<script>
const find = document.getElementById("find"), alone = document.getElementById("independent");
function narrow() {
  const words = find.value.toLowerCase().split(/ +/).filter(Boolean);
  let count = 0;
  for (const row of document.querySelectorAll("tr[data-kind]")) {
    const text = row.textContent.toLowerCase();
    const shown = words.every((w) => text.includes(w)) && (!alone.checked || row.dataset.kind === "independent");
    row.hidden = !shown;
    if (shown && row.closest("details")) count += 1;
  }
  const on = words.length > 0 || alone.checked;
  document.getElementById("found").textContent = on ? `${count} comparisons` : "";
  if (on) for (const part of document.querySelectorAll("details:has(tr[data-kind])")) part.open = true;
}
find.addEventListener("input", narrow);
alone.addEventListener("change", narrow);
</script>
"""

SUMMARY = (
    "This model can be asked how a group of adults with cancer will do on everolimus or temsirolimus: how far fasting "
    "glucose rises on average, in which weeks, at which dose, and that those with little reserve carry most of the "
    "harm. It should not be asked what will happen to one patient, nor for the rate of severe hyperglycaemia in a "
    "trial unlike the four it was fitted to: that depends on how many patients come with diabetes or on steroids. "
    "It says that insulin resistance and impaired secretion both matter, because it was built so; which of them "
    "matters more in people is not known. It misses the fall of insulin need on rapamycin in type 1 diabetes, where "
    "lost insulin action outweighs the fall of glucagon."
)
"""What the model can be asked and what not, in a clinician's words."""

CREDIBILITY = (
    (
        "Credible for",
        "exposure of everolimus, sirolimus and temsirolimus at licensed doses; oral, intravenous and clamp tests of "
        "the untreated presets; fasting glucose and HbA1c of adults by age and body mass; sign, order, pace and dose "
        "dependence of what rapalogs do to insulin action, secretion and lipids; recovery after stopping; the mean "
        "rise on temsirolimus, which was not fitted.",
    ),
    (
        "Not credible for",
        "absolute levels of kinase inhibitors (placeholders); the shares of insulin action and secretion in the harm, "
        "which no human data separate (each spared arm is shown beside every trial); insulin need in type 1 diabetes "
        "under rapamycin (missed); incidence in transplantation; glucose of children on mTOR inhibitors, of whom "
        "untreated glucose and drug levels alone are compared; the size of what steroids and calcineurin inhibitors do "
        "in one patient; rates of severe hyperglycaemia outside the four trials that six quantities were fitted to.",
    ),
    (
        "1 · Context of use",
        "comparing regimens, populations and mechanisms of mTOR inhibitors, for research and teaching; never for the "
        "care of a patient.",
    ),
    (
        "2 · Appropriate data",
        "every parameter and every comparison has a source and a kind of evidence; `recalled` means not "
        "checked. Most sources were read as abstract, label or published encoding.",
    ),
    (
        "3 · Evaluation within the context",
        "this page: untreated people, drugs, mechanism, lipids, therapies. Agreement marked in-sample is not "
        "evidence of prediction.",
    ),
    (
        "4 · Limitations",
        "the misses above, each with its reason, and the list of uses for which the model is not credible.",
    ),
    ("5 · Version control", "the numbers are those of this version's files; every run keeps the text of its inputs."),
    (
        "6 · Documentation",
        "models are text files with unit, meaning, source and evidence on each line; `mtorsim show` prints equations.",
    ),
    ("7 · Dissemination", "open source, MIT; one command reproduces this page."),
    ("8 · Independent review", "none outside the project yet."),
    (
        "9 · Competing implementations",
        "the untreated person is checked against an independent program, kernels against SciPy on equations "
        "that did not pass through the code generator, dosing against closed forms; structural variants run "
        "side by side.",
    ),
    ("10 · Standards", "NONMEM event records, grades and indices by their published definitions, units throughout."),
    (
        "CURE",
        "credible: verification by tests, validation here, uncertainty by stated ranges and varied populations. "
        "Understandable: files that need no Python. Reproducible: the same bits for any split of the work. Extensible: "
        "a drug is one file.",
    ),
)
"""Credibility by the ten simple rules of credible practice and by CURE (credible, understandable, reproducible,
extensible)."""


def page(checks: Sequence[Check], figures: Mapping[str, bytes], library: Library | None = None) -> str:
    """Write the dossier as HTML.

    Parameters
    ----------
    checks
        Checks of all requested sections.
    figures
        SVG by name: a section's own name, or `section.something`.
    library
        The library whose parameters and sources are listed.
    """
    library = library or library_for()
    used = _used(checks, library)
    sections = list(dict.fromkeys(c.section for c in checks))
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'><title>mtorsim: validation</title>",
        f"<style>{STYLE}</style></head><body>",
        f"<h1>mtorsim {escape(metadata.version('mtorsim'))}: the model beside what was measured</h1>",
        "<nav>" + "".join(f"<a href='#{s}'>{s}</a>" for s in sections) + "<a href='#credibility'>credibility</a>"
        "<a href='#parameters'>parameters</a><a href='#bibliography'>bibliography</a></nav>",
        f"<p><b>{escape(SUMMARY)}</b></p>",
        _overview(checks, sections),
        FILTER,
        *(_section(s, [c for c in checks if c.section == s], figures, used) for s in sections),
        "<h2 id='credibility'>What this is credible for</h2><table>",
        *(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in CREDIBILITY),
        "</table>",
        _calibrated(library),
        _parameters(library, used),
        _bibliography(used),
        SCRIPT,
        f"<script>{asset('tables.js')}</script>",
        "</body></html>",
    ]
    return "\n".join(parts)


def _overview(checks: Sequence[Check], sections: Sequence[str]) -> str:
    head = _head("section", "agree", "miss", "shown only", "of which independent: agree", "miss")
    lines = []
    for section in [*sections, None]:
        mine = [c for c in checks if section in (None, c.section)]
        own = [c for c in mine if c.kind == "independent"]
        counts = (_count(mine, True), _count(mine, False), _count(mine, None), _count(own, True), _count(own, False))
        cells = "".join(f"<td class='number'>{n}</td>" for n in counts)
        lines.append(f"<tr><td>{section or 'all'}</td>{cells}</tr>")
    return f"<table class='counts'>{head}{''.join(lines)}</table>"


def _head(*names: str) -> str:
    return "<tr>" + "".join(f"<th>{n}</th>" for n in names) + "</tr>"


def _count(checks: Sequence[Check], verdict: bool | None) -> int:
    return sum(c.passed is verdict for c in checks)


def _section(name: str, checks: Sequence[Check], figures: Mapping[str, bytes], used: Mapping[str, Reference]) -> str:
    about = SECTIONS[name][0] if name in SECTIONS else ""
    drawn = [f for f in figures if f == name or f.startswith(name + ".")]
    misses = [c for c in checks if c.passed is False]
    shown = "".join(_inline(figures[f]) for f in drawn)
    missed = f"<h3>Misses</h3>{_table(misses, used)}" if misses else "<p>No misses.</p>"
    return (
        f"<h2 id='{name}'>{escape(name)}</h2><p>{escape(about)}.</p>{shown}{missed}"
        f"<details{'' if len(checks) > 40 else ' open'}><summary>All {len(checks)} comparisons</summary>"
        f"{_table(checks, used)}</details>"
    )


def _inline(svg: bytes) -> str:
    text = svg.decode("utf-8")
    return text[text.index("<svg") :]


def _table(checks: Sequence[Check], used: Mapping[str, Reference]) -> str:
    head = _head("id", "claim", "measured", "agreement", "model", "", "kind", "evidence, source")
    lines = []
    for c in checks:
        word = {True: "agrees", False: "miss", None: "shown"}[c.passed]
        css = {True: "pass", False: "miss", None: "shown"}[c.passed]
        note = f"<br><span class='note'>{escape(c.note)}</span>" if c.note else ""
        lines.append(
            f"<tr data-kind='{c.kind}'><td>{escape(c.id)}</td><td>{escape(c.claim)}{note}</td>"
            f"<td>{escape(c.expected)}</td>"
            f"<td class='number'>{_interval(c)}</td><td class='number'>{_number(c.value)} {escape(_unit(c.unit))}</td>"
            f"<td class='{css}'>{word}</td><td>{c.kind}</td>"
            f"<td>{escape(c.evidence)}<br>{_linked(c.source, used)}</td></tr>"
        )
    return f"<div class='scroll'><table>{head}{''.join(lines)}</table></div>"


def _unit(unit: str) -> str:
    return "" if unit in ("1", "-") else unit


def _interval(c: Check) -> str:
    if c.low is None and c.high is None:
        return ""
    if c.low is None:
        return f"≤ {_number(c.high)}"
    return f"≥ {_number(c.low)}" if c.high is None else f"{_number(c.low)} to {_number(c.high)}"


def _number(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.4g}"


def _parameters(library: Library, used: Mapping[str, Reference]) -> str:
    parts = ["<h2 id='parameters'>Parameters</h2>"]
    for name, path in library.modules.items():
        module = read_module(path)
        head = _head("name", "value", "unit", "range", "meaning", "evidence, source")
        lines = []
        for parameter, line in module.data.parameters.items():
            ends = f"{line.range[0]:g} to {line.range[1]:g}" if line.range else ""
            value = "per subject" if line.value is None else f"{line.value:g}"
            lines.append(
                f"<tr><td>{escape(parameter)}</td><td class='number'>{value}</td><td>{escape(line.unit)}</td>"
                f"<td class='number'>{ends}</td><td>{escape(line.about)}</td>"
                f"<td>{escape(str(line.evidence or ''))}<br>{_linked(str(line.source or ''), used)}</td></tr>"
            )
        count = len(module.data.parameters)
        parts.append(
            f"<details><summary>{escape(name)}: {escape(module.data.module.about)} ({count} parameters)</summary>"
            f"<table>{head}{''.join(lines)}</table></details>"
        )
    return "".join(parts)


def _calibrated(library: Library) -> str:
    """What was fitted to trials, how much its data say about it, and what it cannot be told from."""
    path = library.calibration("trials").with_suffix(".json")
    if not path.is_file():
        return ""
    fit = json.loads(path.read_text(encoding="utf-8"))
    head = _head("quantity", "value", "95 % interval", "by profile", "prior", "learned from the data", "goes with")
    lines = []
    for q in fit["quantities"]:
        others = ", ".join(f"{o['name']} ({o['correlation']:+.2f})" for o in q["goes_with"])
        lines.append(
            f"<tr><td>{escape(q['name'])}<br><span class='note'>{escape(q['about'])}</span></td>"
            f"<td class='number'>{q['value']:.3g}</td><td class='number'>{q['low']:.3g} to {q['high']:.3g}</td>"
            f"<td class='number'>{_profiled(q)}</td>"
            f"<td class='number'>{q['prior']:.3g}</td><td class='number'>{100 * q['learned']:.0f} %</td>"
            f"<td>{escape(others)}</td></tr>"
        )
    note = (
        f"Fitted to {len(fit['targets'])} rates of trials, and to nothing else. What is hardly learned rests on its "
        "prior; what goes with another cannot be told from it by these data. The profile holds a quantity at several "
        "values and fits the others again; an end that it does not find is open."
    )
    return f"<h2 id='calibrated'>Fitted to trials</h2><p>{note}</p><table>{head}{''.join(lines)}</table>"


def _profiled(quantity: dict[str, Any]) -> str:
    """The 95 % interval by profile likelihood."""
    told = quantity.get("profile")
    if told is None:
        return "-"
    low, high = ("open" if end is None else f"{end:.3g}" for end in (told["low"], told["high"]))
    return f"{low} to {high}"


def _used(checks: Sequence[Check], library: Library) -> dict[str, Reference]:
    """References cited by modules, populations or checks, in order of their keys."""
    known = read_references(library.references)
    named = {word for c in checks for word in re.findall(r"\w+", c.source)}
    for path in (*library.modules.values(), *library.populations.values()):
        named |= set(_sources(tomllib.loads(path.read_text(encoding="utf-8-sig"))))
    return {key: known[key] for key in sorted(known, key=str.lower) if key in named}


def _sources(data: Any) -> Iterator[str]:
    """All `source` values in a file, at any depth."""
    if isinstance(data, dict):
        if isinstance(data.get("source"), str):
            yield data["source"]
        data = list(data.values())
    if isinstance(data, list):
        for inner in data:
            yield from _sources(inner)


def _linked(source: str, used: Mapping[str, Reference]) -> str:
    """Link the keys of a source to the bibliography."""
    return re.sub(r"\w+", lambda m: f"<a href='#ref-{m[0]}'>{m[0]}</a>" if m[0] in used else m[0], escape(source))


def _bibliography(used: Mapping[str, Reference]) -> str:
    rows = "".join(
        f"<tr id='ref-{key}'><th>{escape(key)}</th><td>{escape(reference.long)}{_note(reference)}</td></tr>"
        for key, reference in used.items()
    )
    return f"<h2 id='bibliography'>Bibliography</h2><table>{rows}</table>"


def _note(reference: Reference) -> str:
    """The note on how far an entry was read, unless its line has it."""
    note = reference.fields.get("note", "")
    return f"<br><span class='note'>{escape(note)}</span>" if note and note not in reference.long else ""
