"""Clients that ask for much, and read it slowly or not at all."""

import threading

import attack

options = attack.arguments(__doc__, clients=8, bytes_per_second=1000, pipelined=1, drain=0)
over = threading.Event()
received = [0] * options.clients
reading = [False] * options.clients  # amid an answer, and no refusal
cut = [False] * options.clients
patience = 5  # seconds, for more of an answer that is read as fast as it comes
most_drained = 64 * 1024 * 1024


def is_cut(connection):
    """Reads what is left: whether the connection ends. It is kept where the router has sent all, or goes on."""
    connection.settimeout(patience)
    drained = 0
    while drained < most_drained:
        try:
            piece = connection.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            return True
        if not piece:
            return True
        drained += len(piece)
    return False


def read_slowly(number):
    while not over.is_set():
        try:
            with attack.connect(options.port, receive_buffer=4096) as connection:
                connection.sendall(attack.request("GET", options.path) * options.pipelined)
                connection.settimeout(0.5)
                begins = True
                while not over.is_set():
                    try:
                        piece = connection.recv(max(13, options.bytes_per_second // 10))
                    except TimeoutError:
                        continue  # nothing has come yet, or all has
                    if begins:
                        reading[number] = piece.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206"))
                        begins = False
                    if not piece:
                        reading[number] = False
                        cut[number] = True
                        break
                    received[number] += len(piece)
                    over.wait(0.1)
                if options.drain and over.is_set():
                    cut[number] = is_cut(connection)
        except OSError:
            reading[number] = False
            over.wait(0.1)


readers = [threading.Thread(target=read_slowly, args=(i,), daemon=True) for i in range(options.clients)]
for reader in readers:
    reader.start()
attack.wait_until(lambda: any(received))
with attack.Bystander(options.port, options.small, options.control) as bystander:
    over.wait(options.seconds)
still_reading = sum(reading)
over.set()
for reader in readers:
    reader.join(2 * patience)
attack.tell(options, received=sum(received), reading=still_reading, cut=sum(cut), bystander=bystander.told())
