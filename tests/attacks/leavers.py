"""Clients that ask for something slow, or for more than they take, and leave at once."""

import time

import attack

options = attack.arguments(__doc__, clients=50)
unanswered = 0
for _ in range(options.clients):
    with attack.connect(options.port, receive_buffer=4096) as connection:
        connection.sendall(attack.request("GET", options.path))
        time.sleep(0.01)
        connection.setblocking(False)
        try:
            # Its end is the last chunk, which is nowhere else.
            unanswered += not connection.recv(1 << 20).endswith(b"\r\n0\r\n\r\n")
        except BlockingIOError:
            unanswered += 1
attack.tell(options, left=options.clients, unanswered=unanswered)
