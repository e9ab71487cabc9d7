"""A server of its own mind: aiosmtpd that keeps what it gets, refuses some of it, and writes down what it says.

receiver.py IP PORT BOOK [--tls CERT KEY] [--enough MESSAGES]

Each third address is wanted twice, each fiftieth is nobody's. After so many messages on a connection it says 421 and
closes. The book has a line of JSON for each greeting, each refusal and each message.
"""

import argparse
import asyncio
import base64
import json
import re
import ssl

from aiosmtpd.smtp import SMTP

TWICE = "451 4.7.1 Say that a second time"
NOBODY = "550 5.1.1 That number is nobody's"
ENOUGH = "421 4.7.0 No more on this connection"


class Receiver:
    def __init__(self, book, enough):
        self.book = book
        self.enough = enough
        self.named = set()

    def note(self, **what):
        self.book.write(json.dumps(what) + "\n")
        self.book.flush()

    def refuse(self, reply):
        self.note(said=reply)
        return reply

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        session.messages = 0
        self.note(client=session.peer[0], tls=session.ssl is not None)
        # It reads line by line and answers in order: it may well say so.
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_MAIL(self, server, session, envelope, address, options):
        if session.messages == self.enough:
            # What is written before is still sent.
            asyncio.get_running_loop().call_soon(server.transport.close)
            return self.refuse(ENOUGH)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 from there"

    async def handle_RCPT(self, server, session, envelope, address, options):
        number = int(re.match(r"r(\d+)@", address)[1])
        again = number in self.named
        self.named.add(number)
        if number % 50 == 7:
            return self.refuse(NOBODY)
        if number % 3 == 0 and not again:
            return self.refuse(TWICE)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 to there"

    async def handle_DATA(self, server, session, envelope):
        session.messages += 1
        text = base64.b64encode(envelope.content).decode()
        self.note(sender=envelope.mail_from, to=envelope.rcpt_tos, text=text, tls=session.ssl is not None)
        return "250 2.0.0 taken"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ip")
    parser.add_argument("port", type=int)
    parser.add_argument("book")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--enough", type=int)
    given = parser.parse_args()
    context = None
    if given.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*given.tls)
    with open(given.book, "w", encoding="ascii") as book:
        receiver = Receiver(book, given.enough)

        def session():
            return SMTP(receiver, hostname="mx.elsewhere.example", ident="receiver", tls_context=context)

        server = await asyncio.get_running_loop().create_server(session, given.ip, given.port)
        await server.serve_forever()


asyncio.run(main())
