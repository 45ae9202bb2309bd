// The last minute of a page that looks at the metrics every second: rates, which the server does not keep.

const KEPT = 60;

/** Counters as they were seen, by name, with the rates between; what is gone from the server is forgotten. */
export class History {
  constructor() {
    this.series = new Map();
    this.seen = 0;
    this.now = 0;
  }

  /** Begin a new look, at a time in seconds. */
  look(now) {
    for (const [name, series] of this.series) if (series.seen < this.seen) this.series.delete(name);
    this.seen += 1;
    this.now = now;
  }

  /** Take note of a counter; return its rate per second since the look before, null at first or after it began anew. */
  rate(name, value) {
    const known = this.series.get(name);
    const series = known ?? { rates: [] };
    const [before, then] = [series.value, series.then];
    if (series.seen !== this.seen) {
      series.last = known && value >= before && this.now > then ? (value - before) / (this.now - then) : null;
      if (series.last !== null) series.rates = [...series.rates, series.last].slice(-KEPT);
      Object.assign(series, { value, then: this.now, seen: this.seen });
      this.series.set(name, series);
    }
    return series.last;
  }

  /** Return the rates of the last minute, oldest first. */
  rates(name) {
    return this.series.get(name)?.rates ?? [];
  }

  /** How many rates are kept at most. */
  static get length() {
    return KEPT;
  }
}
