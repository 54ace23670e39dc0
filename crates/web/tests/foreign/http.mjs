// A server by Node's own `http`, for our client: what a server may do with an answer, one path each. Prints its port.

import http from "node:http";

const LARGE = "0123456789".repeat(5000);

const answers = {
  "/plain": (_, response) => response.end("plain"),
  // No length is set before the first piece, so Node sends chunks.
  "/chunks": async (_, response) => {
    for (const piece of ["one ", "two ", "three"]) {
      response.write(piece);
      await new Promise(setImmediate);
    }
    response.end();
  },
  "/trailers": (_, response) => {
    response.writeHead(200, { Trailer: "Digest, X-Late" });
    response.write("body");
    response.addTrailers({ Digest: "sha-256=x", "X-Late": "yes", "Set-Cookie": "no" });
    response.end();
  },
  "/hints": (_, response) => response.writeEarlyHints({ link: "</a>; rel=preload" }, () => response.end("after hints")),
  "/empty": (_, response) => response.writeHead(204).end(),
  "/unchanged": (_, response) => response.writeHead(304, { ETag: '"x"' }).end(),
  "/large": (_, response) => response.end(LARGE),
  "/close": (_, response) => response.writeHead(200, { Connection: "close" }).end("closing"),
  // Neither a length nor chunks: the end of the connection is that of the body.
  "/until-close": (_, response) => {
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.removeHeader("Transfer-Encoding");
    response.write("until ");
    response.end("close");
  },
  "/events": (_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (const id of [1, 2, 3]) response.write(`event: tick\nid: ${id}\ndata: a\ndata: ${id}\n\n`);
    response.end();
  },
};

/// The method, the body, and how the body came.
async function echo(request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  response.setHeader("X-Method", request.method);
  response.setHeader("X-Length", request.headers["content-length"] ?? "none");
  response.end(Buffer.concat(pieces));
}

const server = http.createServer((request, response) => (answers[request.url] ?? echo)(request, response));
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
