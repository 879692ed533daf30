// SPDX-License-Identifier: GPL-3.0-or-later
// Messages over HTTP. The environment says where: PORT, UNIT, GREETING and DATABASE_URL.
"use strict";

const http = require("node:http");

const { PORT, UNIT, GREETING, DATABASE_URL } = process.env;
const kind = new URL(DATABASE_URL).protocol.replace(":", "");
const LONGEST_BODY = 4096;
const LONGEST_TEXT = 500;

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function textOf(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > LONGEST_BODY) throw new Refused(413, `a body has at most ${LONGEST_BODY} bytes`);
    parts.push(part);
  }
  let text;
  try {
    text = JSON.parse(Buffer.concat(parts).toString()).text;
  } catch {
    throw new Refused(400, 'the body has to be JSON, as in {"text": "hello"}');
  }
  if (typeof text !== "string" || !text.trim() || text.length > LONGEST_TEXT) {
    throw new Refused(400, `text has to be a string of 1 to ${LONGEST_TEXT} characters`);
  }
  return text;
}

async function answer(store, request) {
  const path = request.url.split("?")[0];
  switch (`${request.method} ${path}`) {
    case "GET /api/health":
      await store.ping();
      return [200, { status: "ok" }];
    case "GET /api/messages":
      return [200, { messages: await store.list() }];
    case "POST /api/messages":
      return [201, { message: await store.add(await textOf(request)) }];
    default:
      throw new Refused(404, `there is no ${request.method} ${path}`);
  }
}

async function respond(store, request, response) {
  let status, body;
  try {
    [status, body] = await answer(store, request);
  } catch (error) {
    // What a database says of itself is for the log.
    if (!(error instanceof Refused)) console.error(error);
    status = error.status ?? 503;
    body = { error: error instanceof Refused ? error.message : "the database does not answer" };
  }
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify({ unit: UNIT, database: kind, ...body })}\n`);
}

async function main() {
  const store = await require(`./${kind}.js`).open(DATABASE_URL, GREETING);
  const server = http.createServer((request, response) => respond(store, request, response));
  server.listen(Number(PORT), () => console.log(`${UNIT} serves messages from ${kind} on port ${PORT}`));
  process.once("SIGTERM", () => {
    server.close(() => store.close());
    server.closeIdleConnections();
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
