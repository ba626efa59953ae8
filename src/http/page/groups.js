// Groups of photos at a threshold, from the edges of their tree, and the order of photos by a vector.

import { Sets, cosine } from "./tree.js";

export const NO_EDGES = { from: [], to: [], cosine: [] };

/** Whether `a` stands for its group rather than `b`: more pixels, else a larger file. */
const better = (a, b) => {
  const pixels = a.pixels - b.pixels;
  return pixels === 0 ? a.file.size > b.file.size : pixels > 0;
};

/**
 * The groups of two photos and more, in the order in which their first photos came, and the photos
 * without a duplicate. The first photo of a group is its representative, the others follow by their
 * cosines with it.
 */
export function groupsAt(photos, edges, threshold) {
  const sets = new Sets(photos.length);
  // Edges fall; the first below the threshold ends them.
  for (let at = 0; at < edges.cosine.length && edges.cosine[at] >= threshold; at += 1) {
    sets.join(edges.from[at], edges.to[at]);
  }
  const members = new Map();
  photos.forEach((photo, index) => {
    const set = sets.find(index);
    if (members.has(set)) members.get(set).push(photo);
    else members.set(set, [photo]);
  });
  const all = [...members.values()];
  const rest = all.filter((each) => each.length === 1).flat();
  return { groups: all.filter((each) => each.length > 1).map(ordered), rest };
}

function ordered(photos) {
  const first = photos.reduce((best, photo) => (better(photo, best) ? photo : best));
  const others = photos
    .filter((photo) => photo !== first)
    .map((photo) => ({ photo, cosine: cosine(photo.vector, first.vector) }))
    .sort((a, b) => b.cosine - a.cosine);
  return { first, others };
}

/** Photos and their cosines with `vector`, the nearest first. */
export function ranked(photos, vector) {
  return photos
    .map((photo) => ({ photo, cosine: cosine(photo.vector, vector) }))
    .sort((a, b) => b.cosine - a.cosine);
}
