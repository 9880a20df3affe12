// Ask for the places around a slider before they are needed: the server computes sixteen courses in the time of one.
import { query } from "./app.js";

const COUNT = 16, NEAR = 5;
let known = { of: "", values: new Set() }, asking = false;

/** Values on a slider, the ones in the direction of its movement first. */
function around(line, value, direction) {
  const place = Math.round((value - line.min) / line.step), behind = direction > 0 ? 2 : direction < 0 ? COUNT - 3 : COUNT / 2;
  const last = Math.round((line.max - line.min) / line.step), first = Math.min(Math.max(place - behind, 0), Math.max(last - COUNT + 1, 0));
  return Array.from({ length: Math.min(COUNT, last + 1) }, (_, k) => at(line, first + k));
}

const at = (line, place) => Number((line.min + place * line.step).toFixed(6));

/** Let the server compute what this slider may show next, unless it has done so. */
export async function lookAhead(line, value, direction = 0) {
  if (!line.ahead || asking) return;
  const of = `${line.key} ${query({ [line.key]: 0 })}`;
  if (known.of !== of) known = { of, values: new Set() };
  const place = Math.round((value - line.min) / line.step), top = Math.round((line.max - line.min) / line.step);
  const near = Array.from({ length: 2 * NEAR + 1 }, (_, k) => place - NEAR + k).filter((p) => p >= 0 && p <= top && (p - place) * direction >= 0);
  if (near.every((p) => known.values.has(at(line, p)))) return;
  const values = around(line, value, direction).filter((v) => !known.values.has(v));
  const mine = known;
  asking = true;
  try {
    const reply = await fetch(`api/ahead?${query()}&key=${line.key}&values=${values.join(",")}`);
    if (reply.ok) for (const v of values) mine.values.add(v);
  } catch { /* Without it the next movement takes a little longer. */ } finally { asking = false; }
}
