"""A web server that works a little between its requests; it may be told for how many seconds."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"%d" % work())


def work() -> int:
    return sum(range(20_000))


def stay_busy():
    while True:
        work()
        threading.Event().wait(0.01)


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=stay_busy, daemon=True).start()
sys.stdout.write(f"up {server.server_port}\n")
sys.stdout.flush()
for seconds in sys.argv[1:]:
    threading.Timer(float(seconds), server.shutdown).start()
server.serve_forever()
