// Views: small charts of what the server answered, with the same colours everywhere.
import { ask } from "./app.js";

export const VIEWS = { weeks: "Weeks", day: "A day", ogtt: "Oral glucose test", dose: "Dose and response", plane: "Sensitivity and secretion", why: "Why?", classes: "Drug classes", people: "200 people" };
const ON = "with treatment", OFF = "without";
const WEEKS = [
  ["fasting_glucose", "Fasting glucose"], ["hba1c", "HbA1c"], ["insulin", "Fasting insulin"], ["drug_level", "Drug level before the dose"],
  ["mtorc1", "mTORC1 activity"], ["mtorc2_liver", "mTORC2 activity, liver"], ["mtorc2_muscle", "mTORC2 activity, muscle"], ["c_peptide", "Fasting C-peptide"],
  ["glucagon", "Fasting glucagon"], ["ffa", "Free fatty acids"], ["triglycerides", "Triglycerides"], ["ldl", "LDL cholesterol"],
];
const DAY = [["glucose", "Glucose"], ["insulin", "Insulin"], ["c_peptide", "C-peptide"], ["glucagon", "Glucagon"], ["glucose_insulin.EGP", "Glucose production"], ["ffa", "Free fatty acids"]];
const OGTT = [["glucose", "Glucose"], ["insulin", "Insulin"], ["c_peptide", "C-peptide"], ["production", "Glucose production"]];
const LIMITS = { fasting_glucose: [[126, "diabetes"], [160, "grade 2"], [250, "grade 3"]], glucose: [[140, ""], [180, ""]], hba1c: [[6.5, "diabetes"]] };
const GRADES = [[500, 4], [250, 3], [160, 2], [110, 1]];
let drawn = [], table = null, turn = 0;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const unit = (text) => (text === "1" ? "" : (text ?? "").replace(/\bu(U|g|mol)/g, "µ$1").replace(/\*/g, "·"));
const make = (tag, text, className) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (className) e.className = className; return e; };
const last = (list) => list[list.length - 1];
const grade = (g) => (GRADES.find(([limit]) => g > limit) || [0, 0])[1];

/** What came out, in a sentence. */
export function sentence(state, answer, choices) {
  const on = answer.arms[ON].days, off = answer.arms[OFF].days;
  const end = last(on.fasting_glucose), usual = last(off.fasting_glucose), worst = Math.max(...on.fasting_glucose);
  const bold = (value) => make("b", value);
  const drug = choices.drugs[state.drug], besides = state.therapies.length ? " with what is given besides" : "";
  const parts = [
    `On ${drug.label.split(",")[0].split(" (")[0]} ${state.dose} ${drug.unit}${besides}, fasting glucose is `, bold(`${end.toFixed(0)} mg/dL`),
    ` after ${state.weeks} weeks; without treatment it would be `, bold(`${usual.toFixed(0)} mg/dL`),
    ". Its highest daily value, ", bold(`${worst.toFixed(0)} mg/dL`), `, is CTCAE 4.03 grade ${grade(worst)}. HbA1c goes from ${on.hba1c[0].toFixed(1)} to `, bold(`${last(on.hba1c).toFixed(1)} %`), ".",
  ];
  return parts;
}

export function drawView(place, state, answer, choices, setDay) {
  turn += 1;
  const mine = turn, still = () => mine === turn;
  place.setAttribute("aria-label", VIEWS[state.view]);
  if (state.view === "weeks") courses(place, WEEKS, answer.days, "days", answer, "day", setDay);
  else if (state.view === "day") courses(place, DAY, answer.hours.map((h) => h + 7.5), "hours", answer, "hour of the day", null);
  else if (state.view === "ogtt") oralTest(place, still);
  else if (state.view === "dose") doses(place, state, choices, still);
  else if (state.view === "plane") plane(place, answer);
  else if (state.view === "why") why(place, state, still);
  else if (state.view === "classes") classes(place, still);
  else people(place, still);
}

function begin(place, keep = "") {
  // Charts that stay are given new data: drawing them anew would flicker while a slider moves.
  if (keep && place.dataset.kind === keep) return false;
  for (const chart of drawn) chart.destroy();
  drawn = [];
  place.replaceChildren();
  place.dataset.kind = keep;
  return true;
}

function legend(place, on = ON, off = OFF) {
  const line = make("p", undefined, "legend");
  line.append(make("span", undefined, "key on"), on, make("span", undefined, "key off"), off);
  place.append(line);
}

function courses(place, rows, x, part, answer, label, setDay) {
  const there = rows.filter(([name]) => answer.arms[ON][part][name]?.some((v) => v !== null));
  const kind = `${part}:${there.map(([n]) => n).join()}`, fresh = begin(place, kind);
  if (fresh) legend(place);
  there.forEach(([name, title], i) => {
    const data = [x, answer.arms[OFF][part][name], answer.arms[ON][part][name]];
    if (fresh) drawn.push(chart(place, title, unit(answer.units[name]), data, label, LIMITS[name], setDay));
    else drawn[i].setData(data);
  });
  const names = there.map(([n]) => n);
  table = { head: [label, ...names.flatMap((n) => [`${n} ${ON}`, `${n} ${OFF}`])], rows: x.map((t, i) => [t, ...names.flatMap((n) => [answer.arms[ON][part][n][i], answer.arms[OFF][part][n][i]])]) };
}

function chart(place, title, units, data, label, limits = [], onMove = null, series = null, height = innerWidth < 820 ? 124 : 146) {
  const figure = make("figure"), caption = make("figcaption", title);
  if (units) caption.append(" ", make("small", `(${units})`));
  figure.append(caption);
  place.append(figure);
  const ink = css("--soft"), line = css("--line"), named = (series || []).map((one) => one.own).filter(Boolean);
  const axis = { stroke: ink, grid: { stroke: line, width: 0.6 }, ticks: { stroke: line, width: 0.6 }, font: "12px system-ui" };
  const range = (u, low, high) => {
    if (low === null) return [0, 1];
    const near = limits.map(([v]) => v).filter((v) => v > low && v < high * 1.15), top = Math.max(high, ...near);
    const pad = Math.max((top - low) * 0.08, Math.abs(top) * 0.02, 1e-9);
    return [Math.max(0, low - pad), top + pad];
  };
  const options = {
    width: Math.max(figure.clientWidth, 120), height, legend: { show: false },
    cursor: { y: false, points: { show: true } }, scales: { x: { time: false }, y: { range } },
    axes: [{ ...axis, label, values: (u, ticks) => ticks.map((t) => (label === "hour of the day" ? t % 24 : t)), labelSize: 14, labelFont: "12px system-ui", size: 30 }, { ...axis, size: 46 }],
    series: series || [{}, { stroke: css("--off"), width: 2, dash: [5, 4], points: { show: false } }, { stroke: css("--on"), width: 2.2, points: { show: false } }],
    hooks: {
      draw: [(u) => {
        const { ctx } = u;
        ctx.save();
        ctx.strokeStyle = ink; ctx.fillStyle = ink; ctx.font = `${11 * devicePixelRatio}px system-ui`; ctx.setLineDash([2, 4]); ctx.textAlign = "left"; ctx.textBaseline = "alphabetic";
        for (const [value, name] of limits) {
          const y = u.valToPos(value, "y", true);
          if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) continue;
          ctx.beginPath(); ctx.moveTo(u.bbox.left, y); ctx.lineTo(u.bbox.left + u.bbox.width, y); ctx.stroke();
          if (name) ctx.fillText(name, u.bbox.left + 4, y - 3);
        }
        ctx.restore();
      }],
      setCursor: [(u) => {
        const i = u.cursor.idx;
        caption.lastChild.textContent = i === null || i === undefined ? (units ? `(${units})` : caption.lastChild.textContent) : named.length ? `${label} ${short(u.data[0][i])}: ${named.map((n, k) => `${n} ${short(u.data[k + 1][i])}`).join(", ")}` : told(u, i, units, label);
        if (onMove && i !== null && i !== undefined) onMove(u.data[0][i]);
      }],
    },
  };
  if (!units) caption.append(" ", make("small", ""));
  const made = new uPlot(options, data, figure);
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", named.length ? `${title}: ${named.map((n, k) => `${n} ${brief(data[k + 1])}`).join(", ")} ${units}` : `${title}: without ${brief(data[1])}, with treatment ${brief(data[2])} ${units}`);
  new ResizeObserver(() => { const w = figure.clientWidth; if (w > 100 && Math.abs(w - made.width) > 2) made.setSize({ width: w, height }); }).observe(figure);
  return made;
}

const short = (v) => (v === null || v === undefined ? "–" : Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) : v.toFixed(2));
const brief = (values) => (values?.length ? `from ${short(values[0])} to ${short(last(values))}` : "");
const told = (u, i, units, label) => `${label} ${short(u.data[0][i])}: ${short(u.data[2]?.[i])} with, ${short(u.data[1][i])} without ${units}`;

async function oralTest(place, still) {
  const found = await ask("ogtt").catch((problem) => ({ problem }));
  if (!still()) return;
  begin(place);
  if (found.problem) { place.append(make("p", found.problem.message)); return; }
  legend(place);
  const on = found.arms[ON], off = found.arms[OFF];
  const units = { glucose: "mg/dL", insulin: "µU/mL", c_peptide: "ng/mL", production: "mg/kg/min" };
  for (const [name, title] of OGTT) drawn.push(chart(place, `${title} after 75 g`, units[name], [found.minutes, off.curves[name], on.curves[name]], "min", name === "glucose" ? [[140, "2-h limit, impaired"], [200, "2-h limit, diabetes"]] : []));
  const rows = [["glucose_120", "Glucose at 120 min"], ["homa_ir", "HOMA-IR"], ["matsuda", "Matsuda index"], ["insulinogenic_index", "Insulinogenic index"], ["disposition_index_oral", "Oral disposition index"]].filter(([n]) => n in on.indices);
  place.append(plainTable("Indices of the test", ["index", ON, OFF, "unit"], rows.map(([n, t]) => [t, short(on.indices[n][0]), short(off.indices[n][0]), unit(on.indices[n][1])])));
  table = { head: ["minute", ...OGTT.flatMap(([n]) => [`${n} ${ON}`, `${n} ${OFF}`])], rows: found.minutes.map((t, i) => [t, ...OGTT.flatMap(([n]) => [on.curves[n][i], off.curves[n][i]])]) };
}

function plainTable(label, head, rows) {
  const holder = make("div", undefined, "wide scroll"), whole = make("table"), top = whole.createTHead().insertRow(), body = whole.createTBody();
  holder.tabIndex = 0;
  holder.setAttribute("role", "region");
  holder.setAttribute("aria-label", label);
  holder.append(whole);
  for (const text of head) { const th = make("th", text); th.scope = "col"; top.append(th); }
  for (const cells of rows) { const row = body.insertRow(); cells.forEach((c) => row.append(make("td", String(c)))); }
  return holder;
}

async function doses(place, state, choices, still) {
  const drug = choices.drugs[state.drug], count = 6;
  const amounts = [...new Set(Array.from({ length: count + 1 }, (_, i) => Math.round((drug.highest * i) / count / drug.step) * drug.step))];
  begin(place);
  legend(place, "at the end, on each dose", "untreated");
  const glucose = [], hba1c = [], complex = [];
  const titles = [["Fasting glucose at the end", "mg/dL", LIMITS.fasting_glucose], ["HbA1c at the end", "%", LIMITS.hba1c], ["mTORC1 (blue) and mTORC2 in the liver (orange)", "", []]];
  const series = [{}, { stroke: css("--off"), width: 2, dash: [5, 4] }, { stroke: css("--on"), width: 2.2, points: { show: true, size: 7 } }];
  const empty = amounts.map(() => null);
  for (const [title, units, limits] of titles) drawn.push(chart(place, title, units, [amounts, empty, empty], `dose, ${drug.unit}`, limits, null, series));
  table = { head: ["dose", "fasting_glucose", "hba1c", "mtorc1", "mtorc2_liver"], rows: [] };
  for (const [i, dose] of amounts.entries()) {
    const found = await ask("run", { dose }).catch(() => null);
    if (!still() || !found) return;
    const on = found.arms[ON].days, off = found.arms[OFF].days;
    glucose[i] = last(on.fasting_glucose); hba1c[i] = last(on.hba1c); complex[i] = [last(on.mtorc1), last(on.mtorc2_liver)];
    table.rows.push([dose, glucose[i], hba1c[i], ...complex[i]]);
    const upto = (values) => amounts.map((_, k) => values[k] ?? null);
    drawn[0].setData([amounts, amounts.map(() => last(off.fasting_glucose)), upto(glucose)]);
    drawn[1].setData([amounts, amounts.map(() => last(off.hba1c)), upto(hba1c)]);
    drawn[2].setData([amounts, upto(complex.map((c) => c[0])), upto(complex.map((c) => c[1]))]);
  }
}

function plane(place, answer) {
  // Insulin sensitivity of muscle beside secretory capacity: whoever keeps to the hyperbola keeps the same glucose.
  const on = answer.arms[ON].days, off = answer.arms[OFF].days;
  const at = (arm, k) => [arm["mtor.action_muscle"]?.[k] ?? arm["glucose_insulin.f_peripheral"][k], arm["glucose_insulin.capacity"][k] / off["glucose_insulin.capacity"][0]];
  const path = on.fasting_glucose.map((_, k) => at(on, k));
  const fresh = begin(place, "plane");
  const x = Array.from({ length: 60 }, (_, i) => 0.3 + (i * (1.15 - 0.3)) / 59);
  const all = [...new Set([...x, ...path.map((p) => p[0])])].sort((a, b) => a - b);
  const start = path[0], where = new Map();
  path.forEach(([s], k) => where.set(s, k));
  const hyperbola = all.map((s) => (start[0] * start[1]) / s);
  const walked = all.map((s) => (where.has(s) ? path[where.get(s)][1] : null));
  table = { head: ["day", "insulin action in muscle", "secretory capacity, relative"], rows: path.map((p, k) => [answer.days[k], ...p]) };
  const data = [all, hyperbola, walked];
  if (!fresh) { drawn[0].setData(data); return; }
  legend(place, "the path of this patient, from right to left on the drug", "the hyperbola of untreated compensation");
  const series = [{}, { stroke: css("--off"), width: 2, dash: [5, 4], points: { show: false } }, { stroke: css("--on"), fill: css("--on"), paths: () => null, points: { show: true, size: 6 } }];
  const made = chart(place, "Insulin action and secretory capacity", "relative to untreated", data, "insulin action in muscle", [], null, series, 300);
  drawn.push(made);
  place.lastChild.classList.add("wide");
  place.append(make("p", "On the hyperbola secretion makes up for lost insulin action. Below it glucose rises.", "note wide"));
}

async function why(place, state, still) {
  begin(place);
  const told = make("p", "Running every combination of the mechanisms in this person …", "wide");
  told.setAttribute("role", "status");
  place.append(told);
  const found = await ask("why").catch((problem) => ({ problem }));
  if (!still()) return;
  if (found.problem) { told.textContent = found.problem.message; return; }
  const rows = found.effects.filter((e) => e.label !== "what is given besides" || Math.abs(e.share) > 0.05).sort((a, b) => b.share - a.share);
  const whole = found.treated - found.untreated;
  told.textContent = `After ${state.weeks} weeks fasting glucose is ${found.untreated.toFixed(0)} mg/dL without treatment and ${found.treated.toFixed(0)} with it. Each mechanism has its share of the difference of ${whole.toFixed(1)} mg/dL:`;
  place.append(waterfall(found, rows));
  const families = [...new Set(rows.map((r) => r.family))].map((f) => [f, rows.filter((r) => r.family === f).reduce((sum, r) => sum + r.share, 0)]);
  place.append(plainTable("Shares by family", ["family", "share, mg/dL"], families.map(([f, v]) => [f, signed(v)])));
  place.append(make("p", "A share is the mean change that a mechanism makes when it is added to the others, over all orders (Shapley). The shares sum to the whole. Most gains behind them are chosen, not measured: open the boxes of the mechanism for their evidence.", "note wide"));
  table = { head: ["mechanism", "family", "share_mg_dl"], rows: rows.map((r) => [r.label, r.family, r.share]) };
}

const signed = (v) => `${v >= 0 ? "+" : "−"}${Math.abs(v).toFixed(1)}`;

/** Bars from the value without treatment to that with it. */
function waterfall(found, rows) {
  const height = 26, left = 180, width = 640, all = [found.untreated, found.treated];
  let at = found.untreated;
  const bars = rows.map((r) => { const from = at; at += r.share; all.push(at); return { ...r, from, to: at }; });
  const low = Math.min(...all), high = Math.max(...all), pad = 0.12 * (high - low) || 1;
  const x = (v) => left + ((v - low + pad) / (high - low + 2 * pad)) * (width - left - 50);
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg");
  const add = (tag, values, text) => { const e = document.createElementNS(space, tag); for (const [k, v] of Object.entries(values)) e.setAttribute(k, v); if (text) e.textContent = text; svg.append(e); };
  svg.setAttribute("viewBox", `0 0 ${width} ${height * (bars.length + 2)}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `From ${found.untreated.toFixed(0)} to ${found.treated.toFixed(0)} mg/dL: ${rows.map((r) => `${r.label} ${signed(r.share)}`).join(", ")}`);
  svg.setAttribute("class", "waterfall");
  const line = (label, a, b, colour, said, row) => {
    const y = row * height, from = Math.min(x(a), x(b)), span = Math.max(Math.abs(x(b) - x(a)), 1.5);
    add("text", { x: left - 8, y: y + 17, "text-anchor": "end" }, label);
    add("rect", { x: from, y: y + 4, width: span, height: height - 8, fill: colour });
    add("text", { x: from + span + 5, y: y + 17 }, said);
  };
  line("without", low - pad, found.untreated, css("--soft"), found.untreated.toFixed(0), 0);
  bars.forEach((b, i) => line(b.label, b.from, b.to, css(b.share >= 0 ? "--on" : "--off"), signed(b.share), i + 1));
  line("with treatment", low - pad, found.treated, css("--soft"), found.treated.toFixed(0), bars.length + 1);
  const figure = make("figure", undefined, "wide");
  figure.append(svg);
  return figure;
}

/** Lines of JSON as they come; a line with an error is told in place of what was to come. */
async function* lines(path, still) {
  const { query } = await import("./app.js");
  const reply = await fetch(`api/${path}?${query()}`);
  const reader = reply.body.getReader(), decoder = new TextDecoder();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    if (!still()) { reader.cancel(); return; }
    if (done) { if (text) yield JSON.parse(text); return; }
    text += decoder.decode(value, { stream: true });
    const whole = text.split("\n");
    text = whole.pop();
    for (const line of whole.filter(Boolean)) yield JSON.parse(line);
  }
}

const CLASS_DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

async function classes(place, still) {
  begin(place);
  const told = make("p", "Finding the dose of every drug that inhibits mTORC1 as much …", "wide");
  told.setAttribute("role", "status");
  place.append(told);
  const found = [];
  let target = 0;
  for await (const line of lines("classes", still)) {
    if (line.error) { told.textContent = [line.error, line.help].filter(Boolean).join(": "); return; }
    if (!line.drug) { target = line.inhibition; continue; }
    found.push(line);
    told.textContent = `The same person on each drug, at the dose that inhibits mTORC1 by ${(100 * target).toFixed(0)} % on average over the last week, as the chosen drug does.`;
    drawClasses(place, found);
  }
}

function drawClasses(place, found) {
  for (const chart of drawn) chart.destroy();
  drawn = [];
  for (const old of place.querySelectorAll("figure, .scroll, .legend, .note")) old.remove();
  const colours = found.map((_, i) => css(`--c${i + 1}`));
  const key = make("p", undefined, "legend");
  found.forEach((f, i) => { const mark = make("span", undefined, "key"); mark.style.borderColor = colours[i]; key.append(mark, `${f.label.split(",")[0].split(" (")[0]} ${short(f.dose)} ${f.unit}${f.every === 7 ? " a week" : " a day"}`); });
  place.append(key);
  const series = [{}, ...found.map((f, i) => ({ own: f.drug, stroke: colours[i], width: 2.2, dash: CLASS_DASHES[i % 4], points: { show: false } }))];
  const hours = found[0].week.mtorc1.map((_, h) => h / 24);
  const charts = [
    ["Fasting glucose", "mg/dL", found[0].days, (f) => f.course.fasting_glucose, "day", LIMITS.fasting_glucose],
    ["mTORC1 activity, last week", "", hours, (f) => f.week.mtorc1, "day of the week", []],
    ["mTORC2 activity in the liver, last week", "", hours, (f) => f.week.mtorc2_liver, "day of the week", []],
  ];
  for (const [title, units, x, of, label, limits] of charts) drawn.push(chart(place, title, units, [x, ...found.map(of)], label, limits, null, series, 200));
  const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
  const rows = found.map((f) => [f.label, f.class, `${short(f.dose)} ${f.unit}${f.every === 7 ? " a week" : " a day"}`, `${(100 * f.inhibition).toFixed(0)} %${f.reached ? "" : " (not reached on the slider)"}`, `${(100 * (1 - mean(f.week.mtorc2_liver))).toFixed(0)} %`, last(f.course.fasting_glucose).toFixed(0), last(f.course.insulin).toFixed(1), last(f.course.hba1c).toFixed(1)]);
  place.append(plainTable("Drugs at equal inhibition of mTORC1", ["drug", "class", "dose", "mTORC1 inhibited", "mTORC2 in the liver inhibited", "fasting glucose at the end, mg/dL", "fasting insulin, µU/mL", "HbA1c, %"], rows));
  place.append(make("p", "mTORC2 makes the difference: a rapalog takes it slowly and partly, an ATP-competitive drug blocks it whenever it blocks mTORC1. What is known of sapanisertib's levels in people is not enough for its curve to be more than a placeholder.", "note wide"));
  table = { head: ["day", ...found.map((f) => `fasting_glucose ${f.drug} ${f.dose} ${f.unit}`)], rows: found[0].days.map((d, k) => [d, ...found.map((f) => f.course.fasting_glucose[k])]) };
}

async function people(place, still) {
  begin(place);
  const status = make("p", "Computing 200 people of this age and body mass index …", "wide");
  place.append(status);
  let weeks = null, of = 0;
  const all = { [ON]: { glucose: [], worst: [] }, [OFF]: { glucose: [], worst: [] } };
  for await (const line of lines("people", still)) {
    if (line.error) { status.textContent = line.error; return; }
    if (line.weeks) { weeks = line.weeks; of = line.of; continue; }
    for (const arm of [ON, OFF]) { all[arm].glucose.push(...line.glucose[arm]); all[arm].worst.push(...line.worst[arm]); }
    crowd(place, status, weeks, of, all);
  }
}

const quantile = (values, q) => { const v = values.filter((x) => x !== null).sort((a, b) => a - b); if (!v.length) return null; const at = q * (v.length - 1), i = Math.floor(at); return v[i] + (at - i) * ((v[i + 1] ?? v[i]) - v[i]); };

function crowd(place, status, weeks, of, all) {
  const n = all[ON].glucose.length, row = (arm, q) => weeks.map((_, k) => quantile(all[arm].glucose.map((g) => g[k]), q));
  status.textContent = `${n} of ${of} people like this one (same age and body mass index, everything else as people vary): median, and the middle 90 %.`;
  const data = [weeks, row(OFF, 0.5), row(ON, 0.5), row(ON, 0.05), row(ON, 0.95)];
  if (!drawn.length) {
    const soft = { stroke: "transparent", points: { show: false } };
    const series = [{}, { stroke: css("--off"), width: 2, dash: [5, 4] }, { stroke: css("--on"), width: 2.4 }, soft, soft];
    const made = chart(place, "Fasting glucose", "mg/dL", data, "week", LIMITS.fasting_glucose, null, series, 260);
    made.addBand({ series: [4, 3], fill: "rgba(213, 94, 0, .18)" });
    made.redraw();
    drawn.push(made);
  } else drawn[0].setData(data);
  const share = (arm, g) => { const v = all[arm].worst; return `${((100 * v.filter((w) => (w === null ? 0 : grade(w)) === g).length) / v.length).toFixed(0)} %`; };
  const grades = plainTable("Shares of people by grade", ["worst CTCAE grade", ON, OFF], [0, 1, 2, 3, 4].map((g) => [g ? `grade ${g}` : "none", share(ON, g), share(OFF, g)]));
  grades.classList.remove("wide");
  place.querySelector(".scroll")?.remove();
  place.append(grades);
  table = { head: ["week", `median ${OFF}`, `median ${ON}`, `5 % ${ON}`, `95 % ${ON}`], rows: weeks.map((w, k) => data.map((c) => c[k])) };
}

function save(name, blob) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function saveCsv(state) {
  if (!table) return;
  const text = [table.head, ...table.rows].map((row) => row.map((c) => c ?? "").join(",")).join("\n");
  save(`${state.view}.csv`, new Blob([`${text}\n`], { type: "text/csv" }));
}

/** A drawing of the page as a file that needs no style sheet. */
function standing(svg) {
  const copy = svg.cloneNode(true), box = svg.viewBox.baseVal;
  for (const [key, value] of [["width", box.width], ["height", box.height], ["font-family", "system-ui, sans-serif"], ["font-size", 12], ["fill", css("--ink")]]) copy.setAttribute(key, value);
  return new XMLSerializer().serializeToString(copy);
}

/** The charts as a drawing that can be edited and printed: lines, limits, axes and their numbers. */
export function saveSvg(place, state) {
  const own = place.querySelector("svg.waterfall");
  if (own) { save(`${state.view}.svg`, new Blob([standing(own)], { type: "image/svg+xml" })); return; }
  const shown = drawn.filter((u) => u.root.isConnected);
  if (!shown.length) return;
  const box = place.getBoundingClientRect(), text = (value) => value.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  const parts = [`<svg xmlns="http://www.w3.org/2000/svg" width="${box.width}" height="${box.height}" font-family="system-ui, sans-serif" font-size="11">`, `<rect width="100%" height="100%" fill="${css("--paper")}"/>`];
  for (const u of shown) {
    const at = u.root.closest("figure").getBoundingClientRect(), canvas = u.ctx.canvas.getBoundingClientRect(), r = devicePixelRatio;
    const left = canvas.left - box.left, top = canvas.top - box.top, inner = { x: u.bbox.left / r, y: u.bbox.top / r, w: u.bbox.width / r, h: u.bbox.height / r };
    parts.push(`<g transform="translate(${left} ${top})" fill="${css("--soft")}">`);
    parts.push(`<text x="${at.left - canvas.left}" y="-6" font-size="13" font-weight="600" fill="${css("--ink")}">${text(u.root.closest("figure").querySelector("figcaption").textContent)}</text>`);
    const ticks = [u.axes[0], u.axes[1]].map((axis) => (axis._splits || []).map((v, i) => [v, axis._values[i]]).filter(([, label]) => label !== null && label !== ""));
    for (const [v, label] of ticks[0]) { const x = u.valToPos(v, "x") + inner.x; parts.push(`<line x1="${x}" x2="${x}" y1="${inner.y}" y2="${inner.y + inner.h}" stroke="${css("--line")}" stroke-width=".6"/><text x="${x}" y="${inner.y + inner.h + 14}" text-anchor="middle">${label}</text>`); }
    for (const [v, label] of ticks[1]) { const y = u.valToPos(v, "y") + inner.y; parts.push(`<line x1="${inner.x}" x2="${inner.x + inner.w}" y1="${y}" y2="${y}" stroke="${css("--line")}" stroke-width=".6"/><text x="${inner.x - 5}" y="${y + 4}" text-anchor="end">${label}</text>`); }
    for (const [i, series] of u.series.entries()) {
      if (!i || series.show === false) continue;
      const places = u.data[0].map((x, k) => [x, u.data[i][k]]).filter(([, y]) => y !== null && y !== undefined).map(([x, y]) => [u.valToPos(x, "x") + inner.x, u.valToPos(y, "y") + inner.y].map((v) => v.toFixed(1)));
      const stroke = typeof series.stroke === "function" ? series.stroke(u, i) : series.stroke;
      if (!places.length || !stroke || stroke === "transparent") continue;
      const dots = series.points?.size >= 6;
      if (!dots || series.paths?.length !== 0) parts.push(`<polyline fill="none" stroke="${stroke}" stroke-width="${series.width ?? 1}" stroke-dasharray="${(series.dash || []).join(" ")}" points="${places.map((p) => p.join(",")).join(" ")}"/>`);
      if (dots) parts.push(...places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${stroke}"/>`));
    }
    parts.push("</g>");
  }
  save(`${state.view}.svg`, new Blob([parts.join("\n"), "</svg>"], { type: "image/svg+xml" }));
}

export function savePng(place, state) {
  const own = place.querySelector("svg.waterfall");
  if (own) {
    const image = new Image(), canvas = make("canvas"), { width, height } = own.viewBox.baseVal;
    image.addEventListener("load", () => {
      Object.assign(canvas, { width: 2 * width, height: 2 * height });
      const ctx = canvas.getContext("2d");
      ctx.fillStyle = css("--paper"); ctx.fillRect(0, 0, canvas.width, canvas.height); ctx.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(`${state.view}.png`, blob));
    });
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standing(own))}`;
    return;
  }
  const figures = [...place.querySelectorAll("figure")].filter((f) => f.querySelector("canvas"));
  if (!figures.length) return;
  const box = place.getBoundingClientRect(), ratio = devicePixelRatio, canvas = make("canvas");
  canvas.width = box.width * ratio; canvas.height = box.height * ratio;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = css("--paper"); ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.fillStyle = css("--ink"); ctx.font = `600 ${14 * ratio}px system-ui`;
  for (const figure of figures) {
    const at = figure.getBoundingClientRect(), own = figure.querySelector("canvas"), c = own.getBoundingClientRect();
    ctx.fillText(figure.querySelector("figcaption").textContent, (at.left - box.left) * ratio, (at.top - box.top + 14) * ratio);
    ctx.drawImage(own, (c.left - box.left) * ratio, (c.top - box.top) * ratio);
  }
  canvas.toBlob((blob) => save(`${state.view}.png`, blob));
}
