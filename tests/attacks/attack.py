"""What the attacks have in common: their arguments, raw connections, and what the router takes meanwhile."""

import argparse
import json
import resource
import socket
import threading
import time


def arguments(description, **more):
    """--port and --pid of the router, --path to read, and numbers with these defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, help="of the router: its peak of memory is told")
    parser.add_argument("--control", type=int, help="port of a router that nobody attacks: the same is read there")
    parser.add_argument("--path", default="/movies", help="what is read")
    parser.add_argument("--small", default="/movies?id=eq.1&limit=1", help="a read that has to go on meanwhile")
    parser.add_argument("--seconds", type=float, default=5)
    for name, default in more.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return parser.parse_args()


def connect(port, receive_buffer=None):
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    return connection


def request(method, path, fields=(), body=b""):
    head = [f"{method} {path} HTTP/1.1", "Host: x", *fields]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def read_answer(stream):
    """One answer from a file of a socket: its status, its fields and its body. None at the end."""
    line = stream.readline()
    if not line:
        return None
    fields = {}
    while True:
        field = stream.readline()
        if not field:
            return None
        if field in (b"\r\n", b"\n"):
            break
        name, _, value = field.decode().partition(":")
        fields[name.lower()] = value.strip()
    body = b""
    if fields.get("transfer-encoding") == "chunked":
        while True:
            size = int(stream.readline() or b"0", 16)
            body += stream.read(size)
            if not stream.readline():
                return None
            if size == 0:
                break
    else:
        body = stream.read(int(fields.get("content-length", 0)))
    return int(line.split()[1]), fields, body


def peak_megabytes(pid):
    """The most memory that the process has had, in MB; None without a pid."""
    if not pid:
        return None
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6)


class Bystander(threading.Thread):
    """Reads something small, again and again, as long as the attack lasts: `failed` of `asked`, `worst` seconds.

    `control`: where the same is read meanwhile from a router that has nothing else to do; None: nowhere."""

    def __init__(self, port, path, control=None):
        super().__init__(daemon=True)
        self.port, self.path = port, path
        self.control = Bystander(control, path) if control else None
        self.asked = self.failed = 0
        self.worst = 0.0
        self.statuses = {}
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            began = time.monotonic()
            self.asked += 1
            try:
                with connect(self.port) as connection, connection.makefile("rb") as stream:
                    connection.sendall(request("GET", self.path, ["Connection: close"]))
                    status = (read_answer(stream) or (0,))[0]
            except OSError:
                status = 0
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.failed += status not in (200, 206)
            self.worst = max(self.worst, time.monotonic() - began)
            time.sleep(0.02)

    def __enter__(self):
        if self.control:
            self.control.__enter__()
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        if self.control:
            self.control.__exit__()

    def told(self):
        told = {"asked": self.asked, "failed": self.failed, "worst": round(self.worst, 3), "statuses": self.statuses}
        if self.control:
            told["control_worst"] = round(self.control.worst, 3)
        return told


def tell(options, **result):
    print(json.dumps({**result, "peak_megabytes": peak_megabytes(options.pid)}))


def wait_until(happens, seconds=60):
    """Waits for what has to come, however busy the machine is."""
    give_up = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > give_up:
            raise TimeoutError
        time.sleep(0.05)


def flood(connection, piece, megabytes):
    """Sends until the router has had enough, or so much has gone: the bytes, and the status of the answer, if any."""
    sent = 0
    try:
        while sent < megabytes * 1_000_000:
            connection.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    try:
        answer = connection.recv(64)
        return sent, int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0
    except (OSError, IndexError):
        return sent, 0
