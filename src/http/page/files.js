// From what a person drops, chooses or pastes to a list of files, each with its path.

const PHOTO_NAME = /\.(jpe?g|jfif|png|gif|webp|bmp|dib|tiff?)$/i;

/** Whether a file of a folder is taken; what was chosen by itself is always sent. */
const looksLikeAPhoto = (file) =>
  !file.name.startsWith(".") && (PHOTO_NAME.test(file.name) || file.type.startsWith("image/"));

const entriesOf = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

/** The files below an entry, as they are found; null for what the system does not let us read. */
async function* walk(entry) {
  if (entry.isFile) {
    const file = await fileOf(entry).catch(() => null);
    yield file && { file, path: entry.fullPath.slice(1) };
    return;
  }
  const reader = entry.createReader();
  // A reader hands out a hundred at a time, and none at its end.
  for (;;) {
    const batch = await entriesOf(reader).catch(() => null);
    if (batch === null) yield null;
    if (!batch?.length) return;
    for (const inner of batch) yield* walk(inner);
  }
}

/** The files of a drop; `skipped` counts those of folders that are no photos or cannot be read. */
export async function dropped(transfer) {
  // Entries have to be taken before the first wait: after it the transfer is empty.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  const loose = items.map((item, index) => (entries[index]?.isDirectory ? null : item.getAsFile()));
  const found = loose.filter(Boolean).map((file) => ({ file, path: file.name }));
  let skipped = 0;
  for (const folder of entries.filter((entry) => entry?.isDirectory)) {
    for await (const each of walk(folder)) {
      if (each !== null && looksLikeAPhoto(each.file)) found.push(each);
      else skipped += 1;
    }
  }
  return { found, skipped };
}

/** The files of an input; those of a folder have their path in it. */
export function chosen(input) {
  const all = [...input.files].map((file) => ({
    file,
    path: file.webkitRelativePath || file.name,
  }));
  const found = all.filter(({ file }) => !file.webkitRelativePath || looksLikeAPhoto(file));
  return { found, skipped: all.length - found.length };
}

/** The files of a paste. */
export function pasted(transfer) {
  const files = [...(transfer?.files ?? [])];
  return { found: files.map((file) => ({ file, path: file.name })), skipped: 0 };
}
