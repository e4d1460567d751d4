// A webhook handler in Node with nothing but its built-in modules. Events are remembered in memory only.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.OBIT_WEBHOOK_SECRET;
if (!secret) {
  console.error("OBIT_WEBHOOK_SECRET is not set: put the webhook signing secret there");
  process.exit(2);
}
const option = (name) => process.argv.indexOf(name);
const port = option("--port") > 0 ? Number(process.argv[option("--port") + 1]) : 0;

const TOLERANCE_SECONDS = 300;
const ACTED_ON = new Set([
  "pool.transaction.settled",
  "pool.transaction.failed",
  "pool.transaction.released",
  "gate_session.completed",
]);
const effects = new Map();

function genuine(header, raw) {
  const parts = new Map((header ?? "").split(",").map((part) => part.trim().split("=", 2)));
  const at = Number(parts.get("t"));
  if (!Number.isInteger(at) || Math.abs(Date.now() / 1000 - at) > TOLERANCE_SECONDS) return false;
  const given = Buffer.from(parts.get("v1") ?? "", "hex");
  const right = createHmac("sha256", secret).update(`${at}.`).update(raw).digest();
  return given.length === right.length && timingSafeEqual(given, right);
}

function take(raw) {
  const event = JSON.parse(raw.toString("utf8"));
  const id = event.eventId ?? event.id;
  if (ACTED_ON.has(event.type) && !effects.has(id)) effects.set(id, 1);
}

function receive(request, raw) {
  if (!genuine(request.headers["gate-signature"], raw)) return 401;
  try {
    take(raw);
  } catch {
    return 400;
  }
  return 200;
}

const server = createServer((request, response) => {
  if (request.method === "GET") {
    const id = decodeURIComponent(request.url.split("/").pop());
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ count: effects.get(id) ?? 0 }));
    return;
  }
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    response.statusCode = receive(request, Buffer.concat(chunks));
    response.end();
  });
});

server.listen(port, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ ready: true, url: `${url}/webhooks`, effects: `${url}/effects/{eventId}` }));
});

if (option("--exit-with-stdin") > 0) {
  process.stdin.resume();
  process.stdin.on("end", () => {
    server.close();
    server.closeAllConnections();
  });
}
