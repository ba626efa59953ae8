// Small pictures of photos, two made at a time: a thousand full ones would not fit into memory.

const LONGEST_SIDE = 320;
const AT_ONCE = 2;

const waiting = [];
let running = 0;

/** Calls `done({ url, width, height })` once; what is unknown is null. */
export function makeThumbnail(file, done) {
  waiting.push({ file, done });
  next();
}

/** Forgets what has not begun. */
export function forgetWaiting() {
  waiting.length = 0;
}

async function next() {
  if (running >= AT_ONCE || waiting.length === 0) return;
  const { file, done } = waiting.shift();
  running += 1;
  try {
    done(await thumbnail(file));
  } finally {
    running -= 1;
    next();
  }
}

async function thumbnail(file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    // Not one of the browser's formats.
    const size = await tiffSize(file).catch(() => null);
    return { url: null, width: size?.width ?? null, height: size?.height ?? null };
  }
  const { width, height } = picture;
  try {
    return { url: URL.createObjectURL(await shrunk(picture)), width, height };
  } catch {
    return { url: null, width, height };
  } finally {
    picture.close();
  }
}

async function shrunk(picture) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.82));
  if (blob === null) throw new Error("the canvas has no picture");
  return blob;
}

const IMAGE_WIDTH = 256;
const IMAGE_LENGTH = 257;
const SHORT = 3;

/** Size of the first page of a TIFF file (TIFF 6.0, section 2); null for other files. */
async function tiffSize(file) {
  const view = async (start, length) =>
    new DataView(await file.slice(start, start + length).arrayBuffer());
  const head = await view(0, 8);
  const little = head.getUint16(0) === 0x4949;
  if (head.getUint16(2, little) !== 42) return null;
  const directory = head.getUint32(4, little);
  const entries = (await view(directory, 2)).getUint16(0, little);
  const table = await view(directory + 2, entries * 12);
  const found = new Map();
  for (let at = 0; at < entries * 12; at += 12) {
    const short = table.getUint16(at + 2, little) === SHORT;
    const value = short ? table.getUint16(at + 8, little) : table.getUint32(at + 8, little);
    found.set(table.getUint16(at, little), value);
  }
  return { width: found.get(IMAGE_WIDTH) ?? null, height: found.get(IMAGE_LENGTH) ?? null };
}
