// The photos of the page, in memory alone: which there are, what became of each, and their tree.
//
// A photo is { file, path, status, pixels, width, height, thumbnail } with, by its status, `vector`
// (`embedded`) or `reason` (`failed`); `waiting` has neither, and `gone` is off the page.

import { NO_EDGES, groupsAt } from "./groups.js";

/** More than these would be slow to group, and nothing that a page is for. */
export const MOST_PHOTOS = 10_000;

const workerAddress = () => new URL("tree-worker.js", import.meta.url).href;
// The policy of this page lets no text become a script's address but through here (Trusted Types).
const policy = globalThis.trustedTypes?.createPolicy("page", { createScriptURL: workerAddress });

/** What makes the vectors of two models comparable. */
const IDENTITY = ["model_name", "pretrained", "activation", "precision", "embedding_dim"];

export class Library {
  #photos = new Map();
  #edges = NO_EDGES;
  // Answers of the worker that belong to an earlier round are of photos that are gone.
  #round = 0;
  // What shows photos that no tree will take in.
  #withoutTree = () => {};
  #worker = new Worker(policy?.createScriptURL("") ?? workerAddress(), { type: "module" });

  /** `grown(cosines)` is called when the tree has taken photos in, `broken()` if it never will. */
  constructor(grown, broken) {
    /** Those that have a vector, by their numbers in the tree. */
    this.embedded = [];
    /** The model of the vectors, as the service describes it. */
    this.model = null;
    this.#worker.addEventListener("message", ({ data }) => {
      if (data.round !== this.#round) return;
      this.#edges = data;
      grown(data.cosine);
    });
    this.#worker.addEventListener("error", () => {
      this.#withoutTree = () => grown([]);
      this.#withoutTree();
      broken();
    });
  }

  get size() {
    return this.#photos.size;
  }

  get failed() {
    return this.#with("failed");
  }

  #with(status) {
    return [...this.#photos.values()].filter((photo) => photo.status === status);
  }

  /** Takes files in: the photos that are new, how many are here already, how many are too many. */
  add(found) {
    const taken = { fresh: [], known: 0, over: 0 };
    for (const { file, path } of found) {
      const id = `${path}|${file.size}|${file.lastModified}`;
      if (this.#photos.has(id)) taken.known += 1;
      else if (this.size === MOST_PHOTOS) taken.over += 1;
      else {
        const unknown = { pixels: 0, width: null, height: null, thumbnail: null };
        const photo = { id, file, path, status: "waiting", ...unknown };
        this.#photos.set(id, photo);
        taken.fresh.push(photo);
      }
    }
    return taken;
  }

  setVector(photo, vector, model) {
    this.model ??= model;
    Object.assign(photo, { status: "embedded", vector });
    this.embedded.push(photo);
    this.#worker.postMessage({ round: this.#round, vectors: [vector] });
    this.#withoutTree();
  }

  setFailure(photo, reason) {
    Object.assign(photo, { status: "failed", reason });
  }

  /** Whether the photo is still here to have it. */
  setThumbnail(photo, { url, width, height }) {
    if (photo.status === "gone") {
      if (url) URL.revokeObjectURL(url);
      return false;
    }
    Object.assign(photo, { thumbnail: url, width, height, pixels: (width ?? 0) * (height ?? 0) });
    return true;
  }

  /** Whether vectors of `model` can stand beside those that are here. */
  fits(model) {
    return this.model === null || IDENTITY.every((name) => this.model[name] === model[name]);
  }

  groupsAt(threshold) {
    return groupsAt(this.embedded, this.#edges, threshold);
  }

  /** Drops what has no vector and no failure; how many those were. */
  dropWaiting() {
    const waiting = this.#with("waiting");
    waiting.forEach((photo) => this.#drop(photo));
    return waiting.length;
  }

  clear() {
    for (const photo of this.#photos.values()) this.#drop(photo);
    [this.embedded, this.#edges, this.model] = [[], NO_EDGES, null];
    this.#round += 1;
    this.#worker.postMessage({ round: this.#round, vectors: null });
  }

  #drop(photo) {
    if (photo.thumbnail) URL.revokeObjectURL(photo.thumbnail);
    photo.status = "gone";
    this.#photos.delete(photo.id);
  }
}
