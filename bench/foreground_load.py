#!/usr/bin/env python3
"""Sends requests to a router at a fixed rate, whatever becomes of the ones before, until its standard input ends, and then waits for
the answers that are still out. Prints a line for each request once it is over: when it was sent (seconds, CLOCK_MONOTONIC), the
milliseconds to its answer, its kind, and its status, or 0 and what went wrong.

Of 20 requests 10 read a row by its id, 2 the top 20 of a genre, 5 change a row by its id, and 3 insert one."""
import asyncio
import json
import random
import sys
import time

GENRES = ["Drama", "Comedy", "Action", "Adventure", "Horror", "Musical", "Documentary", "Western"]
KINDS = ["read"] * 10 + ["top"] * 2 + ["change"] * 5 + ["insert"] * 3
PATIENCE = 30.0  # seconds for an answer; later is failed


def request_of(kind, random_numbers, movies):
    if kind == "read":
        return "GET", "/movies/%d" % random_numbers.randint(1, movies), None
    if kind == "top":
        path = "/movies?order=imdb_score.desc.nullslast&limit=20&primary_genre=eq."
        return "GET", path + random_numbers.choice(GENRES), None
    if kind == "change":
        path = "/movies?id=eq.%d" % random_numbers.randint(1, movies)
        return "PATCH", path, {"imdb_votes": random_numbers.randint(0, 1000000)}
    return "POST", "/movies", {"name": "A New Film", "director": "Somebody", "primary_genre": "Drama", "genre": ["Drama"],
                               "imdb_score": 7.1}


def bytes_of(method, path, body):
    head = "%s %s HTTP/1.1\r\nHost: localhost\r\n" % (method, path)
    if body is None:
        return (head + "\r\n").encode()
    text = json.dumps(body)
    return (head + "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)).encode()


class Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request on it."""

    def __init__(self):
        self.transport = None
        self.answered = None  # a future: (status, body)
        self.received = b""

    def connection_made(self, transport):
        self.transport = transport

    def ask(self, request):
        self.received = b""
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answered

    def data_received(self, data):
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator or self.answered is None or self.answered.done():
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"transfer-encoding":
                self.answered.set_exception(ValueError("an answer of unknown length"))
                return
        if len(body) >= length:
            self.answered.set_result((int(head[9:12]), body))

    def connection_lost(self, error):
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(error or ConnectionError("the router hung up"))

    def usable(self):
        return not self.transport.is_closing()


class Load:
    def __init__(self, port, movies):
        self.port, self.movies = port, movies
        self.random = random.Random(7)
        self.idle = []  # connections, the last used one last

    async def send(self):
        kind = self.random.choice(KINDS)
        request = bytes_of(*request_of(kind, self.random, self.movies))
        sent = time.monotonic()
        status, problem = 0, ""
        connection = None
        try:
            connection = await self.connection()
            status, body = await asyncio.wait_for(connection.ask(request), PATIENCE)
            self.idle.append(connection)
            if not 200 <= status < 300:
                problem = body.decode(errors="replace")
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            problem = repr(error)
            if connection is not None:
                connection.transport.abort()
        took = (time.monotonic() - sent) * 1000
        print("%.6f\t%.3f\t%s\t%d\t%s" % (sent, took, kind, status, " ".join(problem.split())), flush=True)

    async def connection(self):
        while self.idle:
            connection = self.idle.pop()
            if connection.usable():
                return connection
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, "127.0.0.1", self.port))[1]

    async def run(self, rate):
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        loop.add_reader(sys.stdin, stopped.set)
        out, due = set(), loop.time()
        while not stopped.is_set():
            task = loop.create_task(self.send())
            out.add(task)
            task.add_done_callback(out.discard)
            due += 1 / rate
            await asyncio.sleep(max(0, due - loop.time()))
        if out:
            await asyncio.wait(out)


def main():
    port, movies, rate = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    asyncio.run(Load(port, movies).run(rate))


if __name__ == "__main__":
    main()
