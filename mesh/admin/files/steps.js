// One delegation as nested steps: which rule led where, and what a request would use.

import { el } from "./page.js";

const TITLES = {
  delegate: "Rewritten", alt: "Several ways: the first that leads somewhere", union: "Several ways at once, by weight",
  leaf: "Bound by a namer", transformation: "Transformed", neg: "No rule leads on", fail: "Explicit failure",
  empty: "Explicitly nothing", exception: "An error",
};

/** Return the element of a delegation; `light` is called with the rule that made the step that the pointer is on. */
export function step(node, light, chosen = leads(node), weight = null) {
  const failed = node.type === "fail" || node.type === "exception";
  const over = (event) => { event.stopPropagation(); light(node.dentry); };
  return el("div", { class: `step${chosen ? " chosen" : failed ? " failed" : ""}`, mouseover: over, mouseleave: () => light(null) },
    el("div", { class: "title" }, weight === null ? "" : `${weight} · `, TITLES[node.type] ?? node.type, node.name ? ` by ${node.name}` : ""),
    el("div", { class: "path mono" }, node.path),
    node.dentry && el("div", { class: "quiet mono" }, `${node.dentry.prefix} => ${node.dentry.dst}`),
    node.message && el("div", { class: "bad" }, node.message),
    node.bound && bound(node),
    below(node, light, chosen));
}

function below(node, light, chosen) {
  if (node.type === "alt") {
    const first = node.alt.findIndex((branch) => verdict(branch) !== "on"); // what ends the search, well or not
    return node.alt.map((branch, place) => step(branch, light, chosen && place === first));
  }
  if (node.type === "union") {
    const whole = node.union.reduce((sum, { weight }) => sum + weight, 0);
    return node.union.map(({ weight, tree }) => step(tree, light, chosen && leads(tree), whole ? `${((100 * weight) / whole).toFixed(0)} %` : "0 %"));
  }
  const next = node.delegate ?? node.tree;
  return next ? step(next, light, chosen && leads(next)) : null;
}

const leads = (node) => verdict(node) === "found";

/** What a request meets here: it is `found`, it `ends` in a failure, or it goes `on` to the next way. */
function verdict(node) {
  if (node.type === "leaf") return { bound: "found", pending: "found", neg: "on" }[node.bound?.addr?.type] ?? "ends";
  if (node.type === "alt") return node.alt.map(verdict).find((one) => one !== "on") ?? "on";
  if (node.type === "union") {
    const branches = node.union.map(({ tree }) => verdict(tree));
    return branches.includes("found") ? "found" : branches.includes("ends") ? "ends" : "on";
  }
  const next = node.delegate ?? node.tree;
  return next ? verdict(next) : node.type === "neg" ? "on" : "ends";
}

function bound({ path: name, bound: { id, path, addr } }) {
  const residual = path && path !== "/" ? ` · left over: ${path}` : "";
  const found = {
    bound: () => el("ul", { class: "mono" }, addr.addrs.map(({ ip, port, meta }) =>
      el("li", {}, `${ip.includes(":") ? `[${ip}]` : ip}:${port}`, meta?.endpoint_addr_weight !== undefined && ` weight ${meta.endpoint_addr_weight}`))),
    neg: () => el("div", { class: "warm" }, "no such name"),
    pending: () => el("div", { class: "quiet" }, "not known yet"),
    failed: () => el("div", { class: "bad" }, addr.cause),
  }[addr?.type];
  return [(id !== name || residual) && el("div", { class: "mono" }, `${id}${residual}`), found?.()];
}
