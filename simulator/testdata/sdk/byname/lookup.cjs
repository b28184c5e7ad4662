// Node runs this before a program: names of the service are those of this machine, as an entry of /etc/hosts would have it.
const dns = require("node:dns");

const lookUp = dns.lookup;
dns.lookup = (name, ...more) => lookUp(name.endsWith(".azure.com") ? "127.0.0.1" : name, ...more);
