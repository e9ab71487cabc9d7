// Sixty messages over a pool of three connections that are under TLS and end after ten messages; and one to nobody.
const assert = require("node:assert");
const nodemailer = require("nodemailer");

const [host, port] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host,
  port: Number(port),
  name: "client.example",
  pool: true,
  maxConnections: 3,
  maxMessages: 10,
  requireTLS: true,
  tls: { rejectUnauthorized: false },
});

const send = (to) => transport.sendMail({ from: "news@sender.example", to, subject: "hello", text: "hello" });

(async () => {
  const names = Array.from({ length: 60 }, (_, n) => `r${n}@yahoo.com`);
  for (const info of await Promise.all(names.map(send))) {
    assert.strictEqual(info.accepted.length, 1);
    assert.match(info.response, /^250 /);
  }
  // Yahoo finds out after the message.
  await assert.rejects(send("unknown.ann@yahoo.com"), (error) => {
    assert.strictEqual(error.responseCode, 554);
    assert.match(error.response, /\(unknown\.ann@yahoo\.com\)/);
    return true;
  });
  transport.close();
})();
