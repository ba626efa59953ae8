// OpenAI's client for Node: texts and photos, both encodings, dimensions, models, errors.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { VERSION } from "openai/version";
import { BASE, TEXT, URI, check, photo, same, text } from "./support/native.mjs";

const client = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: "none", maxRetries: 0 });
const openai = (what, run) => check("openai (Node)", VERSION, what, run);

async function vectors(fields) {
  const answer = await client.embeddings.create({ model: "ViT-B-32", ...fields });
  return answer.data.map((item) => item.embedding);
}

await openai("text and photo in order, base64 (its default)", async () => {
  same(await vectors({ input: [TEXT, URI] }), [await text(), await photo()]);
});
await openai("photo, float", async () => {
  same(await vectors({ input: URI, encoding_format: "float" }), [await photo()]);
});
await openai("dimensions", async () => {
  const [short] = await vectors({ input: URI, dimensions: 64 });
  const norm = Math.hypot(...short);
  assert.ok(short.length === 64 && Math.abs(norm - 1) < 1e-6, `${norm}`);
});
await openai("models: list, retrieve, not found", async () => {
  const { data } = await client.models.list();
  assert.deepEqual(data.map((model) => model.id), ["ViT-B-32"]);
  assert.equal((await client.models.retrieve("ViT-B-32")).id, "ViT-B-32");
  await assert.rejects(client.models.retrieve("x"), { status: 404, code: "model_not_found" });
});
await openai("errors: status, type, param and code", async () => {
  const wrong = { status: 400, type: "invalid_request_error", param: "dimensions" };
  await assert.rejects(vectors({ input: TEXT, dimensions: 100000 }), wrong);
  const photo = { status: 400, code: "unknown_image_format", param: "input" };
  await assert.rejects(vectors({ input: ["data:image/png;base64,AAAA"] }), photo);
});
