// The page: its state lives in the address, every change asks the server, and the newest answer is drawn.
import { controls, drawn, setControls } from "./controls.js";
import { lessons } from "./lessons.js";
import { drawMap, paintMap } from "./map.js";
import { VIEWS, drawView, saveCsv, savePng, saveSvg, sentence } from "./views.js";

const byId = (id) => document.getElementById(id);
const KEYS = ["drug", "dose", "every", "days", "weeks", "stop", "male", "age", "bmi", "sensitivity", "capacity", "therapies", "off"];
const START = { drug: "everolimus", dose: 10, every: 1, days: 7, weeks: 24, stop: null, male: 0, age: 62, bmi: 31, sensitivity: 0.6, capacity: 0.45, therapies: [], off: [], view: "weeks", lesson: "" };
const LISTS = ["therapies", "off"], WORDS = ["drug", "view", "lesson"];

export const state = { ...START, ...fromAddress() };
let choices, answer, busy = false, again = false, changed = 0, mapOf = "", playing = null;

function fromAddress() {
  const found = {};
  for (const [key, text] of new URLSearchParams(location.search)) {
    if (!(key in START)) continue;
    if (LISTS.includes(key)) found[key] = text.split(",").filter(Boolean);
    else if (WORDS.includes(key)) found[key] = text;
    else if (text === "" || Number.isFinite(Number(text))) found[key] = text === "" ? null : Number(text);
  }
  return found;
}

/** The keys that the server understands, as an address. */
export function query(more = {}) {
  const all = { ...state, ...more }, out = new URLSearchParams();
  for (const key of KEYS) {
    const value = all[key];
    if (value === null || value === undefined || (Array.isArray(value) && !value.length)) continue;
    out.set(key, Array.isArray(value) ? value.join(",") : value);
  }
  return out.toString();
}

function address() {
  const more = new URLSearchParams(query());
  more.set("view", state.view);
  if (state.lesson) more.set("lesson", state.lesson);
  return `${location.pathname}?${more}`;
}

/** Change the state and draw again. */
export function change(values, keepLesson = false) {
  Object.assign(state, values);
  if (!keepLesson) state.lesson = "";
  history.replaceState(null, "", address());
  byId("download").href = `api/scenario?${query()}`;
  setControls(state, choices);
  changed = performance.now();
  refresh();
}

export async function ask(path, more = {}) {
  const reply = await fetch(`api/${path}?${query(more)}`);
  const found = await reply.json();
  if (!reply.ok) throw new Error([found.error, found.help].filter(Boolean).join(": "));
  return found;
}

async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  byId("view").classList.add("stale");
  try {
    do {
      again = false;
      const since = changed;
      answer = await ask("run");
      show();
      requestAnimationFrame((now) => { document.body.dataset.redraw = String(Math.round(Math.max(now, performance.now()) - since)); });
    } while (again);
    drawn();
    fail("");
  } catch (problem) {
    fail(problem.message);
  } finally {
    busy = false;
    byId("view").classList.remove("stale");
    if (again) refresh();
  }
}

function fail(message) {
  byId("error").hidden = !message;
  byId("error").textContent = message;
}

async function show() {
  byId("answer").replaceChildren(...sentence(state, answer, choices));
  const slider = byId("time"), last = answer.days.length - 1, atEnd = Number(slider.value) >= Number(slider.max);
  slider.max = last;
  if (atEnd || Number(slider.value) > last) slider.value = last;
  drawTabs();
  drawView(byId("view"), state, answer, choices, setDay);
  tellLesson();
  const model = [state.drug, ...state.therapies].join();
  if (model !== mapOf) {
    mapOf = model;
    await drawMap(byId("map"), byId("card"), query);
  }
  paint();
}

function drawTabs() {
  const tabs = byId("tabs");
  if (!tabs.children.length) {
    for (const [name, label] of Object.entries(VIEWS)) {
      const tab = document.createElement("button");
      Object.assign(tab, { type: "button", textContent: label });
      tab.dataset.view = name;
      tab.setAttribute("role", "tab");
      tab.addEventListener("click", () => select(name));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const names = Object.keys(VIEWS), next = names[(names.indexOf(name) + step + names.length) % names.length];
        select(next);
        tabs.querySelector(`[data-view="${next}"]`).focus();
      });
      tabs.append(tab);
    }
  }
  for (const tab of tabs.children) {
    const chosen = tab.dataset.view === state.view;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
}

function select(name) {
  state.view = name;
  history.replaceState(null, "", address());
  drawTabs();
  if (answer) drawView(byId("view"), state, answer, choices, setDay);
}

function setDay(day) {
  byId("time").value = day;
  paint();
}

function paint() {
  const day = Number(byId("time").value);
  byId("day").textContent = day;
  if (answer) paintMap(byId("map"), answer, day, state);
}

function play() {
  const slider = byId("time"), button = byId("play");
  if (playing) { clearInterval(playing); playing = null; }
  else {
    if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
    const step = Math.max(1, Math.round(Number(slider.max) / 120));
    playing = setInterval(() => {
      slider.value = Number(slider.value) + step;
      paint();
      if (Number(slider.value) >= Number(slider.max)) play();
    }, 60);
  }
  button.textContent = playing ? "Pause" : "Play";
  button.setAttribute("aria-pressed", String(Boolean(playing)));
}

function tellLesson() {
  const lesson = lessons.find((l) => l.name === state.lesson), text = byId("lesson-text");
  for (const chip of byId("lessons").children) chip.setAttribute("aria-pressed", String(chip.dataset.name === state.lesson));
  text.replaceChildren();
  if (!lesson) return;
  text.append(lesson.text + " ");
  const question = document.createElement("b");
  question.textContent = lesson.ask + " ";
  const tell = document.createElement("button");
  Object.assign(tell, { type: "button", textContent: "Answer" });
  tell.addEventListener("click", () => tell.replaceWith(lesson.answer(answer)));
  text.append(question, tell);
}

function pythonCode() {
  return [
    "import mtorsim as mt",
    "",
    'scenario = mt.read_scenario("patient.toml")  # the scenario file of this page',
    "result = mt.simulate(scenario)",
    'print(result.visits.fasting_glucose.to_series().unstack("arm").round(1))',
  ].join("\n");
}

async function start() {
  choices = await (await fetch("api/choices")).json();
  if (!(state.drug in choices.drugs)) state.drug = "everolimus";
  if (!(state.view in VIEWS)) state.view = "weeks";
  controls(choices, state, change);
  for (const lesson of lessons) {
    const chip = document.createElement("button");
    Object.assign(chip, { type: "button", textContent: lesson.title });
    chip.dataset.name = lesson.name;
    chip.addEventListener("click", () => {
      const drug = choices.drugs[lesson.set.drug || "everolimus"];
      change({ ...START, dose: drug.amount, every: drug.every, days: drug.days, ...lesson.set, view: lesson.view, lesson: lesson.name }, true);
    });
    byId("lessons").append(chip);
  }
  byId("time").addEventListener("input", paint);
  byId("play").addEventListener("click", play);
  byId("csv").addEventListener("click", () => saveCsv(state, answer));
  byId("svg").addEventListener("click", () => saveSvg(byId("view"), state));
  byId("png").addEventListener("click", () => savePng(byId("view"), state));
  byId("link").addEventListener("click", async (event) => {
    await navigator.clipboard?.writeText(location.href);
    event.target.textContent = "Copied";
    setTimeout(() => { event.target.textContent = "Copy link"; }, 1500);
  });
  byId("python").addEventListener("click", () => {
    const card = byId("card"), code = document.createElement("pre");
    code.textContent = pythonCode();
    card.replaceChildren(code);
    card.hidden = false;
    card.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("mtorsim", (event) => change(event.detail));
  addEventListener("popstate", () => { Object.assign(state, START, fromAddress()); setControls(state, choices); refresh(); });
  change({}, true);
}

start().catch((problem) => fail(problem.message));
