// A web server that works a little between its requests; with an argument, it ends after that many seconds.
const http = require("node:http");

function work() {
  let sum = 0;
  for (let i = 0; i < 200000; i++) sum += i % 7;
  return sum;
}

const server = http.createServer((_, response) => response.end(String(work())));
server.listen(0, "127.0.0.1", () => {
  console.log("up", server.address().port);
  setInterval(work, 10);
  if (process.argv[2]) setTimeout(() => process.exit(0), 1000 * process.argv[2]);
});
