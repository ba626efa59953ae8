// The threshold: a slider, a number, and bars that show where photos join.
//
// Cosines of photos crowd below 1, so the slider gives each further nine (0.9, 0.99, 0.999) a part of
// its own, in round steps.

import { byId } from "./dom.js";

/** Where a part begins, the step within it, and how many steps it has. */
const PARTS = [
  { from: 0.5, step: 0.005, steps: 80 },
  { from: 0.9, step: 0.001, steps: 90 },
  { from: 0.99, step: 0.0001, steps: 90 },
  { from: 0.999, step: 0.00001, steps: 90 },
];
const LAST = PARTS.reduce((sum, { steps }) => sum + steps, 0);
const BARS = 70;
const START = 0.95;

function cosineAt(position) {
  let left = position;
  for (const { from, step, steps } of PARTS) {
    if (left < steps) return Number((from + left * step).toFixed(5));
    left -= steps;
  }
  return 0.9999;
}

/** The place of a cosine on the slider, not rounded; beyond its ends it is at them. */
function positionOf(cosine) {
  let passed = 0;
  for (const { from, step, steps } of PARTS) {
    if (cosine < from + step * steps) return Math.max(0, passed + (cosine - from) / step);
    passed += steps;
  }
  return LAST;
}

export class Threshold {
  /** `changed()` is called when the person has chosen another value. */
  constructor(changed) {
    this.slider = byId("threshold");
    this.number = byId("exact");
    this.rug = byId("rug");
    this.counts = new Uint32Array(BARS);
    this.slider.addEventListener("input", () => {
      this.#set(cosineAt(this.slider.valueAsNumber));
      this.#drawRug();
      changed();
    });
    this.number.addEventListener("change", () => {
      const value = this.number.valueAsNumber;
      this.#set(Number.isNaN(value) ? this.value : Math.min(1, Math.max(0, value)));
      this.#drawRug();
      changed();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#drawRug());
    new ResizeObserver(() => this.#drawRug()).observe(this.rug);
    this.#set(START);
  }

  #set(value) {
    this.value = value;
    this.number.value = String(value);
    this.slider.value = String(Math.round(positionOf(value)));
    this.slider.setAttribute("aria-valuetext", String(value));
  }

  /** Shows the cosines at which photos join. */
  show(cosines) {
    this.counts.fill(0);
    for (const cosine of cosines) {
      const bar = Math.floor((positionOf(cosine) / LAST) * BARS);
      if (cosine >= PARTS[0].from) this.counts[Math.min(bar, BARS - 1)] += 1;
    }
    this.#drawRug();
  }

  #drawRug() {
    const { rug, counts } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [rug.clientWidth, rug.clientHeight];
    rug.width = width * ratio;
    rug.height = height * ratio;
    const context = rug.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(rug);
    const colours = [style.getPropertyValue("--apart"), style.getPropertyValue("--joined")];
    const most = Math.max(...counts, 1);
    const threshold = (positionOf(this.value) / LAST) * BARS;
    counts.forEach((found, bar) => {
      if (found === 0) return;
      const tall = 3 + Math.sqrt(found / most) * (height - 3);
      context.fillStyle = colours[Number(bar + 1 > threshold)];
      context.fillRect((bar / BARS) * width + 0.5, height - tall, width / BARS - 1, tall);
    });
  }
}
