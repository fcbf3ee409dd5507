"""A server for auth_url: decider.py PORT-FILE LOG [CERT KEY].

It lets in the password "open sesame" and the key in $KEY_BASE64; other
passwords are words for what it should do instead."""
import http.server
import json
import os
import ssl
import sys
import time

LOG = sys.argv[2]


def look_at(pid):
    """What others could see of the process that asks."""
    with open(LOG + ".seen", "a") as f:
        for name in ("cmdline", "environ", "status"):
            with open(f"/proc/{pid}/{name}", "rb") as g:
                f.write(g.read().replace(b"\0", b"\n").decode())


class Decider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(200, b'{"allow":true}')

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        q = json.loads(text)
        with open(LOG, "a") as f:
            f.write(text.decode())
            f.write("%s %s %s %s\n" % (
                self.path, self.headers.get("Authorization"),
                self.headers["Content-Type"], self.headers["User-Agent"]))
        word = q.get("password", "")
        key = q.get("key", {}).get("base64")
        if word == "seen":
            for p in os.listdir("/proc"):
                try:
                    if p.isdigit() and "sallyport-fetch" in os.readlink(
                            f"/proc/{p}/exe"):
                        look_at(p)
                except OSError:
                    pass
        if word == "status":
            self.reply(403, b'{"allow":true}')
        elif word == "redirect":
            self.reply(302, b'{"allow":true}', Location="/other")
        elif word == "slow":
            time.sleep(1000)
        elif word == "drip":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                time.sleep(0.05)
        elif word == "huge":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" " * 65536)
        elif word == "short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"allow":true}')
            self.close_connection = True
        elif word == "garbage":
            self.reply(200, b"<html>allow: true</html>")
        elif word == "open sesame" or key == os.environ["KEY_BASE64"]:
            self.reply(200, json.dumps(
                {"allow": True, "policy": {"start": "/d"}}).encode())
        else:
            self.reply(200, b'{"allow":false,"reason":"not here"}')


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Decider)
server.daemon_threads = True
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
