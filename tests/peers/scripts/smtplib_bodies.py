"""smtplib sends every file of a folder as it is, to a mailbox of the file's name, all in one session."""

import pathlib
import smtplib
import sys

with smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=30) as smtp:
    for file in sorted(pathlib.Path(sys.argv[3]).iterdir()):
        to = f"{file.name}@open.example"
        refused = smtp.sendmail("news@sender.example", [to], file.read_bytes(), mail_options=["BODY=8BITMIME"])
        assert refused == {}, refused
