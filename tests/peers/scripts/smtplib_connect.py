"""smtplib against a host that takes one connection at a time: the others hear 421 in the banner."""

import smtplib
import sys
import time

HOST, PORT = sys.argv[1], int(sys.argv[2])

first = smtplib.SMTP(HOST, PORT, timeout=30)
for _ in range(3):
    try:
        smtplib.SMTP(HOST, PORT, timeout=30)
    except smtplib.SMTPConnectError as error:
        assert error.smtp_code == 421, error
        assert error.smtp_error.endswith(b"cmsmtp 127.0.0.1 blocked. AUP#In-1340"), error
    else:
        raise AssertionError("a second connection was taken")
assert first.noop()[0] == 250, "the first connection is as good as before"
first.quit()

# Its place is free; the server may need a moment to notice.
time.sleep(0.5)
smtplib.SMTP(HOST, PORT, timeout=30).quit()
