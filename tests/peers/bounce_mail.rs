//! The bounce mail (RFC 3464) that tells a sender of a reply, as Postfix writes it: for parsers that read mail.

use mxlab::smtp::Stage;

use super::said_replies::SaidReply;

/// The whole mail. It says `failed` of a deferral too, as after days in the queue.
pub(crate) fn bounce_mail(reply: &SaidReply) -> String {
    let SaidReply { mx, recipient, .. } = reply;
    // Postfix joins the lines of a reply.
    let words = reply.lines.join(" ");
    let status = reply.enhanced.map_or_else(|| format!("{}.0.0", reply.code.get() / 100), |status| status.to_string());
    let told = match reply.stage {
        Some(Stage::Connect) | None => format!("host {mx}[198.51.100.25] refused to talk to me: {words}"),
        Some(stage) => format!("host {mx}[198.51.100.25] said: {words} (in reply to {} command)", command(stage)),
    };
    format!(
        "\
Return-Path: <>
Date: Thu, 26 Nov 2026 10:00:00 +0000
From: MAILER-DAEMON@mail.sender.example (Mail Delivery System)
To: news@sender.example
Subject: Undelivered Mail Returned to Sender
Message-Id: <bounce@mail.sender.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=\"part\"

--part
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mail.sender.example.

<{recipient}>: {told}

--part
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.sender.example
Arrival-Date: Thu, 26 Nov 2026 09:00:00 +0000

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Remote-MTA: dns; {mx}
Diagnostic-Code: smtp; {words}

--part
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: news@sender.example
To: {recipient}
Subject: news
Date: Thu, 26 Nov 2026 09:00:00 +0000
Message-Id: <news@sender.example>

--part--
"
    )
}

/// As Postfix names it in a bounce.
const fn command(stage: Stage) -> &'static str {
    match stage {
        Stage::Connect | Stage::Ehlo => "EHLO",
        Stage::Mail => "MAIL FROM",
        Stage::Rcpt => "RCPT TO",
        Stage::Data => "DATA",
        Stage::EndOfData => "end of DATA",
    }
}
