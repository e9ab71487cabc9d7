// Some recipients, all of them, the sender, the message are refused: what nodemailer makes of it.
const assert = require("node:assert");
const nodemailer = require("nodemailer");

const [host, port] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host,
  port: Number(port),
  name: "client.example",
  tls: { rejectUnauthorized: false },
});

const send = (to, from = "news@sender.example") => transport.sendMail({ envelope: { from, to }, text: "hello" });

const refused = (promise, command, responseCode) =>
  assert.rejects(promise, (error) => {
    assert.deepStrictEqual([error.command, error.responseCode], [command, responseCode], String(error));
    return true;
  });

(async () => {
  const to = ["a@charter.net", "unknown.x@charter.net", "451-4.2.0.x@charter.net", "b@charter.net"];
  const info = await send(to);
  assert.deepStrictEqual(info.accepted, ["a@charter.net", "b@charter.net"]);
  assert.deepStrictEqual(info.rejected, ["unknown.x@charter.net", "451-4.2.0.x@charter.net"]);
  assert.deepStrictEqual(info.rejectedErrors.map((error) => error.responseCode), [550, 451]);
  await refused(send(["unknown.y@charter.net"]), "RCPT TO", 550);
  await refused(send(["c@charter.net"], "421-4.7.0.x@sender.example"), "MAIL FROM", 421);
  await refused(send(["dot-552-5.2.2.x@charter.net"]), "DATA", 552);
})();
