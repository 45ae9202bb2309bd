// Every metric in a table, those whose name has all the words that are looked for.

import { ask, el, number, repeatedly, show } from "./page.js";

const MOST = 500;
const filter = document.getElementById("filter");
let metrics = {};

filter.value = decodeURIComponent(location.hash.slice(1));
filter.addEventListener("input", () => { location.replace(`#${encodeURIComponent(filter.value)}`); draw(); });
repeatedly(async () => { metrics = await ask("/admin/metrics.json"); draw(); }, 2000);

function draw() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const names = Object.keys(metrics).filter((name) => words.every((word) => name.toLowerCase().includes(word))).sort();
  show("count", `${number(names.length)} of ${number(Object.keys(metrics).length)}${names.length > MOST ? `, the first ${MOST} of them` : ""}`);
  show("metrics", names.slice(0, MOST).map((name) => el("tr", {}, el("td", { class: "mono wide" }, name), el("td", { class: "number mono" }, exact(metrics[name])))));
}

/** All digits of a whole number, for those who compare; of another as many as anybody reads. */
function exact(value) {
  return Number.isInteger(value) ? String(value) : String(Number(Math.abs(value) < 1 ? value.toPrecision(3) : value.toFixed(3)));
}
