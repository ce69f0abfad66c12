#!/usr/bin/env python3
"""Opens COUNT keep-alive connections to HOST:PORT, has one request answered on each, says "ready" and holds them until its
standard input ends."""
import resource
import socket
import sys


def main():
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    request = b"GET /movies/1 HTTP/1.1\r\nHost: bench\r\n\r\n"
    connections = []
    for number in range(count):
        # Source addresses of their own keep the client side from running out of ports.
        connection = socket.create_connection((host, port), 10, ("127.0.0.%d" % (2 + number // 20000), 0))
        connection.sendall(request)
        if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
            sys.exit("the router refused a connection after %d" % number)
        connections.append(connection)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
