"""Clients at work, some of them pipelining, while the router is told to end: which requests are cut?

A request is cut where the connection ended before its answer, though the client had not been told to close before
it sent the request. (A pipelined request behind an answer that says "Connection: close" has not been served: RFC 9112,
section 9.6. It is told apart.)"""

import os
import random
import signal
import threading
import time

import attack

options = attack.arguments(__doc__, clients=200, depth=4, pause=0.02)
results = {"answered": 0, "cut": 0, "told_unserved": 0, "refused": 0}
lock = threading.Lock()
over = threading.Event()


def count(what, n=1):
    with lock:
        results[what] += n


def work(number):
    depth = options.depth if number % 2 else 1
    chance = random.Random(number)
    while not over.is_set():
        try:
            connection = attack.connect(options.port)
        except OSError:
            count("refused")
            return
        with connection, connection.makefile("rb") as stream:
            closing = False
            while not closing and not over.is_set():
                try:
                    connection.sendall(attack.request("GET", options.path) * depth)
                except OSError:
                    count("cut", depth)
                    return
                for i in range(depth):
                    try:
                        answer = attack.read_answer(stream)
                    except OSError:
                        answer = None
                    if answer is None:
                        count("told_unserved" if closing else "cut", depth - i)
                        closing = True
                        break
                    count("answered")
                    closing = closing or answer[1].get("connection") == "close"
                time.sleep(chance.random() * options.pause)


workers = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(options.clients)]
for worker in workers:
    worker.start()
time.sleep(options.seconds / 2)
before = time.monotonic()
os.kill(options.pid, signal.SIGTERM)
time.sleep(options.seconds / 2)
over.set()
for worker in workers:
    worker.join(10)
print(attack.json.dumps(results))
