// Small helpers: elements, and numbers as people read them.

export const byId = (id) => document.getElementById(id);

/** An element with these properties and children; children that are null are left out. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(number);

/** `1 photo`, `12 photos`. */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A cosine, with more digits where more of them are nines; sums of rounded numbers may be above 1. */
export const cosineText = (cosine) => Math.min(cosine, 1).toFixed(cosine < 0.999 ? 4 : 5);

export function bytesText(bytes) {
  for (const [unit, size] of [
    ["MB", 1e6],
    ["kB", 1e3],
  ]) {
    if (bytes >= size) {
      const amount = bytes / size;
      return `${amount.toFixed(amount < 10 ? 1 : 0)} ${unit}`;
    }
  }
  return `${bytes} B`;
}

export function timeText(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

/** Makes `nodes` the children of `parent`; those that are in their place already are not touched. */
export function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    const there = parent.children[index];
    if (there !== node) parent.insertBefore(node, there ?? null);
  });
}

/** Has a screen reader say something, when it has time. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Runs `work` once before the next frame, however often it is asked for. */
export function onNextFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/** Runs `work` at most once in so many milliseconds, the last time after the last asking. */
export function atMostEvery(milliseconds, work) {
  let last = -Infinity;
  let timer = null;
  return () => {
    if (timer !== null) return;
    const run = () => {
      timer = null;
      last = performance.now();
      work();
    };
    timer = setTimeout(run, Math.max(0, last + milliseconds - performance.now()));
  };
}
