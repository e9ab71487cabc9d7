"""Pipelining by hand (RFC 2920): groups of commands in one piece, a message with the next group behind it, a session in
single bytes, and a session without a pause. Every reply must come, in order."""

import socket
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])


def mail(*to, sender="news@sender.example"):
    """A group: MAIL, RCPT for each, DATA."""
    return f"MAIL FROM:<{sender}>\r\n" + "".join(f"RCPT TO:<{name}@charter.net>\r\n" for name in to) + "DATA\r\n"


class Session:
    """A connection; replies are taken from it one at a time."""

    def __init__(self):
        self.socket = socket.create_connection((HOST, PORT), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.expect(220)

    def send(self, text):
        self.socket.sendall(text.encode())

    def expect(self, *codes):
        for code in codes:
            line = self.lines.readline()
            while line[3:4] == b"-":
                line = self.lines.readline()
            assert line[:4] == b"%d " % code, f"expected {code}: {line}"

    def expect_end(self):
        assert self.lines.read() == b"", "more replies than commands"


# A refused recipient among others; a message with the next group behind its dot; a refused MAIL, whose group fails with
# it; a group whose only recipient is refused.
session = Session()
session.send("EHLO client.example\r\n" + mail("a", "unknown.x", "b"))
session.expect(250, 250, 250, 550, 250, 354)
session.send("first\r\n..\r\n.\r\n" + mail("c"))
session.expect(250, 250, 250, 354)
session.send("second\r\n.\r\n" + mail("x", sender="451-4.7.1.x@sender.example"))
session.expect(250, 451, 503, 503)
session.send(mail("unknown.y") + "RSET\r\nNOOP\r\n")
session.expect(250, 550, 554, 250, 250)
session.send(mail("dot-452.x"))
session.expect(250, 250, 354)
session.send("third\r\n.\r\n" + mail("d"))
session.expect(452, 250, 250, 354)
session.send("..dots\r\n...\r\n.\r\nQUIT\r\n")
session.expect(250, 221)
session.expect_end()

# A byte at a time, and all at once without waiting for 354: what a server sees on a bad and on a hasty day.
session = Session()
for byte in "EHLO client.example\r\n" + mail("e"):
    session.send(byte)
session.expect(250, 250, 250, 354)
for byte in "a byte at a time\r\n..\r\n.\r\n":
    session.send(byte)
session.expect(250)
session.send(mail("unknown.z") + "QUIT\r\n")
session.expect(250, 550, 554, 221)
session.expect_end()
