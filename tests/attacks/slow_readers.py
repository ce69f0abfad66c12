"""Clients that ask for much, and read it slowly or not at all."""

import threading
import time

import attack

options = attack.arguments(__doc__, clients=8, bytes_per_second=1000, pipelined=1)
over = threading.Event()
received = [0] * options.clients
reading = [False] * options.clients  # amid an answer, and no refusal
ends = []


def read_slowly(number):
    while not over.is_set():
        try:
            with attack.connect(options.port, receive_buffer=4096) as connection:
                connection.sendall(attack.request("GET", options.path) * options.pipelined)
                begins = True
                while not over.is_set():
                    piece = connection.recv(max(13, options.bytes_per_second // 10))
                    if begins:
                        reading[number] = piece.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206"))
                        begins = False
                    if not piece:
                        reading[number] = False
                        ends.append("end")
                        break
                    received[number] += len(piece)
                    over.wait(0.1)
        except OSError as failure:
            reading[number] = False
            ends.append(type(failure).__name__)
            over.wait(0.1)


readers = [threading.Thread(target=read_slowly, args=(i,), daemon=True) for i in range(options.clients)]
for reader in readers:
    reader.start()
time.sleep(1)
with attack.Bystander(options.port, options.small) as bystander:
    time.sleep(options.seconds)
still_reading = sum(reading)
over.set()
for reader in readers:
    reader.join(5)
attack.tell(options, received=sum(received), reading=still_reading, ends=len(ends), bystander=bystander.told())
