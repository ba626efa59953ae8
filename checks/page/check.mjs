// The page at / in a browser: node check.mjs http://127.0.0.1:PORT, of a service with --pretrained
// random. checks/page.sh starts both.

import { openBrowser } from "./browser.mjs";
import { openFront } from "./front.mjs";
import { grouping } from "./grouping.mjs";
import { looks } from "./looks.mjs";
import { many } from "./many.mjs";
import { finish } from "./report.mjs";
import { trouble } from "./trouble.mjs";

const front = await openFront(process.argv[2]);
const browser = await openBrowser();
const only = process.argv[3];
for (const run of [grouping, trouble, looks, many]) {
  if (!only || run.name === only) await run(browser, front);
}
await browser.close();
front.close();
process.exit(finish());
