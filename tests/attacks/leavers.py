"""Clients that ask for something slow and leave at once."""

import time

import attack

options = attack.arguments(__doc__, clients=50)
for _ in range(options.clients):
    with attack.connect(options.port) as connection:
        connection.sendall(attack.request("GET", options.path))
        time.sleep(0.01)
attack.tell(options, left=options.clients)
