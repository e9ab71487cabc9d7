"""smtplib against a host of Charter's: every refusal becomes the exception that it should, and the session goes on."""

import smtplib
import ssl
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])
SENDER = "news@sender.example"
MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


def refused(kind, to, sender=SENDER):
    """Sends a message that must be refused; the exception. Afterwards the session is as good as new."""
    try:
        smtp.sendmail(sender, to, MESSAGE)
    except kind as error:
        return error
    raise AssertionError(f"{sender} to {to} was not refused")


smtp = smtplib.SMTP(HOST, PORT, timeout=30)
assert smtp.ehlo()[0] == 250
for extension in ("pipelining", "size", "8bitmime", "smtputf8", "starttls", "auth"):
    assert smtp.has_extn(extension), extension
certificate = ssl.create_default_context()
certificate.check_hostname, certificate.verify_mode = False, ssl.CERT_NONE
assert smtp.starttls(context=certificate)[0] == 220
smtp.ehlo()
assert not smtp.has_extn("starttls"), "STARTTLS is offered under TLS"
assert smtp.login("ann", "secret")[0] == 235

# Some recipients are refused: the message goes to the others.
UNKNOWN, LATER = "unknown.x@charter.net", "451-4.2.0.x@charter.net"
some = smtp.sendmail(SENDER, ["a@charter.net", UNKNOWN, "b@charter.net", LATER], MESSAGE)
assert {to: reply[0] for to, reply in some.items()} == {UNKNOWN: 550, LATER: 451}, some
assert some[UNKNOWN][1] == b"5.1.1 <unknown.x@charter.net> User unknown", some

# All recipients, the sender, the message, DATA.
every = refused(smtplib.SMTPRecipientsRefused, ["unknown.y@charter.net"])
assert [code for code, _ in every.recipients.values()] == [550], every
assert refused(smtplib.SMTPSenderRefused, ["c@charter.net"], "450-4.7.1.x@sender.example").smtp_code == 450
assert refused(smtplib.SMTPDataError, ["dot-552-5.2.2.x@charter.net"]).smtp_code == 552
assert refused(smtplib.SMTPDataError, ["data-451.x@charter.net"]).smtp_code == 451
# smtplib leaves the transaction open after a refused DATA (it says RSET after everything else), and so does the server.
assert smtp.rset()[0] == 250
assert smtp.sendmail(SENDER, ["c@charter.net"], MESSAGE) == {}
assert smtp.verify("c@charter.net")[0] == 252
assert smtp.rset()[0] == 250
assert smtp.quit()[0] == 221

# The connection is lost, or closed with 421; afterwards there is another.
smtp = smtplib.SMTP(HOST, PORT, timeout=30)
refused(smtplib.SMTPServerDisconnected, ["drop.x@charter.net"])
smtp = smtplib.SMTP(HOST, PORT, timeout=30)
assert refused(smtplib.SMTPSenderRefused, ["d@charter.net"], "421-4.7.0.x@sender.example").smtp_code == 421
smtp.connect(HOST, PORT)
assert smtp.helo()[0] == 250
assert smtp.sendmail(SENDER, ["d@charter.net", "e@charter.net"], MESSAGE) == {}
smtp.quit()
