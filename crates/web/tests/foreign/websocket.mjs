// A WebSocket server by the package `ws`, for our client: sends back what comes, and does what some texts ask for. Prints its
// port. The first argument is the folder into which the package is installed.

import { createRequire } from "node:module";
import path from "node:path";

const { WebSocketServer } = createRequire(path.join(process.argv[2], "package.json"))("ws");

const wishes = {
  ping: (socket) => {
    socket.once("pong", (data) => socket.send(`pong ${data}`));
    socket.ping("there?");
  },
  pieces: (socket) => {
    socket.send("one ", { fin: false });
    socket.send("two ", { fin: false });
    socket.ping("between");
    socket.send("three", { fin: true });
  },
  leave: (socket) => socket.close(4001, "as you wish"),
  vanish: (socket) => socket.terminate(),
};

const handleProtocols = (offered) => (offered.has("echo") ? "echo" : false);
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols, perMessageDeflate: true });
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    const wish = isBinary ? undefined : wishes[data.toString()];
    if (wish) wish(socket);
    else socket.send(data, { binary: isBinary });
  });
});
server.on("listening", () => console.log(`port ${server.address().port}`));
