// The photos as they are shown: in groups and without a duplicate, or by a search.

import { groupOf, plainCard } from "./cards.js";
import { announce, byId, cosineText, counted, place } from "./dom.js";
import { asCsv, asJson, save } from "./export.js";
import { ranked } from "./groups.js";

/** So many groups and photos are shown at first, and as many more at a press. */
const GROUPS_AT_ONCE = 40;
const PHOTOS_AT_ONCE = 120;
/** So many photos of a group are shown before it is opened. */
const OF_A_GROUP = 12;

export class Results {
  #groups = { groups: [], rest: [] };
  #shown = {};
  // The representatives of groups that were opened.
  #opened = new WeakSet();
  // The groups as they were last drawn, by their representatives: what has not changed is kept.
  #drawn = new Map();
  #next = new Map();
  #announcing;

  constructor({ library, threshold, search, viewer }) {
    Object.assign(this, { library, threshold, search, viewer });
    byId("export-json").addEventListener("click", () => {
      const text = asJson(this.#groups, library.failed, threshold.value, library.model);
      save(text, "groups.json", "application/json");
    });
    byId("export-csv").addEventListener("click", () => {
      save(asCsv(this.#groups), "groups.csv", "text/csv");
    });
  }

  /** Shows the beginnings of all lists, no longer what was added at a press. */
  startOver() {
    this.#shown = {};
  }

  show() {
    const focused = document.activeElement;
    const empty = this.library.embedded.length === 0;
    const searching = this.search.current !== null && !empty;
    this.#groups = this.library.groupsAt(this.threshold.value);
    byId("tools").hidden = empty;
    byId("found").hidden = !searching;
    byId("groups").hidden = searching || empty;
    byId("rest").hidden = searching || this.#groups.rest.length === 0;
    if (searching) this.#showFound();
    else this.#showGroups();
    // A card that was moved has lost the focus.
    if (focused !== document.activeElement && focused?.isConnected) {
      focused.focus({ preventScroll: true });
    }
  }

  #showFound() {
    const { text, vector } = this.search.current;
    // The cards of the groups move to what is found.
    this.#drawn = new Map();
    byId("found-title").textContent = `“${text}”`;
    const card = ({ photo, cosine }) => plainCard(photo, cosine, () => this.viewer.open(photo));
    this.#list("found", ranked(this.library.embedded, vector), PHOTOS_AT_ONCE, card);
  }

  #showGroups() {
    const { groups, rest } = this.#groups;
    byId("groups-title").textContent = this.#summary();
    byId("groups-hint").textContent =
      groups.length === 0
        ? `None at a cosine of ${this.threshold.value} or more. Lower the threshold to find photos that are less alike.`
        : "Best has the most pixels, else the largest file; the others show their cosine with it. Press a photo to see both.";
    for (const id of ["export-json", "export-csv"]) byId(id).hidden = groups.length === 0;
    this.#next = new Map();
    this.#list("groups", groups, GROUPS_AT_ONCE, (group, index) => this.#group(group, index + 1));
    this.#drawn = this.#next;
    byId("rest-title").textContent = `${counted(rest.length, "photo")} without a duplicate`;
    const card = (photo) => plainCard(photo, null, () => this.viewer.open(photo));
    this.#list("rest", rest, PHOTOS_AT_ONCE, card);
  }

  #group(group, number) {
    const members = [group.first, ...group.others.map(({ photo }) => photo)];
    const before = this.#drawn.get(group.first);
    const opened = this.#opened.has(group.first);
    const kept =
      before?.number === number &&
      before.opened === opened &&
      before.members.length === members.length &&
      before.members.every((photo, index) => photo === members[index]);
    const drawn = kept ? before : { number, opened, members, item: this.#draw(group, number) };
    this.#next.set(group.first, drawn);
    return drawn.item;
  }

  #draw(group, number) {
    const most = this.#opened.has(group.first) ? Infinity : OF_A_GROUP;
    const expand = () => {
      this.#opened.add(group.first);
      this.show();
    };
    const open = (photo, other) => this.viewer.open(photo, other);
    return groupOf(group, number, { open, most, expand });
  }

  #summary() {
    const { groups, rest } = this.#groups;
    if (groups.length === 0) return "No near-duplicates";
    const photos = this.library.embedded.length - rest.length;
    return `${counted(groups.length, "group")} of ${counted(photos, "photo")}`;
  }

  /** Shows the first items of a list, and a button for more of them. */
  #list(name, items, step, make) {
    const most = this.#shown[name] ?? step;
    place(byId(`${name}-list`), items.slice(0, most).map(make));
    const more = byId(`${name}-more`);
    const left = items.length - most;
    more.hidden = left <= 0;
    more.textContent = `Show ${Math.min(left, step)} more of ${left}`;
    more.onclick = () => {
      this.#shown[name] = most + step;
      this.show();
    };
  }

  /** Reads out what the threshold has come to, once it rests. */
  readOut() {
    clearTimeout(this.#announcing);
    const say = () => announce(`${this.#summary()} at ${cosineText(this.threshold.value)}`);
    this.#announcing = setTimeout(say, 600);
  }
}
