"""A stand-in for a model hub and for Google Drive on the loopback interface, which fails as told."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Asked:
    method: str
    path: str
    range: str | None
    if_range: str | None
    sent: int = 0


@dataclass
class Server:
    """What it has, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)  # by "repo/name"
    drive: dict[str, bytes] = field(default_factory=dict)  # by file id
    extra_names: list[str] = field(default_factory=list)
    breaks: int = 0  # the next so many bodies break off
    break_after: int = 0  # after that many bytes
    statuses: list[int] = field(default_factory=list)  # answers to the next file requests
    ignore_range: bool = False
    corrupt: bool = False
    publish_digests: bool = True
    drive_page: str | None = None
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def gets(self, part: str) -> list[Asked]:
        return [a for a in self.asked if a.method == "GET" and part in a.path]

    def __enter__(self):
        state = self

        class Handler(_Handler):
            server_state = state

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        state = self.server_state
        asked = Asked(self.command, unquote(self.path), self.headers.get("Range"), self.headers.get("If-Range"))
        state.asked.append(asked)
        url = urlsplit(self.path)
        path = unquote(url.path)
        if found := re.fullmatch(r"/api/models/(.+)/revision/([^/]+)", path):
            return self.listing(found[1])
        if path == "/uc":
            return self.drive_front(parse_qs(url.query))
        if path == "/download":
            query = parse_qs(url.query)
            content = state.drive.get(query.get("id", [""])[0])
            if query.get("confirm") != ["t"]:
                return self.send(400, b"")
            return self.body(asked, content, published=False)
        found = re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", path)
        if not found or found[2] != COMMIT:
            return self.send(404, b"not found")
        return self.body(asked, state.files.get(f"{found[1]}/{found[3]}"), published=state.publish_digests)

    def listing(self, repo):
        names = [n.removeprefix(repo + "/") for n in self.server_state.files if n.startswith(repo + "/")]
        if not names:
            return self.send(404, b"{}")
        siblings = [{"rfilename": n} for n in [*names, *self.server_state.extra_names]]
        return self.send(
            200, json.dumps({"sha": COMMIT, "siblings": siblings}).encode(), {"Content-Type": "application/json"}
        )

    def drive_front(self, query):
        state = self.server_state
        hidden = {"id": query["id"][0], "export": "download", "confirm": "t", "uuid": "a&amp;b"}
        inputs = "".join(f'<input type="hidden" name="{n}" value="{v}">' for n, v in hidden.items())
        form = f'<form id="download-form" action="/download" method="get">{inputs}</form>'
        page = state.drive_page or f"<html><body>too large to scan{form}</body></html>"
        return self.send(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def body(self, asked, content, published):
        state = self.server_state
        if content is None:
            return self.send(404, b"not found")
        if self.command == "GET" and state.statuses:
            return self.send(state.statuses.pop(0), b"", {"Retry-After": "7"})
        digest = hashlib.sha256(content).hexdigest()
        headers = {"ETag": f'"{digest[:16]}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        if published:
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        start, status = 0, 200
        if asked.range and not state.ignore_range and asked.if_range in (None, headers["ETag"]):
            start, status = int(re.fullmatch(r"bytes=(\d+)-", asked.range)[1]), 206
            if start >= len(content):
                return self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        data = content[start:]
        if state.corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return None
        if state.breaks > 0:
            state.breaks -= 1
            data = data[: state.break_after]
            self.close_connection = True
        asked.sent = len(data)
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True
        return None

    def send(self, status, content, headers=None):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
