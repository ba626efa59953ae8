// How far the embedding is, what holds it up, and which photos failed and why.

import { announce, byId, count, counted, element, timeText } from "./dom.js";

const HELD = {
  away: () => "The service cannot be reached",
  busy: ({ reason }) => `The service does not take photos now (${reason})`,
};

function heldText(held) {
  if (held.kind === "key") return "The service wants a key.";
  const left = Math.max(1, Math.ceil((held.until - Date.now()) / 1000));
  return `${HELD[held.kind](held)}; trying again in ${left} s.`;
}

export class Progress {
  #ticking;
  #quarter = 0;

  constructor(library, uploads) {
    this.library = library;
    this.uploads = uploads;
  }

  /** How many have a vector or a failure. */
  get done() {
    return this.library.embedded.length + this.library.failed.length;
  }

  show() {
    clearTimeout(this.#ticking);
    const { library, uploads } = this;
    const { busy, held } = uploads;
    byId("progress").hidden = library.size === 0;
    document.body.classList.toggle("filled", library.size > 0);
    byId("cancel").hidden = !busy;
    byId("bar").hidden = !busy;
    byId("bar").max = Math.max(library.size, 1);
    byId("bar").value = this.done;
    byId("progress-text").textContent = busy ? this.#underWay() : this.#finished();
    byId("progress-hint").hidden = held === null;
    byId("progress-hint").textContent = held === null ? "" : heldText(held);
    this.#showFailures();
    // The time that is left runs on between two answers.
    if (busy) this.#ticking = setTimeout(() => this.show(), 500);
  }

  #underWay() {
    const { rate, held } = this.uploads;
    const { done } = this;
    const total = this.library.size;
    const parts = [`${count(done)} of ${counted(total, "photo")}`];
    if (rate !== null && held === null) {
      parts.push(`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} a second`);
      if (total > done) parts.push(`about ${timeText((total - done) / rate)} left`);
    }
    return parts.join(" · ");
  }

  #finished() {
    const { embedded, failed } = this.library;
    const parts = [`${counted(embedded.length, "photo")} embedded`];
    if (failed.length > 0) parts.push(`${count(failed.length)} could not be`);
    return parts.join(" · ");
  }

  /** Reads out every fourth part of the way, and its end. */
  readOut() {
    const total = this.library.size;
    const quarter = Math.floor((this.done / total) * 4);
    if (quarter === this.#quarter) return;
    this.#quarter = quarter % 4;
    const text =
      quarter === 4 ? this.#finished() : `${count(this.done)} of ${counted(total, "photo")} done`;
    announce(text);
  }

  #showFailures() {
    const { failed } = this.library;
    const list = byId("failure-list");
    byId("failures").hidden = failed.length === 0;
    if (failed.length === list.childElementCount) return;
    byId("failures-title").textContent = `${counted(failed.length, "photo")} could not be embedded`;
    list.replaceChildren(...failed.map(failureItem));
  }
}

const failureItem = ({ path, reason }) =>
  element(
    "li",
    {},
    element("strong", { textContent: path }),
    element("span", { textContent: reason }),
  );
