"""An echo client with a thread for its input, and a limit on the wait for an echo."""

import os
import socket
import sys
import threading

at_end = False


def forward(server):
    global at_end
    while data := os.read(0, 65536):
        server.sendall(data)
    at_end = True
    server.shutdown(socket.SHUT_WR)


try:
    server = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
    threading.Thread(target=forward, args=(server,), daemon=True).start()
    while data := server.recv(65536):
        os.write(1, data)
    if not at_end:
        sys.exit("client: the server ended the connection")
except OSError as error:
    sys.exit(f"client: {error}")
