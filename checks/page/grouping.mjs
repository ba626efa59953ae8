// Photos are dropped, embedded with progress, grouped as brute force groups them, at whichever
// threshold; shown one beside the other; saved. All by keyboard but for the drop.

import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  dropFiles,
  isShown,
  openPage,
  quiet,
  settled,
  shownGroups,
  textOf,
  until,
} from "./browser.mjs";
import {
  PHOTOS,
  brokenFiles,
  cosine,
  folderOfPhotos,
  groupsOf,
  inOrder,
  named,
  vectorsOf,
} from "./photos.mjs";
import { check, part, picture, same } from "./report.mjs";

const threshold = (page) => page.$eval("#exact", (field) => field.valueAsNumber);

/** The groups that are shown are those of the threshold that is shown. */
async function checkGroups(page, vectors, when) {
  await quiet(page);
  // Of a large group not all are shown at first.
  await page.$$eval("#groups-list .more", (buttons) => buttons.forEach((button) => button.click()));
  const at = await threshold(page);
  same(`groups ${when} (${at})`, inOrder(await shownGroups(page)), inOrder(groupsOf(vectors, at)));
}

export async function grouping(browser, front) {
  const vectors = await vectorsOf(front.url);
  const { page, faults, close } = await openPage(browser, front.url);

  await part("An empty page", async () => {
    await until(page, () => document.getElementById("state").textContent.startsWith("Ready"));
    same("the model is named", await textOf(page, "state"), "Ready · ViT-B-32");
    check("seeded weights are warned of", await isShown(page, "seeded"));
    check("no search where text is off", !(await isShown(page, "search")));
    for (const id of ["progress", "groups", "rest", "failures", "key-form"]) {
      check(`no ${id} yet`, !(await isShown(page, id)));
    }
    const links = await page.$$eval("nav a", (all) => all.map((link) => link.getAttribute("href")));
    same("links to what the service tells", links, ["docs", "openapi.json", "metrics"]);
    check(
      "it is said that vectors stay here",
      (await textOf(page, "drop")).includes("stay in this tab"),
    );
    await picture(page, "empty");
    await picture(page, "empty-dark", { dark: true });
    await page.setViewport({ width: 1280, height: 800 });
  });

  await part("Photos are dropped", async () => {
    const most = { requests: 0, photos: 0 };
    let requests = 0;
    front.answer = async ({ path, body }) => {
      if (!path.startsWith("/embed/batch")) return;
      requests += 1;
      most.requests = Math.max(most.requests, requests);
      most.photos = Math.max(most.photos, body.toString("latin1").match(/filename="/g).length);
      // Slow enough to see the progress.
      await sleep(400);
      requests -= 1;
    };
    await dropFiles(page, "#drop", [...PHOTOS, ...(await brokenFiles())]);
    await until(page, () =>
      /^[1-9]\d* of 23 photos/.test(document.getElementById("progress-text").textContent),
    );
    check("there is a bar", await isShown(page, "bar"));
    await picture(page, "progress");
    await settled(page);
    front.answer = null;
    same(
      "the end is told",
      await textOf(page, "progress-text"),
      "21 photos embedded · 2 could not be",
    );
    const failures = await page.$$eval("#failure-list li", (items) =>
      Object.fromEntries(items.map((item) => [...item.children].map((part) => part.textContent))),
    );
    check("a broken photo has its reason", failures["broken.jpg"]?.includes("truncated"), failures);
    check(
      "what is no photo has its reason",
      failures["notes.png"]?.includes("not an image"),
      failures,
    );
    same("at most two requests at once, of at most four photos", most, { requests: 2, photos: 4 });
  });

  await part("Groups", async () => {
    await checkGroups(page, vectors, "at first");
    const found = await shownGroups(page);
    const coffee = found.find((group) => group.includes("coffee.bmp"));
    same("the one of most pixels stands for its group", coffee?.[0], "coffee-12mp.jpg");
    const badges = await page.$$eval("#groups-list .group", (groups) =>
      groups.map((group) =>
        [...group.querySelectorAll(".badge")].map((badge) => badge.textContent),
      ),
    );
    const right = found.every(([first, ...others], group) =>
      others.every((name, index) => {
        const told = Number(badges[group][index + 1].replace("cosine ", ""));
        return Math.abs(told - cosine(vectors.get(first), vectors.get(name))) < 6e-5;
      }),
    );
    check("each cosine is that with the representative", right, badges);
    const facts = await page.$$eval("#groups-list .card", (cards) =>
      Object.fromEntries(
        cards.map((card) =>
          [".name", ".facts"].map((part) => card.querySelector(part).textContent),
        ),
      ),
    );
    same(
      "a format that the browser cannot show has its size",
      facts["coffee-lzw.tiff"],
      "301 × 203 · 197 kB",
    );
    const rest = await page.$$eval("#rest-list .name", (names) =>
      names.map((name) => name.textContent),
    );
    same(
      "every photo is shown once",
      [...found.flat(), ...rest].sort(),
      [...vectors.keys()].sort(),
    );
    await picture(page, "groups");
    await picture(page, "groups-dark", { dark: true });
    await picture(page, "groups-wide", { width: 1600, height: 900 });
    await picture(page, "groups-telephone", { width: 360, height: 740 });
    await picture(page, "groups-telephone-dark", { width: 360, height: 740, dark: true });
    await picture(page, "groups");
  });

  await part("The threshold by keyboard", async () => {
    await page.focus("#exact");
    await page.keyboard.press("Tab");
    same(
      "the slider comes after the number",
      await page.evaluate(() => document.activeElement.id),
      "threshold",
    );
    for (let step = 0; step < 60; step += 1) await page.keyboard.press("ArrowRight");
    check("arrows move it", (await threshold(page)) > 0.98, await threshold(page));
    await checkGroups(page, vectors, "after arrows to the right");
    await page.keyboard.press("End");
    await checkGroups(page, vectors, "at the end");
    await page.keyboard.press("Home");
    await checkGroups(page, vectors, "at the beginning");
    const said = await page.$eval("#threshold", (slider) => slider.getAttribute("aria-valuetext"));
    same("its value is said as a cosine", said, "0.5");
    for (const value of ["0.92", "0.9993", "1", "0.97"]) {
      await page.$eval("#exact", (field) => field.select());
      await page.type("#exact", value);
      await page.keyboard.press("Enter");
      await checkGroups(page, vectors, "by number");
    }
  });

  await part("One photo beside another, by keyboard", async () => {
    await page.focus("#groups-list .group:nth-child(2) .card:nth-child(2) .photo");
    const name = await page.evaluate(
      () => document.activeElement.querySelector(".name").textContent,
    );
    await page.keyboard.press("Enter");
    same("it has the photo's name", await textOf(page, "viewer-title"), name);
    same("both are shown", await page.$$eval("#viewer-pair figure", (all) => all.length), 2);
    await picture(page, "viewer", { all: false });
    await picture(page, "viewer-telephone", { width: 360, height: 740, dark: true, all: false });
    await picture(page, "viewer", { all: false });
    await page.keyboard.press("Escape");
    check("Escape closes it", !(await isShown(page, "viewer")));
    const focused = await page.evaluate(
      () => document.activeElement.querySelector(".name")?.textContent,
    );
    same("the focus is back at the photo", focused, name);
  });

  await part("The groups as files", async () => {
    const folder = await mkdtemp(join(tmpdir(), "page-check-"));
    const session = await browser.target().createCDPSession();
    const { browserContextId } = await page
      .createCDPSession()
      .then(async (own) => (await own.send("Target.getTargetInfo")).targetInfo);
    await session.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: folder,
      browserContextId,
    });
    const saved = async (button, file) => {
      await page.focus(button);
      await page.keyboard.press("Enter");
      for (let tries = 0; tries < 100; tries += 1) {
        const text = await readFile(join(folder, file), "utf8").catch(() => "");
        if (text) return text;
        await sleep(50);
      }
      throw new Error(`${file} was not saved`);
    };
    const json = JSON.parse(await saved("#export-json", "groups.json"));
    const groups = json.groups.map(({ photos }) => photos.map((photo) => photo.path));
    same("JSON has the groups", inOrder(groups), inOrder(groupsOf(vectors, json.threshold)));
    same("JSON has the model", json.model.weights, "seeded");
    same("JSON has what failed", json.failed.length, 2);
    const csv = (await saved("#export-csv", "groups.csv")).trim().split("\r\n");
    same("CSV has a line for each photo of a group", csv.length, groups.flat().length + 1);
  });

  await part("More photos, and none", async () => {
    const input = await page.$("#files");
    await input.uploadFile(...PHOTOS.slice(0, 3));
    await until(page, () => document.getElementById("told").checkVisibility());
    check(
      "what is here already is left out",
      (await textOf(page, "told")).includes("3 photos that are here already"),
    );
    await page.focus("#clear");
    await page.keyboard.press("Enter");
    await until(page, () => !document.getElementById("progress").checkVisibility());
    check(
      "Clear takes all away",
      !(await isShown(page, "groups")) && !(await isShown(page, "rest")),
    );
    await input.uploadFile(named("cat.png"), named("cat.gif"));
    await settled(page);
    same("after it, groups are of the new photos alone", inOrder(await shownGroups(page)), [
      ["cat.gif", "cat.png"],
    ]);
    await dropFiles(page, "#drop", [await folderOfPhotos()]);
    await until(
      page,
      () => document.getElementById("progress-text").textContent === "4 photos embedded",
    );
    check(
      "of a folder the photos are taken",
      (await textOf(page, "told")).includes("2 files that are no photos"),
    );
    await page.evaluate(
      async (png) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(png)], "image.png", { type: "image/png" }));
        dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
      },
      [...(await readFile(named("one-pixel.png")))],
    );
    await until(
      page,
      () => document.getElementById("progress-text").textContent === "5 photos embedded",
    );
    check("a picture can be pasted", true);
  });

  same("no error, violation or request to elsewhere", faults, []);
  await part("The policy holds", async () => {
    const blocked = await page.evaluate(async () => {
      const violated = [];
      document.addEventListener("securitypolicyviolation", (event) =>
        violated.push(event.effectiveDirective),
      );
      await fetch("http://127.0.0.1:9/").catch(() => {});
      document.body.setAttribute("style", "color: red");
      try {
        document.createElement("script").textContent = "window.ran = true";
      } catch {}
      await new Promise((done) => setTimeout(done, 100));
      return violated.sort();
    });
    same("no other host, no style within, no script from text", blocked, [
      "connect-src",
      "require-trusted-types-for",
      "style-src-attr",
    ]);
  });

  await close();
}
