// What Node's clients are held against: the same photo and text by the service's own routes, and one
// line for each check.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const BASE = process.argv[2].replace(/\/$/, "");
export const TEXT = "a photo of a cat";
const photoFile = readFileSync(`${process.env.REPOSITORY}/tests/reference/images/cat-224.png`);
export const URI = `data:image/png;base64,${photoFile.toString("base64")}`;

async function native(path, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(BASE + path, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return (await answer.json()).embeddings[0];
}

export const photo = () => native("/embed/base64", { images: [URI] });
export const text = () => native("/embed/text", { texts: [TEXT] });

// The same embeddings, up to the order of sums in a batch.
export function same(found, expected) {
  assert.equal(found.length, expected.length);
  found.forEach((numbers, i) => {
    assert.equal(numbers.length, expected[i].length);
    const worst = Math.max(...numbers.map((number, j) => Math.abs(number - expected[i][j])));
    assert.ok(worst <= 1e-6, `${worst}`);
  });
}

export async function check(name, version, what, run) {
  await run();
  console.log(name, version, what, "ok");
}
