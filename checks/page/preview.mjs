// Shows the page's files as they are on disk, before a running service: for work on the page without
// a build. node checks/page/preview.mjs [http://127.0.0.1:8002]

import { readFile } from "node:fs/promises";
import { openFront } from "./front.mjs";

const upstream = process.argv[2] ?? "http://127.0.0.1:8002";
const folder = new URL("../../src/http/page/", import.meta.url);
const { headers } = await fetch(new URL("/", upstream));
const policy = { "content-security-policy": headers.get("content-security-policy") ?? "" };
const types = { css: "text/css", html: "text/html", js: "text/javascript", svg: "image/svg+xml" };

const front = await openFront(upstream);
front.answer = async ({ path }) => {
  const name = path === "/" ? "index.html" : /^\/page\/([a-z-]+\.[a-z]+)$/.exec(path)?.[1];
  if (!name) return null;
  const body = await readFile(new URL(name, folder), "utf8").catch(() => null);
  return (
    body && {
      headers: { ...policy, "content-type": `${types[name.split(".").at(-1)]}; charset=utf-8` },
      body,
    }
  );
};
console.log(front.url);
