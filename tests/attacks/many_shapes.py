"""Statements no two of which are alike, each as long as a URL allows."""

import itertools
import time

import attack

options = attack.arguments(__doc__, filters=90)
asked, statuses, until = 0, {}, time.monotonic() + options.seconds
with attack.connect(options.port) as connection, connection.makefile("rb") as stream:
    for choice in itertools.product(("eq", "neq", "gt", "lt", "gte", "lte"), repeat=12):
        if time.monotonic() > until:
            break
        filters = "&".join(f"id={choice[i % 12]}.{i}" for i in range(options.filters))
        connection.sendall(attack.request("GET", f"{options.path}?{filters}&limit=1"))
        answer = attack.read_answer(stream)
        asked += 1
        statuses[answer[0] if answer else 0] = statuses.get(answer[0] if answer else 0, 0) + 1
        if not answer:
            break
attack.tell(options, asked=asked, statuses=statuses)
