// Search by words: one vector for them, and the photos in the order of their cosines with it.

import { byId } from "./dom.js";
import { embedText, pause } from "./service.js";

const TRIES = 6;

export class Search {
  #stop = new AbortController();

  /** `changed()` is called when there is another vector to rank by, or none, or no key for it. */
  constructor(changed) {
    this.changed = changed;
    /** What is searched for, `{ text, vector }`, or null. */
    this.current = null;
    /** Whether the last search failed for the want of a key. */
    this.wantsKey = false;
    this.form = byId("search");
    this.query = byId("query");
    this.hint = byId("search-hint");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin(this.query.value.trim());
    });
    // The cross within the field empties it.
    this.query.addEventListener("input", () => {
      if (this.query.value === "") this.end();
    });
    byId("end-search").addEventListener("click", () => {
      this.end();
      this.query.focus();
    });
  }

  /** Takes in what `/model-info` says of text: `off`, `on_demand`, `ready` or nothing. */
  offer(text) {
    this.form.hidden = text !== "on_demand" && text !== "ready";
    this.slow = text === "on_demand";
    if (this.form.hidden && this.current) this.end();
  }

  end() {
    this.#stop.abort();
    this.current = null;
    this.query.value = "";
    this.#say("");
    this.changed();
  }

  async #begin(text) {
    this.#stop.abort();
    if (text === "") {
      this.end();
      return;
    }
    const { signal } = (this.#stop = new AbortController());
    this.wantsKey = false;
    this.#say(this.slow ? "Searching; the first time, the text model is loaded…" : "Searching…");
    try {
      const vector = await this.#vectorOf(text, signal);
      this.current = { text, vector };
      this.#say("");
      this.changed();
    } catch (error) {
      if (signal.aborted) return;
      this.#say(`The search failed: ${error.message}`, true);
      this.wantsKey = error.wantsKey;
      this.changed();
    }
  }

  async #vectorOf(text, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await embedText(text, signal);
      } catch (error) {
        if (!error.passes || error.status === 0 || tries === TRIES) throw error;
        await pause(Math.min(error.retryAfter ?? 1, 10) * 1000, signal);
      }
    }
  }

  #say(text, failed = false) {
    this.hint.textContent = text;
    this.hint.classList.toggle("failed", failed);
    this.form.toggleAttribute("aria-busy", text !== "" && !failed);
  }
}
