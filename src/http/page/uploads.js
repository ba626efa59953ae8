// Sends photos a few at a time: at most two requests at once, each again when the service was busy
// or away, and apart when one photo spoils it for the others.

import { ask, embedFiles, pause } from "./service.js";

const PHOTOS_PER_REQUEST = 4;
const BYTES_PER_REQUEST = 32e6;
const REQUESTS_AT_ONCE = 2;
/** How often a photo is tried whose requests break off while the service is there. */
const TRIES = 4;
/** The rate is that of so many milliseconds. */
const RATE_WINDOW = 8000;

const isAbort = (error) => error.name === "AbortError";

export class Uploads {
  #waiting = [];
  #running = 0;
  #stop = new AbortController();
  #done = [];

  /**
   * `embedded(photo, vector, model)` and `failed(photo, reason)` are told of each photo once,
   * `changed()` of everything else.
   */
  constructor({ embedded, failed, changed }) {
    this.embedded = embedded;
    this.failed = failed;
    this.changed = changed;
    /** Why nothing is sent at the moment (`kind`, `reason`, `until` when), or null. */
    this.held = null;
  }

  get busy() {
    return this.#running > 0 || this.#waiting.length > 0;
  }

  /** Photos a second, of late. */
  get rate() {
    const now = performance.now();
    this.#done = this.#done.filter((time) => time > now - RATE_WINDOW);
    const span = now - Math.min(...this.#done);
    return this.#done.length > 4 && span > 500 ? (this.#done.length / span) * 1000 : null;
  }

  add(photos) {
    this.#waiting.push(...photos);
    this.#pump();
  }

  /** Gives up what has no answer yet; nothing more is told of it. */
  cancel() {
    this.#waiting = [];
    this.held = null;
    this.#stop.abort();
    this.#stop = new AbortController();
    this.changed();
  }

  /** Goes on after what held it, such as a key that was missing. */
  resume() {
    this.held = null;
    this.#pump();
  }

  #pump() {
    while (this.#waiting.length > 0 && this.#running < REQUESTS_AT_ONCE && this.held === null) {
      this.#send(this.#next(), this.#stop.signal);
    }
    this.changed();
  }

  #next() {
    let [length, bytes] = [0, 0];
    for (const { file, alone } of this.#waiting) {
      bytes += file.size;
      if (length > 0 && (alone || bytes > BYTES_PER_REQUEST)) break;
      length += 1;
      if (alone || length === PHOTOS_PER_REQUEST) break;
    }
    return this.#waiting.splice(0, length);
  }

  async #send(photos, signal) {
    this.#running += 1;
    try {
      const answer = await embedFiles(
        photos.map((photo) => photo.file),
        signal,
      );
      this.#settle(photos, answer);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) await this.#mend(photos, error, signal);
    } finally {
      this.#running -= 1;
      this.#pump();
    }
  }

  #settle(photos, { embeddings, errors, model_info: model }) {
    const reasons = new Map((errors ?? []).map((error) => [error.index, error.detail]));
    photos.forEach((photo, index) => {
      const vector = embeddings[index];
      if (vector) this.#settled(() => this.embedded(photo, Float32Array.from(vector), model));
      else this.#fail(photo, reasons.get(index) ?? "the answer has no vector for it");
    });
  }

  #settled(tell) {
    this.#done.push(performance.now());
    tell();
  }

  #fail(photo, reason) {
    this.#settled(() => this.failed(photo, reason));
  }

  async #mend(photos, error, signal) {
    if (error.wantsKey) {
      this.#waiting.unshift(...photos);
      this.#hold({ kind: "key", reason: error.message });
    } else if (error.status === 0) {
      await this.#afterBreak(photos, signal);
    } else if (error.passes) {
      this.#waiting.unshift(...photos);
      this.#holdFor(error, signal);
    } else if (photos.length > 1) {
      // One of them may be at fault, or all are too many: each by itself.
      this.#again(photos);
    } else {
      this.#fail(photos[0], error.message);
    }
  }

  /** Each by itself, before what waits. */
  #again(photos) {
    for (const photo of photos) photo.alone = true;
    this.#waiting.unshift(...photos);
  }

  /** There was no answer: the service is away, a file is, or the connection broke. */
  async #afterBreak(photos, signal) {
    const readable = await Promise.all(photos.map(isReadable));
    const left = photos.filter((photo, index) => {
      photo.tries = (photo.tries ?? 0) + 1;
      const reason = !readable[index]
        ? "the file cannot be read any more; has it been moved or changed?"
        : `the connection broke off ${TRIES} times`;
      const lost = !readable[index] || photo.tries >= TRIES;
      if (lost) this.#fail(photo, reason);
      return !lost;
    });
    this.#again(left);
    if (left.length > 0) await this.#awaitService(left, signal);
  }

  async #awaitService(photos, signal) {
    for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
      try {
        await ask("livez", { signal });
        break;
      } catch (error) {
        if (isAbort(error)) return;
        // Any answer shows that the service is there.
        if (error.status !== 0) break;
        // Tries count only while the service is there.
        for (const photo of photos) photo.tries = 0;
        this.#hold({ kind: "away", reason: error.message, until: Date.now() + wait * 1000 });
        await pause(wait * 1000, signal).catch(() => {});
        if (signal.aborted) return;
      }
    }
    if (this.held?.kind === "away") this.resume();
  }

  #holdFor(error, signal) {
    const wait = Math.min(error.retryAfter ?? 2, 60) * 1000;
    const held = { kind: "busy", reason: error.message, until: Date.now() + wait };
    this.#hold(held);
    const goOn = () => {
      // A later hold stays.
      if (this.held === held) this.resume();
    };
    pause(wait, signal).then(goOn, () => {});
  }

  #hold(held) {
    this.held = held;
    this.changed();
  }
}

async function isReadable({ file }) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
