"""A local server that answers like a language model's, and misbehaves on request."""

import contextlib
import json
import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = ["It", " was", " the", " best", " of", " times", ",", " na", "ïve", " 日", "本"]
KEY = "sk-very-secret-1234567890"


def chunk(word, index=0):
    top = [{"token": word, "logprob": math.log(0.6)}, {"token": " other", "logprob": math.log(0.3)}]
    for entry in top:
        entry["bytes"] = list(entry["token"].encode())
    delta = {"content": [{"token": word, "logprob": math.log(0.6), "bytes": list(word.encode()), "top_logprobs": top}]}
    choice = {"index": index, "delta": {"content": word}, "logprobs": delta, "finish_reason": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-mini", "choices": [choice]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path == "/v1/models":
            self._json(200, {"data": [{"id": name} for name in self.server.models]})
        else:
            self._json(404, {"error": {"message": "no such path"}})

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.server.requests.append((dict(self.headers), json.loads(self.rfile.read(length))))
        fault = self.server.faults.pop(0) if len(self.server.faults) > 1 else self.server.faults[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, fault[0])(*fault[1:])

    def whole(self, pause=0.0):
        self._begin()
        for word in WORDS:
            self._send(b"data: " + json.dumps(chunk(word)).encode() + b"\n\n")
            time.sleep(pause)
        self._send(b"data: [DONE]\n\n")
        self._send(b"")

    def cut(self, words):
        """The connection ends in the middle of a line."""
        self._begin()
        for word in WORDS[:words]:
            self._send(b"data: " + json.dumps(chunk(word)).encode() + b"\n\n")
        self._send(b'data: {"id": "chatcmpl-1", "obj')
        self.close_connection = True
        self.connection.close()

    def hangs_up(self):
        """The connection ends before a byte of the answer."""
        self.close_connection = True
        self.connection.close()

    def unfinished(self, words):
        """The stream ends in good order, without its last line."""
        self._begin()
        for word in WORDS[:words]:
            self._send(b"data: " + json.dumps(chunk(word)).encode() + b"\n\n")
        self._send(b"")

    def error_inside(self, words):
        self._begin()
        for word in WORDS[:words]:
            self._send(b"data: " + json.dumps(chunk(word)).encode() + b"\n\n")
        self._send(b'data: {"error": {"message": "out of memory on device 3"}}\n\n')
        self._send(b"")

    def stalls(self, words):
        self._begin()
        for word in WORDS[:words]:
            self._send(b"data: " + json.dumps(chunk(word)).encode() + b"\n\n")
        time.sleep(1.5)

    def refuses(self, code, retry_after=None):
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        self._json(code, {"error": {"message": f"refused for the sake of {code}"}}, headers)

    def web_page(self):
        self._plain(200, b"<html><body>It works!</body></html>", {"Content-Type": "text/html; charset=utf-8"})

    def not_json(self):
        self._plain(200, b"what a lovely day\n" * 3, {"Content-Type": "text/plain"})

    def huge_headers(self):
        self._plain(200, b"{}", {f"X-Filler-{i}": "x" * 4000 for i in range(60)})

    def no_logprobs(self):
        self._begin()
        choice = {"index": 0, "delta": {"content": "It"}, "logprobs": None, "finish_reason": "stop"}
        line = {"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
        self._send(b"data: " + json.dumps(line).encode() + b"\n\ndata: [DONE]\n\n")
        self._send(b"")

    def _begin(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _send(self, data):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _json(self, code, value, headers=None):
        self._plain(code, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _plain(self, code, content, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def fault_server(*faults, models=("gpt-4o-mini",)):
    """Answers the posts one after the other with `faults`, the last one for ever; yields (address, server)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.faults, server.requests, server.models = list(faults), [], list(models)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
