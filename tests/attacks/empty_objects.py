"""Bodies of as many rows as fit: each costs the router an id and a slot."""

import attack

options = attack.arguments(__doc__, rows=340_000, times=10)
body = b"[" + b",".join([b"{}"] * options.rows) + b"]"
statuses = {}
with attack.Bystander(options.port, options.small, options.control) as bystander:
    for _ in range(options.times):
        with attack.connect(options.port) as connection, connection.makefile("rb") as stream:
            connection.sendall(attack.request("POST", options.path, ["Content-Type: application/json"], body))
            status = (attack.read_answer(stream) or (0,))[0]
        statuses[status] = statuses.get(status, 0) + 1
attack.tell(options, statuses=statuses, bystander=bystander.told())
