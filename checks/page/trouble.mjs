// What the page does where the service wants a key, is busy, breaks off, stops, or has text. The front
// answers in the service's place.

import { setTimeout as sleep } from "node:timers/promises";
import { dropFiles, isShown, openPage, settled, shownGroups, textOf, until } from "./browser.mjs";
import { PHOTOS, named, vectorsOf } from "./photos.mjs";
import { check, part, picture, same } from "./report.mjs";

const KEY = "a key";
const OPEN = /^\/($|page\/|readyz|livez|metrics)/;
/** Chromium tells of each answer that is an error; here they are meant. */
const MEANT = { expected: [/^console: Failed to load resource/] };

const wantKey = ({ path, headers }) =>
  OPEN.test(path) || headers.authorization === `Bearer ${KEY}`
    ? null
    : { status: 401, body: { detail: "This service wants a key", code: "unauthorized" } };

async function withPage(browser, front, answer, run) {
  front.answer = answer;
  const { page, faults, close } = await openPage(browser, front.url, MEANT);
  await run(page);
  same("no error, violation or request to elsewhere", faults, []);
  await close();
  front.answer = null;
}

const giveKey = async (page, text) => {
  await page.focus("#key");
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
};

async function key(browser, front) {
  await withPage(browser, front, wantKey, async (page) => {
    await until(page, () => document.getElementById("key-form").checkVisibility());
    same("the state says so", await textOf(page, "state"), "Needs a key");
    await dropFiles(page, "#drop", [named("cat.png"), named("cat.gif")]);
    await until(page, () => document.getElementById("progress-hint").textContent.includes("key"));
    await picture(page, "key");
    await picture(page, "key-telephone-dark", { width: 360, height: 740, dark: true });
    await giveKey(page, "another key");
    await until(page, () =>
      document.getElementById("key-hint").textContent.includes("did not take"),
    );
    same("it is in no storage unless asked", await page.evaluate(() => sessionStorage.length), 0);
    await page.focus("#keep-key");
    await page.keyboard.press("Space");
    await giveKey(page, KEY);
    await settled(page);
    same(
      "with the key the photos are embedded",
      await textOf(page, "progress-text"),
      "2 photos embedded",
    );
    check("the field is gone", !(await isShown(page, "key-form")));
    await page.reload();
    await until(page, () => document.getElementById("state").textContent.startsWith("Ready"));
    check("kept when asked", !(await isShown(page, "key-form")));
  });
}

async function busy(browser, front) {
  let refusals = 3;
  const answer = ({ path }) => {
    if (!path.startsWith("/embed/batch") || refusals === 0) return null;
    refusals -= 1;
    const body = { detail: "about 8 s of work wait already", code: "busy" };
    return { status: refusals % 2 ? 429 : 503, headers: { "retry-after": "1" }, body };
  };
  await withPage(browser, front, answer, async (page) => {
    await dropFiles(page, "#drop", PHOTOS.slice(0, 8));
    await until(page, () =>
      document.getElementById("progress-hint").textContent.includes("trying again in 1 s"),
    );
    check(
      "its reason is told",
      (await textOf(page, "progress-hint")).includes("about 8 s of work"),
    );
    await picture(page, "busy");
    await settled(page);
    same("then all are embedded", await textOf(page, "progress-text"), "8 photos embedded");
  });
}

async function breaks(browser, front) {
  // By time and not by number: a browser asks again by itself where a connection was cut.
  let back = Infinity;
  const answer = ({ path }) => {
    if (path.startsWith("/embed/batch")) back = Math.min(back, Date.now() + 1500);
    return /^\/(embed|livez)/.test(path) && Date.now() < back ? "cut" : null;
  };
  await withPage(browser, front, answer, async (page) => {
    await dropFiles(page, "#drop", PHOTOS.slice(0, 5));
    await until(page, () =>
      document.getElementById("progress-hint").textContent.includes("cannot be reached"),
    );
    await settled(page);
    same("then all are embedded", await textOf(page, "progress-text"), "5 photos embedded");
  });
}

async function tooLarge(browser, front) {
  const answer = ({ path, body }) => {
    if (!path.startsWith("/embed/batch")) return null;
    const text = body.toString("latin1");
    const files = text.match(/filename="/g).length;
    if (files === 1 && !text.includes('filename="cat.gif"')) return null;
    return {
      status: 413,
      body: { detail: `${files} images are too many`, code: "too_many_images" },
    };
  };
  await withPage(browser, front, answer, async (page) => {
    await dropFiles(page, "#drop", [named("cat.png"), named("cat.gif"), named("cat-palette.png")]);
    await settled(page);
    same(
      "the others are embedded one by one",
      await textOf(page, "progress-text"),
      "2 photos embedded · 1 could not be",
    );
    check(
      "the one at fault has its reason",
      (await textOf(page, "failure-list")).includes("cat.gif1 images are too many"),
    );
  });
}

async function cancelled(browser, front) {
  const answer = ({ path }) => path.startsWith("/embed/batch") && sleep(500);
  await withPage(browser, front, answer, async (page) => {
    await dropFiles(page, "#drop", PHOTOS);
    await until(page, () => /^[1-9]/.test(document.getElementById("progress-text").textContent));
    await page.focus("#cancel");
    await page.keyboard.press("Enter");
    await settled(page);
    const text = await textOf(page, "progress-text");
    check("those that had answers stay", /^([1-9]|1\d) photos embedded$/.test(text), text);
    same("the focus is not lost", await page.evaluate(() => document.activeElement.id), "clear");
    front.answer = null;
    await dropFiles(page, "#drop", PHOTOS);
    await until(
      page,
      () => document.getElementById("progress-text").textContent === "21 photos embedded",
    );
    check("the others can be dropped again", true);
  });
}

async function withoutWorker(browser, front) {
  const answer = ({ path }) => path === "/page/tree-worker.js" && { status: 404, body: {} };
  await withPage(browser, front, answer, async (page) => {
    await until(page, () => document.getElementById("no-groups").checkVisibility());
    await dropFiles(page, "#drop", PHOTOS.slice(0, 5));
    await settled(page);
    same("the photos are shown", await textOf(page, "rest-title"), "5 photos without a duplicate");
  });
}

async function words(browser, front) {
  const vectors = await vectorsOf(front.url);
  let asked = null;
  const answer = async ({ path, body }) => {
    if (path === "/model-info") {
      const info = await (await fetch(new URL("model-info", front.upstream))).json();
      return { body: { ...info, text: asked ? "ready" : "on_demand" } };
    }
    if (path !== "/embed/text") return null;
    asked = JSON.parse(body.toString());
    // As long as a model of text takes to load.
    await sleep(300);
    return { body: { embeddings: [vectors.get("rocket.webp")], model_info: {}, count: 1 } };
  };
  await withPage(browser, front, answer, async (page) => {
    await dropFiles(page, "#drop", PHOTOS);
    await settled(page);
    check("there is a field for words", await isShown(page, "search"));
    await page.focus("#query");
    await page.keyboard.type("a rocket at night");
    await page.keyboard.press("Enter");
    await until(page, () =>
      document.getElementById("search-hint").textContent.includes("text model is loaded"),
    );
    await until(page, () => document.getElementById("found").checkVisibility());
    same("the words are sent as they are", asked, { texts: ["a rocket at night"] });
    const names = await page.$$eval("#found-list .name", (all) =>
      all.map((name) => name.textContent),
    );
    same("all photos are found", [...names].sort(), [...vectors.keys()].sort());
    const order = [...vectors.keys()].sort((a, b) => dot(vectors, b) - dot(vectors, a));
    same("in the order of their cosines", names, order);
    await picture(page, "search");
    await picture(page, "search-telephone-dark", { width: 360, height: 740, dark: true });
    await page.focus("#end-search");
    await page.keyboard.press("Enter");
    await until(page, () => document.getElementById("groups").checkVisibility());
    check("the groups come back", (await shownGroups(page)).length > 0);
  });
}

const dot = (vectors, name) =>
  vectors
    .get(name)
    .reduce((sum, value, index) => sum + value * vectors.get("rocket.webp")[index], 0);

export async function trouble(browser, front) {
  await part("A service that wants a key", () => key(browser, front));
  await part("A service that is busy", () => busy(browser, front));
  await part("A service that breaks off", () => breaks(browser, front));
  await part("A request that is too large", () => tooLarge(browser, front));
  await part("Cancel", () => cancelled(browser, front));
  await part("A browser that does not run the worker", () => withoutWorker(browser, front));
  await part("Search by words", () => words(browser, front));
}
