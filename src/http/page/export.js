// The groups as files: JSON for programs, CSV for tables.

import { element } from "./dom.js";

const described = (photo, cosine) => ({
  name: photo.file.name,
  path: photo.path,
  bytes: photo.file.size,
  width: photo.width,
  height: photo.height,
  cosine,
});

/** Groups as they are shown: the first photo of each is its representative. */
export function asJson({ groups, rest }, failed, threshold, model) {
  const document = {
    model,
    threshold,
    groups: groups.map(({ first, others }) => ({
      representative: first.path,
      photos: [described(first, 1), ...others.map((each) => described(each.photo, each.cosine))],
    })),
    without_duplicate: rest.map((photo) => photo.path),
    failed: failed.map(({ path, reason }) => ({ path, reason })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const COLUMNS = ["group", "representative", "path", "bytes", "width", "height", "cosine"];

/** A cell (RFC 4180). One that a spreadsheet would compute becomes text. */
function cell(value) {
  if (value === null) return "";
  const text =
    typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line for each photo of a group. */
export function asCsv({ groups }) {
  const line = (number, photo, cosine, best) => [
    number,
    best ? "yes" : "no",
    photo.path,
    photo.file.size,
    photo.width,
    photo.height,
    cosine,
  ];
  const lines = groups.flatMap(({ first, others }, index) => [
    line(index + 1, first, 1, true),
    ...others.map((each) => line(index + 1, each.photo, each.cosine, false)),
  ]);
  return [COLUMNS, ...lines].map((each) => `${each.map(cell).join(",")}\r\n`).join("");
}

/** Hands `text` to the person as a file. */
export function save(text, name, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: url, download: name }).click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
