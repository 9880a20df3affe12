// Controls: made once from what the server offers, then kept in step with the state.
import { lookAhead } from "./ahead.js";

const SLIDERS = [
  { key: "age", ahead: true, label: "Age", min: 18, max: 85, step: 1, show: (v) => `${v} y` },
  { key: "bmi", ahead: true, label: "Body mass index", min: 17, max: 45, step: 0.5, show: (v) => `${v}` },
  { key: "sensitivity", ahead: true, label: "Insulin sensitivity", min: 0.3, max: 2, step: 0.05, show: (v) => `${Math.round(100 * v)} %` },
  { key: "capacity", ahead: true, label: "Secretory capacity", min: 0.2, max: 2, step: 0.05, show: (v) => `${Math.round(100 * v)} %` },
];
const OFF = {
  rapalog: { secretion: "Spare insulin secretion", insulin_action: "Spare insulin action", mtorc1: "Spare what follows mTORC1 alone" },
  alpelisib: { "pi3k.muscle": "Spare muscle", "pi3k.liver": "Spare the liver", "pi3k.secretion": "Spare secretory capacity", "pi3k.beta": "Keep insulin's own brake" },
  capivasertib: { "akt.muscle": "Spare muscle", "akt.liver": "Spare the liver", "akt.secretion": "Spare secretory capacity", "akt.beta": "Keep insulin's own brake" },
};
const byId = (id) => document.getElementById(id);
let shown = "", moved = null;

/** Once the newest place of a slider is drawn, look further in its direction. */
export const drawn = () => { if (moved) lookAhead(moved.line, moved.value, moved.direction); };

export const offNames = (drug) => OFF[drug] || OFF.rapalog;

function slider(line, change) {
  const row = document.createElement("div");
  row.className = "row";
  const label = document.createElement("label"), input = document.createElement("input"), output = document.createElement("output");
  label.htmlFor = line.key;
  label.textContent = line.label;
  Object.assign(input, { id: line.key, type: "range", min: line.min, max: line.max, step: line.step });
  for (const event of ["pointerenter", "focus"]) input.addEventListener(event, () => lookAhead(line, Number(input.value)));
  input.addEventListener("input", () => {
    moved = { line, value: Number(input.value), direction: Math.sign(Number(input.value) - (moved?.line === line ? moved.value : Number(input.value))) };
    output.textContent = line.show(Number(input.value));
    change({ [line.key]: Number(input.value) });
  });
  output.htmlFor = line.key;
  row.append(label, input, output);
  row.set = (value) => { if (document.activeElement !== input || Number(input.value) !== value) input.value = value; output.textContent = line.show(value); };
  return row;
}

const rows = {};

export function controls(choices, state, change) {
  for (const [name, person] of Object.entries(choices.people)) {
    const chip = document.createElement("button");
    Object.assign(chip, { type: "button", textContent: person.label });
    chip.dataset.name = name;
    chip.addEventListener("click", () => change(person.values));
    byId("people").append(chip);
  }
  for (const line of SLIDERS) byId("person").append((rows[line.key] = slider(line, change)));
  byId("male").addEventListener("change", (e) => change({ male: Number(e.target.value) }));
  for (const [name, drug] of Object.entries(choices.drugs)) byId("drug").append(new Option(drug.label, name));
  byId("drug").addEventListener("change", (e) => {
    const drug = choices.drugs[e.target.value];
    change({ drug: e.target.value, dose: drug.amount, every: drug.every, days: drug.days, off: [] });
  });
  byId("schedule").addEventListener("change", (e) => {
    const [every, of] = e.target.value.split("/").map(Number);
    change(of ? { every: 1, days: every } : { every, days: 7 });
  });
  byId("stop").addEventListener("change", (e) => change({ stop: e.target.value ? Number(e.target.value) : null }));
  for (const [name, label] of Object.entries(choices.therapies)) byId("therapies").append(box(name, label, "therapies", state, change));
}

function box(name, label, key, state, change) {
  const whole = document.createElement("label"), input = document.createElement("input");
  Object.assign(input, { type: "checkbox", value: name, name: key });
  input.addEventListener("change", () => {
    const others = state[key].filter((n) => n !== name);
    change({ [key]: input.checked ? [...others, name] : others });
  });
  whole.append(input, label);
  return whole;
}

export function setControls(state, choices) {
  const drug = choices.drugs[state.drug];
  if (shown !== state.drug) {
    shown = state.drug;
    const change = (values) => document.dispatchEvent(new CustomEvent("mtorsim", { detail: values }));
    const dose = { key: "dose", ahead: true, label: "Dose", min: drug.step, max: drug.highest, step: drug.step, show: (v) => `${v} ${drug.unit}` };
    const weeks = { key: "weeks", label: "Duration", min: 4, max: 52, step: 4, show: (v) => `${v} weeks` };
    rows.dose = slider(dose, change);
    rows.weeks = slider(weeks, change);
    byId("dosing").replaceChildren(rows.dose, rows.weeks);
    byId("off").replaceChildren(...Object.entries(offNames(state.drug)).map(([n, l]) => box(n, l, "off", state, change)));
  }
  for (const [key, row] of Object.entries(rows)) row.set(state[key]);
  byId("drug").value = state.drug;
  byId("male").value = state.male;
  byId("schedule").value = state.every === 1 && state.days < 7 ? `${state.days}/7` : String(state.every);
  byId("schedule").disabled = drug.hours < 24;
  const weeks = [null, ...[4, 8, 12, 16, 20, 24, 36, 48].filter((w) => w < state.weeks)];
  byId("stop").replaceChildren(...weeks.map((w) => new Option(w === null ? "never" : `after ${w} weeks`, w ?? "")));
  byId("stop").value = weeks.includes(state.stop) ? state.stop ?? "" : "";
  for (const input of document.querySelectorAll("#therapies input")) input.checked = state.therapies.includes(input.value);
  for (const input of document.querySelectorAll("#off input")) input.checked = state.off.includes(input.value);
  for (const chip of byId("people").children) {
    const values = choices.people[chip.dataset.name].values;
    chip.setAttribute("aria-pressed", String(Object.entries(values).every(([k, v]) => state[k] === v)));
  }
}
