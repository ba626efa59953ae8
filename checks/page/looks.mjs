// Whether everybody can use it: axe's rules of WCAG 2.2 AA in light and dark and on a telephone,
// nothing wider than the screen, no motion for those who want none.

import axe from "axe-core";
import { dropFiles, isShown, openPage, settled, textOf, until } from "./browser.mjs";
import { PHOTOS, brokenFiles, named } from "./photos.mjs";
import { PICTURES, check, part, same } from "./report.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function violations(page) {
  await page.evaluate(axe.source);
  const { violations: found } = await page.evaluate(
    (values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }),
    RULES,
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(", ")}`);
}

// A colour on its way to another one has a contrast of its own.
const NO_MOTION = { name: "prefers-reduced-motion", value: "reduce" };

const SCREENS = [
  { name: "wide", width: 1600, height: 900, dark: false },
  { name: "wide and dark", width: 1600, height: 900, dark: true },
  { name: "a telephone", width: 360, height: 740, dark: false },
  { name: "a dark telephone", width: 360, height: 740, dark: true },
  { name: "a small telephone", width: 320, height: 568, dark: false },
];

async function checkScreens(page, what) {
  for (const { name, width, height, dark } of SCREENS) {
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: dark ? "dark" : "light" },
      NO_MOTION,
    ]);
    same(`${what}, ${name}: rules of accessibility`, await violations(page), []);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    same(`${what}, ${name}: nothing beyond the edge`, Math.max(0, wider), 0);
  }
}

const TELEPHONE = { width: 360, height: 740, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

async function touched(browser, front) {
  const { page, faults, close } = await openPage(browser, front.url, { screen: TELEPHONE });
  await until(page, () => document.getElementById("state").textContent.startsWith("Ready"));
  same("nothing is said of dropping", await textOf(page, "call"), "Add photos");
  check("no folder is to be chosen", !(await isShown(page, "folder-label")));
  await page.screenshot({ path: `${PICTURES}/telephone-empty.png` });
  await (
    await page.$("#files")
  ).uploadFile(named("cat.png"), named("cat.gif"), named("rocket.webp"));
  await settled(page);
  await page.tap("#groups-list .card:nth-child(2) .photo");
  same("a photo opens by a tap", await textOf(page, "viewer-title"), "cat.gif");
  await page.tap("#viewer-close");
  await page.screenshot({ path: `${PICTURES}/telephone.png` });
  same("no error, violation or request to elsewhere", faults, []);
  await close();
}

export async function looks(browser, front) {
  await part("A telephone", () => touched(browser, front));
  await part("For everybody", async () => {
    const { page, close } = await openPage(browser, front.url);
    await page.emulateMediaFeatures([NO_MOTION]);
    const moving = await page.$$eval(
      "*",
      (all) =>
        all.filter((each) =>
          getComputedStyle(each)
            .transitionDuration.split(",")
            .some((time) => parseFloat(time) > 0),
        ).length,
    );
    same("no motion for those who want none", moving, 0);
    await checkScreens(page, "empty");
    await dropFiles(page, "#drop", [...PHOTOS, ...(await brokenFiles())]);
    await settled(page);
    await checkScreens(page, "with photos");
    await page.click("#groups-list .group .card:nth-child(2) .photo");
    await checkScreens(page, "one photo");
    await page.keyboard.press("Escape");
    await page.setViewport({ width: 1280, height: 800 });
    await page.click("#service summary");
    same("the service's state: rules of accessibility", await violations(page), []);
    await close();
  });
}
