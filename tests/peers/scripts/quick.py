"""One connection after the other: QUIT, no waiting for the answer, and the next."""

import socket
import sys

for n in range(500):
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        greeting = client.makefile("rb").readline()
        assert greeting.startswith(b"220 "), f"connection {n}: {greeting}"
        client.sendall(b"QUIT\r\n")
