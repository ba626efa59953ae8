// Photos as cards, alone and in groups. A photo has one card, which moves to where it is shown.

import { bytesText, cosineText, count, counted, element } from "./dom.js";

/** `480 × 320 · 45 kB`. */
export function factsOf({ width, height, file }) {
  const size = bytesText(file.size);
  return width && height ? `${width} × ${height} · ${size}` : size;
}

/** A small picture, or the kind of file where the browser cannot show it. */
export function pictureOf(photo, url = photo.thumbnail) {
  if (url) return element("img", { src: url, alt: "", decoding: "async", draggable: false });
  const kind = /\.([a-z0-9]{1,5})$/i.exec(photo.file.name)?.[1] ?? "photo";
  return element("span", { className: "kind", textContent: kind.toUpperCase() });
}

/** The card of `photo` with `note` in its corner: a cosine, text, or nothing. */
export function cardOf(photo, note, open) {
  photo.card ??= newCard(photo);
  const { button, badge } = photo.card;
  button.onclick = open;
  badge.hidden = note === null;
  badge.replaceChildren(...noted(note));
  badge.classList.toggle("words", typeof note === "string");
  return photo.card.item;
}

function noted(note) {
  if (typeof note !== "number") return note === null ? [] : [note];
  return [
    element("span", { className: "visually-hidden", textContent: "cosine " }),
    cosineText(note),
  ];
}

function newCard(photo) {
  const badge = element("span", { className: "badge" });
  const frame = element("span", { className: "frame" }, pictureOf(photo), badge);
  const name = element("span", {
    className: "name",
    textContent: photo.file.name,
    title: photo.path,
  });
  const facts = element("span", { className: "facts", textContent: factsOf(photo) });
  const button = element("button", { type: "button", className: "photo" }, frame, name, facts);
  return { item: element("li", { className: "card" }, button), button, badge, frame, facts };
}

/** Takes in what has become known of a photo: its picture and size. */
export function refreshCard(photo) {
  if (!photo.card) return;
  const { frame, facts } = photo.card;
  frame.firstChild.replaceWith(pictureOf(photo));
  facts.textContent = factsOf(photo);
}

/**
 * A group; `open(photo, other)` shows a photo beside the group's representative. Of more than `most`
 * photos the last are left out, and `expand` is for a button that brings them.
 */
export function groupOf({ first, others }, number, { open, most, expand }) {
  const lowest = others.at(-1).cosine;
  const title = element(
    "p",
    { className: "group-title" },
    element("strong", { textContent: `Group ${count(number)}` }),
    ` ${counted(others.length + 1, "photo")}, down to ${cosineText(lowest)}`,
  );
  const cards = [
    cardOf(first, "Best", () => open(first, others[0].photo)),
    ...others
      .slice(0, most - 1)
      .map(({ photo, cosine }) => cardOf(photo, cosine, () => open(photo, first))),
  ];
  cards.forEach((card, index) => card.classList.toggle("best", index === 0));
  const list = element("ul", { className: "cards" }, ...cards);
  const left = others.length + 1 - cards.length;
  const more =
    left > 0
      ? element("button", {
          type: "button",
          className: "more",
          onclick: expand,
          textContent: `Show ${count(left)} more`,
        })
      : null;
  return element("li", { className: "group" }, title, list, more);
}

/** A card outside of any group. */
export function plainCard(photo, note, open) {
  const card = cardOf(photo, note, open);
  card.classList.remove("best");
  return card;
}
