// Six scenes, each a patient, two sentences, and a question that the page itself answers.
const last = (list) => list[list.length - 1];
const say = (text) => { const b = document.createElement("span"); b.textContent = text; return b; };
const on = (a) => a.arms["with treatment"], off = (a) => a.arms["without"];
const n = (v, d = 0) => v.toFixed(d);
const LEAN = { age: 30, bmi: 22, sensitivity: 1, capacity: 1 };
const SHORT = { age: 62, bmi: 31, sensitivity: 0.6, capacity: 0.45 };

export const lessons = [
  {
    name: "rest", title: "1 Rest", view: "day", set: { ...LEAN, dose: 0.5, weeks: 4 },
    text: "Between meals the liver makes the glucose that the brain burns. Insulin is low, but not zero: it keeps the liver and fat in check.",
    ask: "How much does glucose move during a healthy day?",
    answer: (a) => { const g = off(a).hours.glucose; return say(`Between ${n(Math.min(...g))} and ${n(Math.max(...g))} mg/dL.`); },
  },
  {
    name: "meal", title: "2 A meal", view: "day", set: { ...LEAN, dose: 0.5, weeks: 4 },
    text: "A meal raises glucose, beta cells answer with insulin, the liver stops making glucose and muscle takes it up. Two hours later it is over.",
    ask: "How far does production by the liver fall?",
    answer: (a) => { const e = off(a).hours["glucose_insulin.EGP"]; return say(`From ${n(Math.max(...e), 1)} to ${n(Math.min(...e), 1)} mg/kg/min.`); },
  },
  {
    name: "compensation", title: "3 Compensation", view: "plane", set: { ...SHORT, dose: 10 },
    text: "Who answers less to insulin needs more of it. Beta cells compensate, until they cannot. Move the slider of secretory capacity up and down and watch the fasting glucose.",
    ask: "Is this patient still compensating at the end?",
    answer: (a) => say(on(a).days.fasting_glucose.at(-1) > 126 ? `No: fasting glucose is ${n(last(on(a).days.fasting_glucose))} mg/dL, and function is being lost to high glucose.` : `Yes: fasting glucose is ${n(last(on(a).days.fasting_glucose))} mg/dL.`),
  },
  {
    name: "switches", title: "4 mTORC1 and mTORC2", view: "weeks", set: { ...SHORT, dose: 10 },
    text: "The drug blocks mTORC1 within hours: that is what it is for. Over weeks it also keeps mTORC2 from being assembled, and insulin needs mTORC2. Switch off one part of the effect on the left.",
    ask: "Which complex falls first, and which one follows glucose?",
    answer: (a) => say(`After a day mTORC1 is at ${n(100 * on(a).days.mtorc1[1])} % and mTORC2 in the liver at ${n(100 * on(a).days.mtorc2_liver[1])} %; glucose rises with the loss of the second, over weeks.`),
  },
  {
    name: "time", title: "5 Acute or chronic", view: "weeks", set: { ...SHORT, dose: 10, weeks: 24, stop: 12 },
    text: "One dose does nothing to glucose. Weeks do: the proteins that carry the insulin signal turn over slowly. When the drug is stopped they come back as slowly.",
    ask: "How much of the rise is left four weeks after stopping?",
    answer: (a) => { const r = (d) => on(a).days.fasting_glucose[d] - off(a).days.fasting_glucose[d]; return say(`${n(100 * r(112) / r(84))} % of it.`); },
  },
  {
    name: "two", title: "6 Two patients, one dose", view: "dose", set: { ...LEAN, dose: 10 },
    text: "The same dose hardly moves glucose in this young lean person. Now choose “type 2 diabetes” or “prediabetes” above.",
    ask: "What does 10 mg do to this one?",
    answer: (a) => say(`Fasting glucose changes by ${n(last(on(a).days.fasting_glucose) - last(off(a).days.fasting_glucose), 1)} mg/dL.`),
  },
];
