"""Clients that ask for much, and read it slowly or not at all."""

import threading
import time

import attack

options = attack.arguments(__doc__, clients=8, bytes_per_second=1000, pipelined=1)
over = threading.Event()
received = [0] * options.clients
ends = []


def read_slowly(number):
    while not over.is_set():
        try:
            with attack.connect(options.port, receive_buffer=4096) as connection:
                connection.sendall(attack.request("GET", options.path) * options.pipelined)
                while not over.is_set():
                    piece = connection.recv(max(1, options.bytes_per_second // 10))
                    if not piece:
                        ends.append("end")
                        break
                    received[number] += len(piece)
                    over.wait(0.1)
        except OSError as failure:
            ends.append(type(failure).__name__)
            over.wait(0.1)


readers = [threading.Thread(target=read_slowly, args=(i,), daemon=True) for i in range(options.clients)]
for reader in readers:
    reader.start()
time.sleep(1)
with attack.Bystander(options.port, options.small) as bystander:
    time.sleep(options.seconds)
over.set()
for reader in readers:
    reader.join(5)
attack.tell(options, received=sum(received), ends=len(ends), bystander=bystander.told())
