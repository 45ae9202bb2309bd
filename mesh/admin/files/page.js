// What every page of the admin server needs: elements, numbers for people, and asking the server.
//
// Names come from requests of strangers. Elements get text as text, never as markup, so that a name cannot be more than a name.

/** Make an element; children may be elements, texts, or nothing. Attributes that are false or null are left out. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put children in the place of whatever the element with this id holds. */
export function show(id, ...children) {
  document.getElementById(id).replaceChildren(...children.flat(Infinity).filter(Boolean));
}

/** Return a path of the server, for the worker that this page is about if it is about one. */
export function at(path, query = {}) {
  const url = new URL(path, location.origin);
  const worker = new URLSearchParams(location.search).get("worker");
  for (const [name, value] of Object.entries({ worker, ...query })) if (value !== null) url.searchParams.set(name, value);
  return url;
}

/** Ask for JSON. Throws an error with the status and what the server said. */
export async function ask(path, query = {}, options = {}) {
  const reply = await fetch(at(path, query), { cache: "no-store", ...options });
  const text = await reply.text();
  if (!reply.ok) throw Object.assign(new Error(text.trim() || `${path} was answered ${reply.status}`), { status: reply.status });
  return text ? JSON.parse(text) : null;
}

/** Say that something went wrong; nothing, that all is well again. */
export function complain(text = "") {
  const notice = document.getElementById("notice");
  notice.hidden = !text;
  notice.textContent = text;
}

/** Do something now and again: every `ms`, slower where the answers are slow, and not while nobody looks. */
export function repeatedly(action, ms = 1000) {
  const turn = async () => {
    const begun = performance.now();
    if (!document.hidden) {
      try {
        await action();
        complain();
      } catch (error) {
        complain(error instanceof TypeError ? "The linker does not answer." : error.message);
      }
    }
    setTimeout(turn, Math.max(ms, 5 * (performance.now() - begun)));
  };
  turn();
}

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A number of things, or of things per second. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  return value >= 100 || Number.isInteger(value) ? plain.format(value) : value.toPrecision(2);
}

/** A share of a whole. */
export function percent(part, whole) {
  if (!whole) return "–";
  const value = (part / whole) * 100; // exactly 100 for all of it, which 100 * part / whole is not
  return `${value >= 100 ? "100" : value > 99.9 ? (Math.floor(value * 100) / 100).toFixed(2) : value.toFixed(1)} %`;
}

/** A time in milliseconds. */
export function ms(value) {
  if (!Number.isFinite(value)) return "–";
  return value >= 1000 ? `${(value / 1000).toPrecision(3)} s` : `${value.toPrecision(value >= 100 ? 3 : 2)} ms`;
}

/** A number of bytes. */
export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit && value < 100 ? value.toPrecision(3) : Math.round(value)} ${units[unit]}`;
}

/** How long something has lasted. */
export function lasted(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return days ? `${days} d ${hours} h` : hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

for (const link of document.querySelectorAll(".bar nav a")) {
  if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
  link.search = new URLSearchParams(location.search).has("worker") ? at("/").search : "";
}
