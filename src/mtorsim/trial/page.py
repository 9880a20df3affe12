"""A trial's report as one page that needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["page"]


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1060px; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { margin-top: 1.8em; border-bottom: 1px solid #ccc; font-size: 1.15em; }
table { border-collapse: collapse; font-size: 0.9em; margin: 0.6em 0; }
th, td { text-align: right; padding: 0.25em 0.7em; border-bottom: 1px solid #e4e4e4; }
td { font-variant-numeric: tabular-nums; } .number { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } td.words, th.words { text-align: left; }
.apart { color: #b34700; font-weight: 600; } .inside { color: #00588c; } .note { color: #555; }
.flow { display: flex; gap: 1em; flex-wrap: wrap; } .flow div { border: 1px solid #bbb; padding: 0.6em 1em; }
svg { max-width: 100%; height: auto; }
"""
LIMITS = (">ULN", ">126", ">160", ">250", ">500")


def page(data: Mapping[str, Any], figures: Mapping[str, bytes]) -> str:
    """The report as HTML.

    Parameters
    ----------
    data
        As `mtorsim trial --json` prints it.
    figures
        SVG by name.
    """
    arms = data["arms"]
    shares = [[a, *(_percent(arm["share"][n]) for n in LIMITS)] for a, arm in arms.items()]
    head = ["arm", *(f"> {n[1:]}" for n in LIMITS)]
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>{escape(data['trial'])}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(data['title'])}</h1>",
        f"<p>{escape(data['about'])}</p>" if data["about"] else "",
        f"<p class='note'>{data['subjects']:,} virtual patients of {escape(data['population'])} in each arm, the same "
        f"people in all; CTCAE {escape(data['ctcae'])}, upper limit of normal {data['uln_mg_dl']:g} mg/dL, "
        f"seed {data['seed']}. For research and teaching, not for patient care.</p>",
        "<h2>Worst fasting glucose on study</h2>",
        "<p>% of patients by the highest value measured at the trial's visits until they left, mg/dL (95 %).</p>",
        _table(head, shares),
        *(_figure(figures, n) for n in ("forest", "incidence", "waterfall")),
    ]
    if data["observed"]:
        parts += ["<h2>Predicted beside observed</h2>", _observed(data)]
    parts += ["<h2>Flow</h2>", _flow(data), "<h2>Each arm</h2>", _each(data), "<h2>Fasting glucose by visit</h2>"]
    parts += [_visits(data), "<h2>Decisions</h2>", _decisions(data)]
    if data["variants"]:
        rows = [
            [f"{a}: {v}", *(_percent(s[n]) for n in LIMITS)] for a, f in data["variants"].items() for v, s in f.items()
        ]
        parts += [
            "<h2>Structural variants</h2><p>No human datum tells loss of mTORC2 from slow loss after mTORC1; "
            "each alone, not fitted again.</p>",
            _table(["arm and variant", *head[1:]], rows),
        ]
    if data["alternatives"]:
        rows = [
            [f"{escape(v)}: {escape(a)}", *(_percent(s[n]) for n in LIMITS)]
            for v, f in data["alternatives"].items()
            for a, s in f.items()
        ]
        parts += [
            "<h2>The body built otherwise</h2><p>Structure of the tail that no trial decides, from before the start "
            "on and in every arm; not fitted again.</p>",
            _table(["built otherwise, arm", *head[1:]], rows),
        ]
    parts += [f"<h2>What stands behind it</h2><p>Intervals, {escape(data['intervals'])}.</p>"]
    if data["matched"]:
        m = data["matched"]
        rows = [
            [escape(q["of"][0]), f"{q['published']:.4g}", f"{q['drawn']:.4g}", f"{q['weighted']:.4g}"]
            for q in m["quantities"]
            if "published" in q
        ]
        parts.append(
            f"<p>Weighted to what was published: {m['of']} say as much as {m['n_effective']:.0f} equal ones.</p>"
        )
        parts.append(_table(["mean of", "published", "as drawn", "weighted"], rows))
    if data["reporting"]:
        parts.append(f"<p>Reported events: {escape(data['reporting']['about'])}; a layer of its own, no biology.</p>")
    if data["assumptions"]:
        parts.append("<p>Assumed, since no paper reports it:</p><ul>")
        parts += [f"<li>{escape(a)}</li>" for a in data["assumptions"]]
        parts.append("</ul>")
    return "\n".join([*parts, "</body></html>"])


def _figure(figures: Mapping[str, bytes], name: str) -> str:
    if name not in figures:
        return ""
    text = figures[name].decode("utf-8")
    return text[text.index("<svg") :]


def _table(head: list[str], rows: list[list[str]], words: int | None = None) -> str:
    """A table of numbers; from the column `words` on of words."""
    css = ["words" if words is not None and j >= words else "number" for j in range(len(head))]
    cells = "".join(f"<th class='{k}'>{escape(h)}</th>" for k, h in zip(css, head, strict=True))
    lines = ["".join(f"<td class='{k}'>{c}</td>" for k, c in zip(css, row, strict=True)) for row in rows]
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _percent(share: Mapping[str, Any]) -> str:
    if share["value"] is None:
        return "–"
    return f"{100 * share['value']:.1f} <span class='note'>({100 * share['low']:.1f}–{100 * share['high']:.1f})</span>"


def _observed(data: Mapping[str, Any]) -> str:
    rows = []
    for o in data["observed"]:
        seen = (
            f"&lt; {100 * o['observed_high']:g}"
            if o["observed"] is None
            else _percent({"value": o["observed"], "low": o["observed_low"], "high": o["observed_high"]})
        )
        predicted = "–" if o["predicted"] is None else _percent({**o, "value": o["predicted"]})
        word = o["agreement"] or ""
        rows.append(
            [
                escape(f"{o['arm']}, {o['endpoint']}"),
                seen,
                predicted,
                f"<span class='{word}'>{word}</span>",
                escape(o["role"]),
                escape(f"{o['evidence']}; {o['source']}"),
            ]
        )
    head = ["arm, endpoint, %", "observed (95 %)", "predicted (95 %)", "", "role", "grade, source"]
    note = "inside: the prediction lies in the interval observed; overlaps: the two intervals meet; apart: they do not."
    return _table(head, rows, words=3) + f"<p class='note'>{note}</p>"


def _flow(data: Mapping[str, Any]) -> str:
    flow = data["flow"]
    boxes = [
        f"<div><b>screened</b> {flow['screened']:,}<br>turned away by the criteria {flow['turned_away']:,}<br>"
        f"<b>entered</b> {flow['entered']:,}</div>"
    ]
    for name, arm in flow["arms"].items():
        lines = "<br>".join(f"{escape(k.replace('_', ' '))} {v:,}" for k, v in arm.items())
        boxes.append(f"<div><b>{escape(name)}</b><br>{lines}</div>")
    return f"<div class='flow'>{''.join(boxes)}</div>"


def _each(data: Mapping[str, Any]) -> str:
    arms = data["arms"]
    every = list(arms.values())
    rows = [
        ["reported, any grade, %", *("–" if a["ae"] is None else _percent(a["ae"]["any"]) for a in every)],
        ["reported, grade 3-4, %", *("–" if a["ae"] is None else _percent(a["ae"]["grade_3_4"]) for a in every)],
        ["new-onset diabetes, %", *(_percent(a["new_onset_diabetes"]) for a in every)],
        ["HbA1c, change, points: mean (SD)", *(_mean(a["hba1c_change"], 2) for a in every)],
        ["fasting below 70 mg/dL, %", *(_percent(a["hypoglycaemia"]["<70"]) for a in every)],
        ["fasting below 54 mg/dL, %", *(_percent(a["hypoglycaemia"]["<54"]) for a in every)],
        ["median week of first &gt; 160", *(_plain(a["time_to"][">160"]["median_week_of_those"]) for a in every)],
        ["weeks above 126 mg/dL, mean", *(_plain(a["weeks_above"][">126"]) for a in every)],
        ["median week of leaving", *(_plain(a["discontinuation"]["median_week"]) for a in every)],
    ]
    drugs = list(dict.fromkeys(d for a in arms.values() for d in a["dose_intensity"]))
    for d in drugs:
        rows.append([f"{escape(d)} given, % of plan", *(_plain(a["dose_intensity"].get(d), 100) for a in every)])
    return _table(["", *arms], rows)


def _plain(value: float | None, factor: float = 1.0) -> str:
    return "–" if value is None else f"{factor * value:.1f}"


def _mean(found: Mapping[str, Any], digits: int) -> str:
    return "–" if found["mean"] is None else f"{found['mean']:.{digits}f} ({found['sd']:.{digits}f})"


def _visits(data: Mapping[str, Any]) -> str:
    arms = data["arms"]
    rows = []
    for i, v in enumerate(next(iter(arms.values()))["fasting_glucose"]):
        here = [arm["fasting_glucose"][i] for arm in arms.values()]
        rows.append([f"{v['week']:g}", *(c for x in here for c in (str(x["n"]), _mean(x, 1)))])
    return _table(["week", *(h for a in arms for h in (f"{a}: n", "mean (SD), mg/dL"))], rows)


def _decisions(data: Mapping[str, Any]) -> str:
    rows = [
        [escape(a), str(d["subjects"]), str(d["times"]), escape(d["rule"]), escape(d["drug"]), escape(d["what"])]
        for a, arm in data["arms"].items()
        for d in arm["decisions"]
    ]
    if not rows:
        return "<p>No rule did anything.</p>"
    return _table(["arm", "patients", "times", "rule", "drug", "what"], rows, words=3)
