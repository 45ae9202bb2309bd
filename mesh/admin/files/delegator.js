// The playground: asks how a name is delegated, by the router's rules or by others, and draws the answer as nested steps.

import { ask, complain, el, show } from "./page.js";
import { step } from "./steps.js";

const $ = (id) => document.getElementById(id);
let rules = {}; // the base dtab of each router
let own = null; // rules of this page's reader, in place of the router's

begin().catch((error) => complain(error.message));

async function begin() {
  const config = await ask("/config.json");
  for (const router of config.routers ?? []) rules[router.label] = split(router.dtab ?? "");
  show("router", Object.keys(rules).map((label) => el("option", { value: label }, label)));
  const wanted = new URLSearchParams(location.search).get("router");
  if (wanted in rules) $("router").value = wanted;
  $("path").value = hash() || "/svc/web";
  listen();
  list();
  if (hash()) await follow();
}

function listen() {
  $("question").addEventListener("submit", (event) => { event.preventDefault(); location.hash = $("path").value.trim(); follow(); });
  $("router").addEventListener("change", () => { own = null; edit(false); follow(); });
  $("edit").addEventListener("click", () => edit($("rules").hidden));
  $("apply").addEventListener("click", () => { own = split($("rules").value); edit(false); follow(); });
  $("reset").addEventListener("click", () => { own = null; edit(false); follow(); });
  window.addEventListener("hashchange", () => { if (hash() !== $("path").value) { $("path").value = hash(); follow(); } });
}

function hash() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

const split = (text) => text.split(/[;\n]/).map((rule) => rule.replace(/#\s.*$/, "").replace(/\s*=>\s*/, " => ").trim()).filter(Boolean);
const present = () => own ?? rules[$("router").value] ?? [];

function edit(open) {
  $("rules").hidden = $("editing").hidden = !open;
  $("dtab").hidden = $("order").hidden = open;
  if (open) { $("rules").value = present().map((rule) => `${rule} ;`).join("\n"); $("rules").focus(); }
  list();
}

function list() {
  show("dtab", present().map((rule) => el("li", { "data-rule": squeezed(rule) }, rule)), !present().length && el("li", { class: "quiet" }, "none"));
  $("order").textContent = own === null ? "Later rules come first." : "Later rules come first. These are yours; the router has others.";
}

const squeezed = (rule) => rule.replace(/\s+/g, "");

/** Light up the rule that made a step. */
function light(dentry) {
  const rule = dentry ? squeezed(`${dentry.prefix}=>${dentry.dst}`) : null;
  for (const item of $("dtab").children) item.classList.toggle("lit", item.dataset.rule === rule);
}

async function follow() {
  const question = { path: $("path").value.trim(), namespace: $("router").value };
  if (own !== null) question.dtab = own.map((rule) => `${rule} ;`).join(" ");
  list();
  try {
    const answer = await ask("/delegator.json", {}, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question) });
    complain();
    show("answer", step(answer, light));
  } catch (error) {
    show("answer");
    complain(error.message);
  }
}
