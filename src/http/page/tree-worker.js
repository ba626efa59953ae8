// Grows the tree beside the page, so that the page stays smooth.

import { Tree } from "./tree.js";

let tree = new Tree();
let round;
let telling = null;

self.addEventListener("message", ({ data }) => {
  round = data.round;
  if (data.vectors === null) tree = new Tree();
  else for (const vector of data.vectors) tree.add(vector);
  // What waits here already is taken in first: the whole tree goes back each time.
  telling ??= setTimeout(tell, 50);
});

function tell() {
  telling = null;
  const { from, to, cosine } = tree;
  self.postMessage({ round, from, to, cosine });
}
