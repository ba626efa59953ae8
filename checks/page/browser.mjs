// Chromium without a screen, and a page in it that keeps everything that it should not have done.

import { setTimeout as sleep } from "node:timers/promises";
import puppeteer from "puppeteer-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function openBrowser() {
  const args = ["--disable-gpu", "--disable-dev-shm-usage"];
  // Chromium's sandbox refuses to run for root.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  return puppeteer.launch({ executablePath: CHROMIUM, args });
}

const WIDE = { width: 1280, height: 800 };

/** A page at `url` in a context of its own; `faults` are errors, violations and foreign requests. */
export async function openPage(browser, url, { expected = [], screen = WIDE } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const faults = [];
  const fault = (text) => {
    if (!expected.some((each) => each.test(text))) faults.push(text);
  };
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) {
      fault(`console: ${message.text()} ${message.location().url ?? ""}`);
    }
  });
  page.on("pageerror", (error) => fault(`error: ${error.message}`));
  const { origin } = new URL(url);
  page.on("request", (request) => {
    const address = request.url().replace(/^blob:/, "");
    if (!address.startsWith(`${origin}/`)) fault(`request to ${address}`);
  });
  await page.exposeFunction("noteViolation", (text) => fault(`policy: ${text}`));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.noteViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  await page.setViewport(screen);
  await page.goto(url, { waitUntil: "load" });
  return { page, faults, close: () => context.close() };
}

/** Drops files onto the middle of an element, as a person does from a file manager. */
export async function dropFiles(page, selector, files) {
  const session = await page.createCDPSession();
  const box = await (await page.$(selector)).boundingBox();
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, ...at, data });
  }
  await session.detach();
}

export const textOf = (page, id) => page.$eval(`#${id}`, (node) => node.textContent.trim());

export const isShown = (page, id) => page.$eval(`#${id}`, (node) => node.checkVisibility());

/** Waits until `ready`, run in the page, is true. */
export const until = (page, ready, ...values) =>
  page.waitForFunction(ready, { timeout: 60_000, polling: 50 }, ...values);

/** Waits until all photos have their answers and the groups have taken them in. */
export async function settled(page) {
  await until(page, () =>
    document.getElementById("progress-text").textContent.includes(" embedded"),
  );
  await quiet(page);
}

/** Waits until what is shown has not changed for longer than the page lets its lists wait. */
export async function quiet(page) {
  let before = null;
  for (let same = 0; same < 4;) {
    const now = await page.evaluate(() => document.getElementById("results").innerText);
    same = now === before ? same + 1 : 0;
    before = now;
    await sleep(150);
  }
}

/** The groups that are shown: names of photos, the representative first. */
export const shownGroups = (page) =>
  page.$$eval("#groups-list .group", (groups) =>
    groups.map((group) => [...group.querySelectorAll(".name")].map((name) => name.textContent)),
  );
