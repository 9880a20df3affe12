// The mechanism: the drawing of the server, coloured by how far each quantity is from the same person untreated.
const SWITCHES = (off, names) => names.length > 0 && names.some((n) => off.some((o) => n === o || n.startsWith(`${o}.`)));
let chosen = "";

export async function drawMap(place, card, query) {
  const reply = await fetch(`api/diagram?${query()}`);
  const drawing = new DOMParser().parseFromString(await reply.text(), "image/svg+xml").documentElement;
  place.replaceChildren(document.adoptNode(drawing));
  chosen = "";
  card.hidden = true;
  for (const node of place.querySelectorAll(".node")) {
    const open = () => openCard(place, card, query, node);
    node.addEventListener("click", open);
    node.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } });
  }
}

const DEEP = 1.2, SWELL = 0.045;

export function paintMap(place, answer, day, state) {
  const on = answer.arms["with treatment"].days, off = answer.arms.without.days;
  const changes = {}, organs = {};
  for (const node of place.querySelectorAll(".node")) {
    const name = node.dataset.of, now = on[name]?.[day], usual = off[name]?.[day], box = node.querySelector("rect");
    if (now === undefined || now === null) continue;
    node.querySelector(".value").textContent = number(now);
    const ratio = usual ? Math.log2(Math.max(now, 1e-6) / Math.max(usual, 1e-6)) : now > 1e-6 ? 1 : 0;
    const depth = Math.min(Math.abs(ratio) / DEEP, 1);
    const colour = ratio > 0 ? "var(--more)" : "var(--less)";
    box.style.fill = depth > 0.02 ? `color-mix(in srgb, ${colour} ${Math.round(12 + 48 * depth)}%, var(--paper))` : "";
    box.style.strokeWidth = 1 + 2 * depth;
    changes[node.dataset.node] = depth;
    (organs[node.dataset.organ] ||= []).push(Math.sign(ratio) * depth);
  }
  for (const organ of place.querySelectorAll(".organ")) {
    const own = organs[organ.dataset.organ] || [0], change = own.reduce((a, b) => a + b, 0) / own.length;
    organ.style.transform = `scale(${(1 + SWELL * change).toFixed(4)})`;
    organ.style.strokeWidth = 1 + 3 * Math.max(...own.map(Math.abs));
  }
  for (const edge of place.querySelectorAll(".edge")) {
    edge.classList.toggle("cut", SWITCHES(state.off, edge.dataset.mechanisms.split(" ").filter(Boolean)));
    const depth = changes[edge.dataset.source] || 0;
    edge.style.strokeWidth = edge.classList.contains("near") ? "" : 1 + 2 * depth;
    edge.style.opacity = place.querySelector(".chosen") || edge.classList.contains("cut") ? "" : 0.4 + 0.6 * depth;
  }
}

function number(value) {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

async function openCard(place, card, query, node) {
  const svg = place.querySelector("svg"), name = node.dataset.node;
  chosen = chosen === name ? "" : name;
  svg.classList.toggle("chosen", Boolean(chosen));
  for (const other of place.querySelectorAll(".node")) other.setAttribute("aria-pressed", String(other.dataset.node === chosen));
  for (const edge of place.querySelectorAll(".edge")) {
    edge.classList.toggle("near", edge.dataset.source === chosen || edge.dataset.target === chosen);
  }
  card.hidden = !chosen;
  if (!chosen) return;
  const reply = await fetch(`api/node?name=${encodeURIComponent(name)}&${query()}`);
  if (!reply.ok || chosen !== name) return;
  fill(card, await reply.json());
}

function fill(card, told) {
  const make = (tag, text) => { const e = document.createElement(tag); e.textContent = text ?? ""; return e; };
  card.replaceChildren(make("h3", `${told.label} (${told.organ})`), make("p", told.plain));
  card.append(make("pre", told.equations.map((e) => `${e.name}${e.kind === "'" ? "' =" : " ="} ${e.is}`).join("\n")));
  if (!told.parameters.length) return;
  const table = document.createElement("table"), head = table.createTHead().insertRow();
  for (const title of ["parameter", "value", "unit", "meaning", "source", "evidence"]) { const th = make("th", title); th.scope = "col"; head.append(th); }
  const body = table.createTBody();
  for (const p of told.parameters) {
    const row = body.insertRow();
    for (const cell of [p.name, p.value ?? "this person's own", p.unit, p.about, p.source, p.evidence]) row.append(make("td", cell));
  }
  card.append(table);
}
