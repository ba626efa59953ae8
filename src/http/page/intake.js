// The ways in: files that are dropped anywhere, chosen, or pasted.

import { byId } from "./dom.js";
import { chosen, dropped, pasted } from "./files.js";

const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");

/** Calls `take({ found, skipped })` for whatever comes in. */
export function watchIntake(take) {
  for (const id of ["files", "folder"]) {
    byId(id).addEventListener("change", ({ target }) => {
      take(chosen(target));
      // The same choice again is a choice too.
      target.value = "";
    });
  }
  // On a telephone nothing is dropped, and there are no folders to choose.
  const touch = matchMedia("(pointer: coarse)").matches;
  if (touch) byId("call").textContent = "Add photos";
  byId("paste").hidden = touch;
  byId("folder-label").hidden = touch || !("webkitdirectory" in byId("folder"));
  addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData?.files.length > 0) take(pasted(clipboardData));
  });
  watchDrops(take);
}

function watchDrops(take) {
  const zone = byId("drop");
  // Each element on the way is entered before the one before it is left.
  let inside = 0;
  const on = (name, act) =>
    addEventListener(name, (event) => {
      if (hasFiles(event)) act(event);
    });
  on("dragenter", () => {
    inside += 1;
    zone.classList.add("over");
  });
  on("dragleave", () => {
    inside -= 1;
    zone.classList.toggle("over", inside > 0);
  });
  on("dragover", (event) => event.preventDefault());
  on("drop", async (event) => {
    event.preventDefault();
    inside = 0;
    zone.classList.remove("over");
    take(await dropped(event.dataTransfer));
  });
}
