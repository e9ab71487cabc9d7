// Sends every file of a folder as it is, to a mailbox of the file's name, one after the other on one connection.
const fs = require("node:fs");
const path = require("node:path");
const nodemailer = require("nodemailer");

const [host, port, folder] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host,
  port: Number(port),
  name: "client.example",
  pool: true,
  maxConnections: 1,
  tls: { rejectUnauthorized: false },
});

(async () => {
  for (const name of fs.readdirSync(folder).sort()) {
    const envelope = { from: "news@sender.example", to: `${name}@open.example` };
    await transport.sendMail({ envelope, raw: fs.readFileSync(path.join(folder, name)) });
  }
  transport.close();
})();
