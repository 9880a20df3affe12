"""Write a trial's report as one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from mtorsim.files.html import asset, details, table
from mtorsim.results.limits import limits_of
from mtorsim.stats.shares import Estimate

from .report import TrialReport
from .rows import Cell, endpoint_rows, flow_rows, in_text, visit_rows

__all__ = ["page"]


def page(report: TrialReport, figures: Mapping[str, bytes], command: str = "") -> str:
    """Write the report as HTML.

    Parameters
    ----------
    report
        Report from `run_trial`.
    figures
        SVG by name.
    command
        The command that made it, to be repeated.
    """
    parts = [*_head(report), _found(report)]
    if report.observed:
        parts += ["<h2>Predicted beside observed</h2>", _figure(figures, "forest", report), _observed(report)]
    parts += [
        f"<h2>Highest {report.glucose} on study</h2>",
        "" if report.observed else _figure(figures, "forest", report),
        "<p>% of patients by the highest value measured at the trial's visits while on study, mg/dL (95 % CI).</p>",
        _scroll(table(["arm", *_limits(report)], [[escape(a), *_shares(arm.share)] for a, arm in report.arms.items()])),
        _figure(figures, "incidence", report),
        _figure(figures, "waterfall", report),
    ]
    parts += ["<h2>Patients</h2>", _flow(report), "<h2>Endpoints by arm</h2>", _scroll(_endpoints(report))]
    visits, decisions = _scroll(_visits(report)), _scroll(_decisions(report))
    parts += [f"<h2>{report.glucose.capitalize()} by visit</h2>", details("Mean of every arm at every visit", visits)]
    parts += ["<h2>Decisions</h2>", details("What rules changed, in how many patients", decisions)]
    if report.variants:
        rows = [[f"{escape(a)}: {v}", *_shares(s)] for a, f in report.variants.items() for v, s in f.items()]
        parts += [
            "<h2>Structural variants</h2><p>One arm of the mechanism spared in the same subjects; not refitted. No "
            "human data separate the two.</p>",
            _scroll(table(["arm and variant", *_limits(report)], rows)),
        ]
    if report.alternatives:
        rows = [
            [f"{escape(v)}: {escape(a)}", *_shares(s)] for v, f in report.alternatives.items() for a, s in f.items()
        ]
        parts += [
            "<h2>Structural alternatives</h2><p>Structure that no trial decides, from before the start and in every "
            "arm; not refitted.</p>",
            _scroll(table(["alternative, arm", *_limits(report)], rows)),
        ]
    return "\n".join(
        [*parts, *_behind(report), *_made(report, command), f"<script>{asset('tables.js')}</script>", "</body></html>"]
    )


def _head(report: TrialReport) -> list[str]:
    """The head of the page."""
    return [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(report.trial)}</title><style>{asset('page.css')}</style></head><body>",
        f"<h1>{escape(report.title)}</h1>",
        f"<p>{escape(report.about)}</p>" if report.about else "",
        f"<p class='note'>{report.subjects:,} virtual patients of {escape(report.population)} in each arm, the same "
        f"subjects; CTCAE {escape(report.ctcae)}, upper limit of normal {report.uln_mg_dl:g} mg/dL, "
        f"seed {report.seed}. For research and teaching, not for patient care.</p>",
    ]


def _found(report: TrialReport) -> str:
    """Main results, in sentences."""
    lines = []
    reference = report.difference.reference or next(iter(report.arms))
    others = [name for name in report.arms if name != reference] or [reference]
    for name in others[:3]:
        mine, than = report.arms[name].share, report.arms[reference].share
        said = [
            f"above {limit:g} mg/dL <b>{_percent(mine[key])}</b> on {escape(name)}"
            + (f" and {_percent(than[key])} on {escape(reference)}" if name != reference else "")
            for key, limit in ((">160", 160), (">250", 250))
            if key in mine and mine[key].value is not None
        ]
        if said:
            lines.append("Predicted: " + "; ".join(said) + ".")
    judged = [row for row in report.observed if row.agreement]
    if judged:
        counts = {word: sum(row.agreement == word for row in judged) for word in ("inside", "overlaps", "apart")}
        fitted = sum(row.role == "calibration" for row in judged)
        line = (
            f"Of {len(judged)} observed rates, {counts['inside']} predictions lie inside the observed interval, "
            f"{counts['overlaps']} overlap with it, {counts['apart']} lie apart."
        )
        line += f" {fitted} of these rates were used in the calibration, so that agreement is a fit." if fitted else ""
        lines.append(line)
        apart = [f"{row.arm}, {_endpoint(row.endpoint)}" for row in judged if row.agreement == "apart"]
        if apart:
            lines.append(f"<span class='apart'>Apart:</span> {escape('; '.join(apart))}.")
    if report.variants:
        for arm, found in list(report.variants.items())[:2]:
            said = [f"with {escape(v)} {_percent(s['>160'])}" for v, s in found.items() if v != "both"]
            whole = _percent(report.arms[arm].share[">160"])
            lines.append(f"On {escape(arm)}, above 160 mg/dL: {whole}; {', '.join(said)}.")
    return f"<div class='found'><ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul></div>" if lines else ""


def _endpoint(name: str) -> str:
    """An endpoint in words."""
    return f"reported AE, {name.removeprefix('ae ')}" if name.startswith("ae ") else name


def _percent(share: Estimate) -> str:
    return "-" if share.value is None else f"{100 * share.value:.1f} %"


def _scroll(inner: str) -> str:
    """A table that scrolls by itself on a narrow screen."""
    return f"<div class='scroll' tabindex='0' role='region' aria-label='table'>{inner}</div>"


def _made(report: TrialReport, command: str) -> list[str]:
    """What made the page, and its data."""
    manifest = report.result.manifest
    versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
    files = "".join(f"<br>{escape(name)} <code>{digest[:16]}</code>" for name, digest in manifest["hashes"].items())
    data = json.dumps(report.to_json(), default=float)
    link = f"data:application/json;charset=utf-8,{quote(data)}"
    rows = {
        "command": f"<code>{escape(command)}</code>" if command else "",
        "versions": escape(versions),
        "files, SHA-256": files.removeprefix("<br>"),
        "result": "".join(f"{escape(a)} <code>{d[:16]}</code> " for a, d in manifest.get("result", {}).items()),
        "data": f"<a class='data' download='trial.json' href='{link}'>the whole report as JSON</a>",
    }
    shown = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows.items() if text)
    return [f"<h2>How this page was made</h2><dl>{shown}</dl>"]


def _behind(report: TrialReport) -> list[str]:
    """The part on intervals, weights, reporting and assumptions."""
    parts = [f"<h2>Methods and assumptions</h2><p>Intervals, {escape(report.intervals)}.</p>"]
    if report.matched:
        rows = [
            [escape(q.of[0]), *(f"{x:.4g}" for x in (q.published, q.drawn, q.weighted) if x is not None)]
            for q in report.matched.quantities
            if q.published is not None
        ]
        size = f"effective sample size {report.matched.n_effective:.0f} of {report.matched.of}"
        parts.append(f"<p>Weighted to the published characteristics of the patients: {size}.</p>")
        parts.append(table(["mean of", "published", "as drawn", "weighted"], rows))
    if report.reporting:
        parts.append(f"<p>Reported events: {escape(report.reporting['about'])}; a layer of its own, no biology.</p>")
    if report.assumptions:
        parts.append("<p>Assumed, since no paper reports it:</p><ul>")
        parts += [f"<li>{escape(a)}</li>" for a in report.assumptions]
        parts.append("</ul>")
    return parts


def _limits(report: TrialReport) -> list[str]:
    """Column heads of limits."""
    return [f"&gt; {name[1:]}" for name in limits_of(report.uln_mg_dl)]


def _shares(shares: Mapping[str, Estimate]) -> list[str]:
    return [_cell(share) for share in shares.values()]


CAPTIONS = {
    "forest": "Observed rates (grey squares) and predictions (coloured dots) with 95 % confidence intervals. Measured "
    "glucose and reported adverse events have scales of their own.",
    "incidence": "Kaplan-Meier estimate of the share of patients who have exceeded a limit at a visit; patients who "
    "leave are censored, and a curve ends where fewer than 10 are at risk.",
    "waterfall": "Highest value of every patient after baseline, from the upper limit of normal, in order of size.",
}


def _figure(figures: Mapping[str, bytes], name: str, report: TrialReport) -> str:
    if name not in figures:
        return ""
    text = figures[name].decode("utf-8")
    drawn = text[text.index("<svg") :].replace(
        "<svg", f'<svg role="img" aria-label="{name} of {escape(report.trial)}"', 1
    )
    return f"<figure>{drawn}<figcaption>{CAPTIONS[name]}</figcaption></figure>"


def _cell(value: Cell, digits: int = 1) -> str:
    """A value with its interval or SD."""
    text, more = (part.replace("-", "–") for part in in_text(value, digits))
    return f"{text} <span class='note'>({more})</span>" if more else text


def _observed(report: TrialReport) -> str:
    rows = []
    for row in report.observed:
        seen = f"&lt; {100 * row.observed_high:g}"
        if row.observed is not None:
            seen = _cell(Estimate(row.observed, row.observed_low, row.observed_high))
        word = row.agreement or ""
        rows.append(
            [
                escape(f"{row.arm}, {_endpoint(row.endpoint)}"),
                seen,
                _cell(Estimate(row.predicted, row.low, row.high)),
                f"<span class='{word}'>{word}</span>",
                escape(row.role),
                escape(f"{row.evidence}; {row.source}"),
            ]
        )
    head = ["arm, endpoint, %", "observed (95 % CI)", "predicted (95 % CI)", "", "role", "evidence, source"]
    note = (
        "Choose a column's head to sort by it. inside: the prediction lies in the observed interval; overlaps: the two "
        "intervals overlap; apart: they do not."
    )
    return _scroll(table(head, rows, words=3)) + f"<p class='note'>{note}</p>"


def _flow(report: TrialReport) -> str:
    flow = report.flow
    boxes = [
        f"<div><b>screened</b> {flow.screened:,}<br>screen failures {flow.turned_away:,}<br>"
        f"<b>entered</b> {flow.entered:,}</div>"
    ]
    rows = flow_rows(report)
    for i, name in enumerate(report.arms):
        lines = "<br>".join(f"{escape(label)} {_cell(cells[i])}" for label, cells in rows)
        boxes.append(f"<div><b>{escape(name)}</b><br>{lines}</div>")
    return f"<div class='flow'>{''.join(boxes)}</div>"


def _endpoints(report: TrialReport) -> str:
    rows = [[escape(label), *(_cell(cell, 2) for cell in cells)] for label, cells in endpoint_rows(report)]
    return table(["", *map(escape, report.arms)], rows)


def _visits(report: TrialReport) -> str:
    rows = [
        [f"{week:g}", *(c for x in here for c in (str(x.n) if x else "-", _cell(x)))]
        for week, here in visit_rows(report)
    ]
    return table(["week", *(h for a in report.arms for h in (f"{escape(a)}: n", "mean (SD), mg/dL"))], rows)


def _decisions(report: TrialReport) -> str:
    rows = [
        [escape(a), str(d.subjects), str(d.times), escape(d.rule), escape(d.drug), escape(d.what)]
        for a, arm in report.arms.items()
        for d in arm.decisions
    ]
    if not rows:
        return "<p>No rule was triggered.</p>"
    return table(["arm", "patients", "times", "rule", "drug", "action"], rows, words=3)
