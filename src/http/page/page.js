// The page, put together: what comes in goes to the service, and what comes back is shown.

import { refreshCard } from "./cards.js";
import { announce, atMostEvery, byId, count, counted, onNextFrame } from "./dom.js";
import { watchIntake } from "./intake.js";
import { Library, MOST_PHOTOS } from "./library.js";
import { Progress } from "./progress.js";
import { Results } from "./results.js";
import { Search } from "./search.js";
import { hasKey, useKey } from "./service.js";
import { watchService } from "./state.js";
import { Threshold } from "./threshold.js";
import { forgetWaiting, makeThumbnail } from "./thumbnails.js";
import { Uploads } from "./uploads.js";
import { Viewer } from "./viewer.js";

const showResults = onNextFrame(() => results.show());
const showProgress = onNextFrame(() => progress.show());
// While photos come in by the dozen the lists need not follow each of them.
const showGrowth = atMostEvery(400, showResults);

const library = new Library(takeTree, () => {
  byId("no-groups").hidden = false;
});
const uploads = new Uploads({ embedded: takeVector, failed: takeFailure, changed: takeChange });
const threshold = new Threshold(() => {
  showResults();
  results.readOut();
});
const search = new Search(() => {
  results.startOver();
  showResults();
  if (search.current) announce(`The photos are in the order of “${search.current.text}”`);
  if (search.wantsKey) askForKey();
});
const viewer = new Viewer(() => library.embedded);
const progress = new Progress(library, uploads);
const results = new Results({ library, threshold, search, viewer });
const lookAgain = watchService(takeState);
watchIntake(takeFiles);

// === What comes in ===

function takeFiles({ found, skipped }) {
  const { fresh, known, over } = library.add(found);
  const leftOut = leftOutText(skipped, known, over);
  byId("told").hidden = leftOut === "";
  byId("told").textContent = leftOut;
  announce(`${counted(fresh.length, "photo")} added. ${leftOut}`);
  uploads.add(fresh);
  for (const photo of fresh) {
    makeThumbnail(photo.file, (made) => {
      if (library.setThumbnail(photo, made)) refreshCard(photo);
      // Another photo may stand for its group now.
      if (photo.status === "embedded") showGrowth();
    });
  }
}

function leftOutText(skipped, known, over) {
  const are = (number, one, many) => (number === 1 ? one : many);
  const parts = [
    known && `${counted(known, "photo")} that ${are(known, "is", "are")} here already`,
    skipped && `${counted(skipped, "file")} that ${are(skipped, "is no photo", "are no photos")}`,
    over && `${counted(over, "photo")} above the ${count(MOST_PHOTOS)} that a page holds`,
  ].filter(Boolean);
  return parts.length === 0 ? "" : `Left out: ${parts.join("; ")}.`;
}

function takeVector(photo, vector, model) {
  if (!library.fits(model)) {
    byId("other-model").hidden = false;
    takeFailure(photo, "it was embedded by another model than the photos before it");
    return;
  }
  library.setVector(photo, vector, model);
  takeChange();
  progress.readOut();
}

function takeTree(cosines) {
  threshold.show(cosines);
  showGrowth();
}

function takeFailure(photo, reason) {
  library.setFailure(photo, reason);
  takeChange();
  progress.readOut();
}

function takeChange() {
  showProgress();
  if (uploads.held?.kind === "key") askForKey();
}

function takeState({ model, needsKey }) {
  if (model) {
    search.offer(model.text);
    byId("seeded").hidden = model.weights !== "seeded";
    byId("other-model").hidden = library.fits(model);
  }
  const wanted = needsKey || search.wantsKey || uploads.held?.kind === "key";
  if (wanted) askForKey();
  else if (model) byId("key-form").hidden = true;
}

function askForKey() {
  const form = byId("key-form");
  if (!form.hidden) return;
  form.hidden = false;
  if (hasKey())
    byId("key-hint").textContent = "The service did not take this key. Try another one.";
  if (document.activeElement === document.body) byId("key").focus();
}

// === What a person does ===

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(byId("key").value.trim(), byId("keep-key").checked);
  byId("key").value = "";
  byId("key-form").hidden = true;
  uploads.resume();
  lookAgain();
});

byId("cancel").addEventListener("click", () => {
  uploads.cancel();
  const left = library.dropWaiting();
  announce(`Cancelled: ${counted(left, "photo")} not embedded`);
  showProgress();
  byId("clear").focus();
});

byId("clear").addEventListener("click", () => {
  uploads.cancel();
  forgetWaiting();
  library.clear();
  threshold.show([]);
  search.end();
  results.startOver();
  for (const id of ["told", "other-model"]) byId(id).hidden = true;
  showProgress();
  showResults();
  announce("All photos were taken off the page");
  byId("files").focus();
});

addEventListener("beforeunload", (event) => {
  if (uploads.busy) event.preventDefault();
});
