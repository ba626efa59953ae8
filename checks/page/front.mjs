// Stands before the service on a port of its own, so that a check can answer in its place: a key that
// is asked for, a service that is busy, a model of text. All else is passed on.

import http from "node:http";

const readAll = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

/**
 * A front before `upstream`. Its `answer` may be set to a function of the request
 * (`{ method, path, headers, body }`) that returns `{ status, headers, body }`, `"cut"` to close the
 * connection without an answer, or nothing to pass the request on.
 */
export async function openFront(upstream) {
  const front = { upstream, answer: null };
  const server = http.createServer(async (request, response) => {
    const body = await readAll(request).catch(() => null);
    if (body === null) return;
    const { method, url: path, headers } = request;
    const own = await front.answer?.({ method, path, headers, body });
    if (own === "cut") {
      request.socket.destroy();
    } else if (own) {
      response.writeHead(own.status ?? 200, { "content-type": "application/json", ...own.headers });
      response.end(typeof own.body === "string" ? own.body : JSON.stringify(own.body));
    } else {
      await passOn(new URL(path, upstream), { method, headers, body }, response);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  front.url = `http://127.0.0.1:${server.address().port}/`;
  front.close = () => server.close();
  return front;
}

async function passOn(url, { method, headers, body }, response) {
  const { host: _, connection: __, ...kept } = headers;
  // fetch() would expand what is compressed and leave the header that says it is.
  kept["accept-encoding"] = "identity";
  const content = method === "GET" || method === "HEAD" ? undefined : body;
  delete kept["content-length"];
  try {
    const answer = await fetch(url, { method, headers: kept, body: content });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const passed = Object.fromEntries(answer.headers);
    for (const name of ["content-encoding", "content-length", "transfer-encoding"])
      delete passed[name];
    response.writeHead(answer.status, passed);
    response.end(bytes);
  } catch {
    response.destroy();
  }
}
