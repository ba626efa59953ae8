// Speaks to the service that this page came from: requests, errors as it tells them, and the key.

/** An answer that is no success; `status` is 0 where there was no answer. */
export class ServiceError extends Error {
  constructor(message, { status = 0, retryAfter = null, body = null } = {}) {
    super(message);
    this.status = status;
    /** Seconds, where the service said so. */
    this.retryAfter = retryAfter;
    /** The JSON of the answer, if it was any. */
    this.body = body;
  }

  /** Whether the service wants a key, or another one. */
  get wantsKey() {
    return this.status === 401 || this.status === 403;
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return [0, 408, 429, 502, 503, 504].includes(this.status);
  }
}

const STORED_KEY = "inference-service key";

// Storage may be forbidden: then the key lives in this page alone.
function stored(act) {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}

let key = stored((storage) => storage.getItem(STORED_KEY));

/** Sends `text` from now on; `keep` holds it until the tab is closed. */
export function useKey(text, keep) {
  key = text;
  stored((storage) => (keep ? storage.setItem(STORED_KEY, text) : storage.removeItem(STORED_KEY)));
}

export const hasKey = () => key !== null;

/** Address of a route beside the page, wherever a proxy has put it. */
const address = (route) => new URL(route, document.baseURI);

function seconds(value) {
  if (!value) return null;
  const number = Number(value);
  const found = Number.isFinite(number) ? number : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(found) ? Math.max(0, found) : null;
}

async function failure(answer) {
  const body = await answer.json().catch(() => null);
  // For what fails validation the detail is FastAPI's list.
  const detail = Array.isArray(body?.detail)
    ? body.detail.map((each) => each.msg).join("; ")
    : (body?.detail ?? body?.error?.message ?? body?.error);
  const message =
    typeof detail === "string" ? detail : `The answer was ${answer.status} ${answer.statusText}`;
  const retryAfter = seconds(answer.headers.get("Retry-After"));
  return new ServiceError(message.trim(), { status: answer.status, retryAfter, body });
}

/** The answer of `route`, a Response that is ok; else throws ServiceError, or AbortError. */
export async function call(route, { signal, ...options } = {}) {
  const headers = new Headers(options.headers);
  if (key !== null) headers.set("Authorization", `Bearer ${key}`);
  let answer;
  try {
    answer = await fetch(address(route), { cache: "no-store", signal, ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("The service cannot be reached");
  }
  if (!answer.ok) throw await failure(answer);
  return answer;
}

/** The JSON of an answer. */
export async function ask(route, options) {
  const answer = await call(route, options);
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("The answer broke off");
  }
}

/** Embeds files; one that cannot be read does not fail the others. */
export function embedFiles(files, signal) {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name || "photo");
  return ask("embed/batch?on_error=skip", { method: "POST", body: form, signal });
}

/** The vector of a text. */
export async function embedText(text, signal) {
  const answer = await ask("embed/text", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ texts: [text] }),
    signal,
  });
  return Float32Array.from(answer.embeddings[0]);
}

/** Waits; an abort ends it with an AbortError. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const ended = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", ended);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", ended, { once: true });
  });
}
