// What ZoneMTA makes of replies. Usage: node zone_mta_bounces.cjs FILE, with a JSON array of replies as they were
// heard. Writes its version, then a category a line; `other` is its own word for what it does not know.
const fs = require("node:fs");
const { version } = require("zone-mta/package.json");
const bounces = require("zone-mta/lib/bounces.js");

console.log(version);
for (const reply of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
    console.log(bounces.check(reply).category || "other");
}
