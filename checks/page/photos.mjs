// The photos that are dropped, and what the groups of them must be: by brute force over all pairs of
// the service's vectors, without any of the page's code.

import { copyFile, mkdir, mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const FOLDER = new URL("../../tests/reference/images/", import.meta.url).pathname;

export const PHOTOS = (await readdir(FOLDER)).sort().map((name) => join(FOLDER, name));

export const named = (name) => join(FOLDER, name);

/** A photo that breaks off, and a text with the name of a photo. */
export async function brokenFiles() {
  const folder = await mkdtemp(join(tmpdir(), "page-check-"));
  const photo = await readFile(named("coffee-422-q50.jpg"));
  const files = [
    [join(folder, "broken.jpg"), photo.subarray(0, 900)],
    [join(folder, "notes.png"), Buffer.from("this is no photo")],
  ];
  for (const [path, content] of files) await writeFile(path, content);
  return files.map(([path]) => path);
}

/** A folder with two photos, one of them in a folder of its own, and two files that are none. */
export async function folderOfPhotos() {
  const folder = join(await mkdtemp(join(tmpdir(), "page-check-")), "holiday");
  await mkdir(join(folder, "first day"), { recursive: true });
  await copyFile(named("rocket.webp"), join(folder, "rocket.webp"));
  await copyFile(named("coffee.bmp"), join(folder, "first day", "coffee.bmp"));
  await writeFile(join(folder, "diary.txt"), "It rained.");
  await writeFile(join(folder, ".hidden.jpg"), "");
  return folder;
}

/** The vectors of all photos, by name. */
export async function vectorsOf(service) {
  const form = new FormData();
  for (const path of PHOTOS) form.append("files", new Blob([await readFile(path)]), basename(path));
  const answer = await fetch(new URL("embed/batch", service), { method: "POST", body: form });
  const { embeddings } = await answer.json();
  return new Map(PHOTOS.map((path, index) => [basename(path), embeddings[index]]));
}

export const cosine = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);

/** The groups at a threshold, each sorted by name, in the order of their first names. */
export function groupsOf(vectors, threshold) {
  const names = [...vectors.keys()];
  const groups = [];
  const left = new Set(names);
  for (const name of names) {
    if (!left.delete(name)) continue;
    const group = [name];
    for (const member of group) {
      for (const other of [...left]) {
        if (cosine(vectors.get(member), vectors.get(other)) < threshold) continue;
        left.delete(other);
        group.push(other);
      }
    }
    if (group.length > 1) groups.push(group.sort());
  }
  return groups;
}

/** Groups as they are compared: in no order. */
export const inOrder = (groups) => groups.map((group) => [...group].sort()).sort();
