// The levels of the loggers, and a button for each.

import { ask, complain, el, show } from "./page.js";

const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"];
let loggers = [];

document.getElementById("filter").addEventListener("input", draw);
refresh();

async function refresh() {
  try {
    loggers = await ask("/logging.json");
    complain();
  } catch (error) {
    complain(error.message);
  }
  draw();
}

function draw() {
  const wanted = document.getElementById("filter").value.toLowerCase();
  show("loggers", loggers.filter(({ logger }) => logger.toLowerCase().includes(wanted)).map(({ logger, level }) =>
    el("tr", {}, el("td", { class: "name mono" }, logger), el("td", { class: "number levels" }, LEVELS.map((other) =>
      [el("button", { "aria-pressed": String(other === level), click: () => set(logger, other) }, other.toLowerCase()), " "])))));
}

async function set(logger, level) {
  try {
    await ask("/logging.json", {}, { method: "POST", body: new URLSearchParams({ logger, level }) });
    await refresh();
  } catch (error) {
    complain(error.status === 404 ? "This page may not change anything: admin.security has controlEnabled: false." : error.message);
  }
}
