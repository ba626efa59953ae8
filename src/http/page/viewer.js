// One photo in full, beside another one, and the photos that are most like it.

import { factsOf, pictureOf } from "./cards.js";
import { byId, cosineText, element } from "./dom.js";
import { ranked } from "./groups.js";
import { cosine } from "./tree.js";

const NEAREST = 8;

export class Viewer {
  #urls = [];

  /** `photos()` are those that may be alike. */
  constructor(photos) {
    this.photos = photos;
    this.dialog = byId("viewer");
    byId("viewer-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.#release());
    // A click on the dialog itself, and not on what it holds, is one beside it.
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  open(photo, beside = null) {
    this.#release();
    byId("viewer-title").textContent = photo.file.name;
    byId("viewer-cosine").hidden = beside === null;
    if (beside) {
      const value = cosineText(cosine(photo.vector, beside.vector));
      byId("viewer-cosine").textContent = `Cosine ${value} with ${beside.file.name}`;
    }
    const figures = beside ? [photo, beside] : [photo];
    byId("viewer-pair").replaceChildren(...figures.map((each) => this.#figure(each)));
    const others = this.photos().filter((other) => other !== photo);
    const nearest = ranked(others, photo.vector).slice(0, NEAREST);
    byId("viewer-nearest-title").hidden = nearest.length === 0;
    byId("viewer-nearest").replaceChildren(
      ...nearest.map((each) => this.#small(each, photo, each.photo === beside)),
    );
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  #figure(photo) {
    const url = URL.createObjectURL(photo.file);
    this.#urls.push(url);
    const picture = pictureOf(photo, photo.thumbnail && url);
    picture.alt = photo.file.name;
    const caption = element(
      "figcaption",
      {},
      element("span", { className: "name", textContent: photo.path }),
      element("span", { className: "facts", textContent: factsOf(photo) }),
    );
    return element("figure", {}, element("div", { className: "full" }, picture), caption);
  }

  #small({ photo, cosine: value }, from, current) {
    const frame = element(
      "span",
      { className: "frame" },
      pictureOf(photo),
      element("span", { className: "badge", textContent: cosineText(value) }),
    );
    const name = element("span", { className: "name", textContent: photo.file.name });
    const button = element("button", { type: "button", className: "photo" }, frame, name);
    button.setAttribute("aria-pressed", String(current));
    button.addEventListener("click", () => {
      this.open(from, photo);
      byId("viewer-nearest").querySelector('[aria-pressed="true"]')?.focus();
    });
    return element("li", { className: "card" }, button);
  }

  #release() {
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
  }
}
