// Two thousand photos: the threshold still moves smoothly. Their vectors are the front's, in clusters.

import { openPage, textOf, until } from "./browser.mjs";
import { atMost, check, part, same } from "./report.mjs";

const PHOTOS = 2000;
const CLUSTER = 4;
const NUMBERS = 512;

/** Numbers of a seed, evenly from -1 to 1. */
function numbers(seed) {
  let state = seed * 2654435761 + 1;
  return Array.from({ length: NUMBERS }, () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) | 0;
    return state / 2 ** 31;
  });
}

/** The vector of a photo: that of its cluster, and a little of its own. */
function vector(index) {
  const own = numbers(index + 100_000);
  const mixed = numbers(Math.floor(index / CLUSTER)).map((value, at) => value + own[at] * 0.15);
  const norm = Math.hypot(...mixed);
  return mixed.map((value) => value / norm);
}

const MODEL = {
  model_name: "m",
  pretrained: "p",
  activation: "gelu",
  precision: "f32",
  embedding_dim: NUMBERS,
};

export async function many(browser, front) {
  await part("Two thousand photos", async () => {
    front.answer = ({ path, body }) => {
      if (!path.startsWith("/embed/batch")) return null;
      const indices = [...body.toString("latin1").matchAll(/filename="photo-(\d+)\.svg"/g)];
      const embeddings = indices.map(([, index]) => vector(Number(index)));
      return { body: { embeddings, model_info: MODEL, count: embeddings.length, errors: [] } };
    };
    const { page, close } = await openPage(browser, front.url, { expected: [/./] });
    await page.evaluate((photos) => {
      const transfer = new DataTransfer();
      const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>';
      for (let index = 0; index < photos; index += 1) {
        transfer.items.add(new File([drawing], `photo-${index}.svg`, { type: "image/svg+xml" }));
      }
      const input = document.getElementById("files");
      input.files = transfer.files;
      input.dispatchEvent(new Event("change"));
    }, PHOTOS);
    await until(
      page,
      () => document.getElementById("progress-text").textContent === "2,000 photos embedded",
    );
    await until(
      page,
      () => document.getElementById("groups-title").textContent === "500 groups of 2,000 photos",
    );
    same(
      "all clusters are found",
      await textOf(page, "groups-title"),
      "500 groups of 2,000 photos",
    );
    const steps = await page.evaluate(async () => {
      const slider = document.getElementById("threshold");
      const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      const times = [];
      for (let position = 60; position < 260; position += 4) {
        const begin = performance.now();
        slider.value = String(position);
        slider.dispatchEvent(new Event("input"));
        await painted();
        times.push(performance.now() - begin);
      }
      return times.sort((a, b) => a - b);
    });
    atMost("a step of the threshold, 95 of 100", steps[Math.floor(steps.length * 0.95)], 100, "ms");
    const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    check(`the page does not grow with the photos: ${nodes} elements`, nodes < 6000);
    await close();
    front.answer = null;
  });
}
