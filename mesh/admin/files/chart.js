// Drawings of rates: lines over the last minute.

import { number, svg } from "./page.js";
import { History } from "./history.js";

const [WIDTH, HEIGHT, FOOT] = [1160, 120, 16];

function points(rates, width, height, top) {
  const step = width / (History.length - 1);
  const first = width - step * (rates.length - 1);
  return rates.map((rate, place) => `${(first + step * place).toFixed(1)},${(height - (height - 3) * Math.min(rate / top, 1)).toFixed(1)}`).join(" ");
}

/** A small line without numbers, for a row of a table. */
export function spark(rates) {
  const top = Math.max(...rates, 1e-9);
  return svg("svg", { class: "spark", viewBox: "0 0 84 20", "aria-hidden": "true" }, svg("polyline", { class: "trace", points: points(rates, 84, 19, top) }));
}

/** Several lines in one drawing; the colour of each is that of its place. */
export function chart(lines) {
  const top = round(Math.max(...lines.flat(), 1));
  const grid = [0, 0.5, 1].map((share) => {
    const y = (HEIGHT - FOOT) - (HEIGHT - FOOT - 3) * share;
    return [
      svg("line", { class: "grid", x1: 44, x2: WIDTH, y1: y, y2: y }),
      svg("text", { x: 38, y: y + (share ? 9 : 0), "text-anchor": "end" }, number(top * share)),
    ];
  });
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "requests per second" },
    grid,
    svg("text", { x: 48, y: HEIGHT - 2 }, "a minute ago"),
    svg("text", { x: WIDTH, y: HEIGHT - 2, "text-anchor": "end" }, "now"),
    svg("g", { transform: "translate(44 0)" }, lines.map((rates, place) =>
      svg("polyline", { class: `trace hue${place % 6}`, points: points(rates, WIDTH - 44, HEIGHT - FOOT, top) }))),
  );
}

/** The next number that is easy to halve. */
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value);
}
