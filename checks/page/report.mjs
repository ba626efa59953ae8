// What is met and what is missed, a line each, and the pictures.

import { mkdir } from "node:fs/promises";

export const PICTURES = process.env.PICTURES ?? "target/page";
await mkdir(PICTURES, { recursive: true });

let missed = 0;

/** One promise: a condition, with what was found instead. */
export function check(name, met, found) {
  if (!met) missed += 1;
  const told = met || found === undefined ? "" : `: ${JSON.stringify(found)}`;
  console.log(`${met ? "met    " : "missed "} ${name}${told}`);
}

/** The same for two values that should be equal as JSON. */
export function same(name, found, expected) {
  check(name, JSON.stringify(found) === JSON.stringify(expected), { found, expected });
}

/** A figure and the most that it may be. */
export function atMost(name, value, most, unit) {
  check(`${name}: ${value.toFixed(1)} ${unit} (target <= ${most} ${unit})`, value <= most);
}

/** A part of the check; what it throws is missed, and the others go on. */
export async function part(name, run) {
  console.log(`\n${name}`);
  try {
    await run();
  } catch (error) {
    check(name, false, error.message);
  }
}

/** Takes a picture of the page, all of it or what is in sight. */
export async function picture(
  page,
  name,
  { width = 1280, height = 800, dark = false, all = true } = {},
) {
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: dark ? "dark" : "light" },
  ]);
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 200))),
  );
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: all });
}

export function finish() {
  console.log(`\n${missed ? `${missed} missed` : "all met"}; the pictures are in ${PICTURES}`);
  return missed ? 1 : 0;
}
