// The overview: every second the metrics are fetched, and what grew since is shown as rates.

import { ask, bytes, el, lasted, ms, number, percent, repeatedly, show, svg } from "./page.js";
import { chart, spark } from "./chart.js";
import { History } from "./history.js";

const MOST_ROWS = 25; // of a table, until somebody wants to see more
const MOST_LINES = 6; // of a chart: as many as there are colours
const history = new History();
const expanded = new Set();
const chosen = new URLSearchParams(location.search).get("router");
let version = "";

ask("/admin/server_info").then((info) => { version = `${info.name} ${info.version}`; }, () => {});
repeatedly(refresh);

async function refresh() {
  const tree = await ask("/admin/metrics.json", { tree: "1" });
  history.look(performance.now() / 1000);
  const routers = Object.entries(tree.rt ?? {}).map(([label, scope]) => read(label, scope));
  const shown = routers.filter((router) => !chosen || router.label === chosen);
  about(tree.process ?? {});
  tiles(shown);
  show("routers", shown.length ? shown.map(drawn) : el("p", { class: "quiet" }, `There is no router ${chosen ?? ""}.`),
    shown.length < routers.length && el("p", {}, el("a", { href: "/" }, "All routers")));
}

function read(label, scope) {
  const group = (kind) => Object.entries(scope[kind] ?? {}).map(([name, below]) => entry(`${label} ${kind} ${name}`, name, below));
  const [servers, services, clients] = ["server", "service", "client"].map(group);
  const busy = (one, other) => other.rate - one.rate || other.total - one.total || one.name.localeCompare(other.name);
  return { label, servers, services: services.sort(busy), clients: clients.sort(busy) };
}

/** What the page needs of a server, a service or a client. */
function entry(key, name, scope) {
  const counter = (metric) => scope[metric]?.counter ?? 0;
  const rate = (metric) => history.rate(`${key} ${metric}`, counter(metric)) ?? 0;
  return {
    key, name, scope, total: counter("requests"),
    rate: rate("requests"), success: rate("success"), failures: rate("failures"),
    pending: scope.pending?.gauge ?? 0, connections: scope.connections?.gauge ?? 0,
    latency: scope.request_latency_ms ?? {}, rates: history.rates(`${key} requests`),
    retries: history.rate(`${key} retries`, scope.retries?.total?.counter ?? 0) ?? 0,
    requeues: history.rate(`${key} requeues`, scope.retries?.requeues?.counter ?? 0) ?? 0,
    received: history.rate(`${key} in`, counter("received_bytes")) ?? 0,
    sent: history.rate(`${key} out`, counter("sent_bytes")) ?? 0,
  };
}

const sum = (entries, field) => entries.reduce((total, one) => total + one[field], 0);

function about(process) {
  const facts = [version, "uptime_seconds" in process && `up ${lasted(process.uptime_seconds.gauge)}`,
    process.resident_memory_bytes && bytes(process.resident_memory_bytes.gauge)];
  show("about", facts.filter(Boolean).join(" · "));
}

function tiles(routers) {
  const servers = routers.flatMap((router) => router.servers);
  const clients = routers.flatMap((router) => router.clients);
  const [success, failures] = [sum(servers, "success"), sum(servers, "failures")];
  const latency = Math.max(...servers.map((server) => server.latency["stat.p99"] ?? -1));
  const tile = (label, value, more) => el("div", { class: "tile" }, el("div", { class: "label" }, label),
    el("div", { class: "value" }, value), el("div", { class: "more" }, more));
  show("tiles",
    tile("Requests per second", number(sum(servers, "rate")), `${number(sum(servers, "total"))} since the start`),
    tile("Success rate", percent(success, success + failures), `${number(failures)} failures per second`),
    tile("Latency, p99", ms(latency < 0 ? NaN : latency), "of the last minute"),
    tile("In progress", number(sum(servers, "pending")), "requests"),
    tile("Connections in", number(sum(servers, "connections")), `↓ ${bytes(sum(servers, "received"))}/s  ↑ ${bytes(sum(servers, "sent"))}/s`),
    tile("Connections out", number(sum(clients, "connections")), `${number(clients.length)} ${clients.length === 1 ? "client" : "clients"}`));
}

function drawn(router) {
  const { label, servers, services, clients } = router;
  const [success, failures] = [sum(servers, "success"), sum(servers, "failures")];
  const fact = (name, value) => el("span", { class: "fact" }, `${name} `, el("b", {}, value));
  const lines = clients.slice(0, MOST_LINES);
  return el("section", { class: "card" },
    el("div", { class: "head" }, el("h2", {}, el("a", { href: `/?router=${encodeURIComponent(label)}` }, label)),
      fact("requests/s", number(sum(servers, "rate"))), fact("success", percent(success, success + failures)),
      fact("failures/s", number(failures)), fact("retries/s", number(sum(services, "retries") + sum(clients, "requeues"))),
      fact("in progress", number(sum(servers, "pending")))),
    lines.length > 0 && [chart(lines.map((client) => client.rates)), el("div", { class: "legend" }, lines.map(legend))],
    table(`${label} services`, "Services", services, [...COMMON, ["retries/s", (one) => number(one.retries)], ["retries left", (one) => number(one.scope.retries?.budget?.gauge ?? NaN)]], (one) => named(label, `/${one.name}`)),
    table(`${label} clients`, "Clients", clients, [...COMMON, ["endpoints", endpoints], ["connections", (one) => number(one.connections)]], (one) => named(label, `/${one.name}`)),
    table(`${label} servers`, "Servers", servers, [...COMMON, ["connections", (one) => number(one.connections)], ["in", (one) => `${bytes(one.received)}/s`], ["out", (one) => `${bytes(one.sent)}/s`]], (one) => one.name));
}

const COMMON = [
  ["", (one) => spark(one.rates)],
  ["requests/s", (one) => number(one.rate)],
  ["success", success],
  ["p50", (one) => ms(one.latency["stat.p50"])],
  ["p95", (one) => ms(one.latency["stat.p95"])],
  ["p99", (one) => ms(one.latency["stat.p99"])],
];

function success(one) {
  const whole = one.success + one.failures;
  const share = whole ? one.success / whole : 1;
  return el("span", { class: share < 0.95 ? "bad" : share < 0.999 ? "warm" : null }, percent(one.success, whole));
}

function endpoints(one) {
  const { available, size } = one.scope.loadbalancer ?? {};
  if (!size) return "–";
  return el("span", { class: available.gauge < size.gauge ? (available.gauge ? "warm" : "bad") : null }, `${number(available.gauge)} of ${number(size.gauge)}`);
}

function legend(client, place) {
  const swatch = svg("svg", { viewBox: "0 0 16 8" }, svg("line", { class: `trace hue${place}`, x1: 0, x2: 16, y1: 4, y2: 4 }));
  return el("span", {}, swatch, `/${client.name}`);
}

function named(router, path) {
  return el("a", { href: `/delegator?router=${encodeURIComponent(router)}#${encodeURI(path)}`, title: path }, path);
}

function table(key, title, entries, columns, name) {
  if (!entries.length) return null;
  const rows = expanded.has(key) ? entries : entries.slice(0, MOST_ROWS);
  const more = entries.length - rows.length;
  const expand = () => { expanded.add(key); refresh(); };
  return [
    el("h3", {}, title),
    el("table", { class: "even" },
      el("thead", {}, el("tr", {}, el("th", {}, "name"), columns.map(([label]) => el("th", { class: "number" }, label)))),
      el("tbody", {}, rows.map((one) => el("tr", {}, el("td", { class: "name mono" }, name(one)), columns.map(([, cell]) => el("td", { class: "number" }, cell(one))))))),
    more > 0 && el("p", {}, el("button", { click: expand }, `${number(more)} more`)),
  ];
}
