// The maximum spanning tree of photos by cosine, grown photo by photo (Kruskal 1956).
//
// Photos that hang together by pairs of at least some cosine are the same in the tree as in the
// graph of all pairs. So n - 1 edges answer every threshold, where pairs would be n * n / 2.

/** Sets of numbers from 0 that can be joined. */
export class Sets {
  constructor(size) {
    this.parent = Uint32Array.from({ length: size }, (_, index) => index);
  }

  find(item) {
    const { parent } = this;
    while (parent[item] !== item) {
      parent[item] = parent[parent[item]];
      item = parent[item];
    }
    return item;
  }

  /** Whether they were apart. */
  join(a, b) {
    const [first, second] = [this.find(a), this.find(b)];
    this.parent[second] = first;
    return first !== second;
  }
}

/** The cosine of two vectors of norm 1. */
export function cosine(a, b) {
  // Four sums, since one alone would wait for itself at each step.
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let at = 0;
  for (; at + 3 < a.length; at += 4) {
    s0 += a[at] * b[at];
    s1 += a[at + 1] * b[at + 1];
    s2 += a[at + 2] * b[at + 2];
    s3 += a[at + 3] * b[at + 3];
  }
  for (; at < a.length; at += 1) s0 += a[at] * b[at];
  return s0 + s1 + (s2 + s3);
}

export class Tree {
  constructor() {
    this.vectors = [];
    /** Edges in falling order of their cosines. */
    this.from = new Uint32Array(0);
    this.to = new Uint32Array(0);
    this.cosine = new Float32Array(0);
  }

  /** Adds a photo: its edges to all others are held against those of the tree. */
  add(vector) {
    const added = this.vectors.length;
    const cosines = Float32Array.from(this.vectors, (other) => cosine(vector, other));
    const order = Uint32Array.from(cosines, (_, index) => index);
    order.sort((a, b) => cosines[b] - cosines[a]);
    this.vectors.push(vector);

    const [from, to] = [new Uint32Array(added), new Uint32Array(added)];
    const kept = new Float32Array(added);
    const sets = new Sets(added + 1);
    let [old, fresh, length] = [0, 0, 0];
    while (length < added) {
      const takeOld = old < this.cosine.length && this.cosine[old] >= cosines[order[fresh]];
      const [a, b, value] = takeOld
        ? [this.from[old], this.to[old], this.cosine[old]]
        : [order[fresh], added, cosines[order[fresh]]];
      if (takeOld) old += 1;
      else fresh += 1;
      if (sets.join(a, b)) {
        from[length] = a;
        to[length] = b;
        kept[length] = value;
        length += 1;
      }
    }
    [this.from, this.to, this.cosine] = [from, to, kept];
  }
}
