// The requests that the telemeter io.l5d.recentRequests keeps.

import { ask, el, ms, repeatedly, show } from "./page.js";

repeatedly(async () => {
  const absent = document.getElementById("absent");
  try {
    const requests = await ask("/requests.json");
    absent.hidden = true;
    document.getElementById("kept").hidden = false;
    show("requests", requests.map(row));
  } catch (error) {
    if (error.status !== 404) throw error;
    absent.hidden = false;
  }
}, 2000);

function row(request) {
  const { timestamp, router, source, server, method, logicalName, concreteName, destination, durationMs, outcome } = request;
  const cell = (value) => el("td", { class: "mono wide" }, value || "–");
  const name = (path) => el("td", { class: "mono wide" }, path ? el("a", { href: `/delegator?router=${encodeURIComponent(router)}#${encodeURI(path)}` }, path) : "–");
  return el("tr", {}, el("td", {}, new Date(timestamp).toLocaleTimeString()), cell(router), cell(source), cell(server), cell(method), name(logicalName), name(concreteName),
    cell(destination), el("td", { class: "number" }, ms(durationMs)), el("td", { class: outcome === "success" ? "good" : "bad" }, outcome));
}
