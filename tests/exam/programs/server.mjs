// An echo server in Node: pipe() also waits for a client that does not read.
import net from "node:net";

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
server.listen(Number(process.argv[2]), "127.0.0.1");
