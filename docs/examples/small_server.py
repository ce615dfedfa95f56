"""A server in OpenAI's dialect for a built-in model: enough to be asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

import entropist as en

MODEL = en.load_model("builtin:base")


class Handler(BaseHTTPRequestHandler):
    """Greedy continuations of the prompt, with the twenty most likely tokens of each place."""

    def do_GET(self):
        """The one model there is."""
        found = {"data": [{"id": "builtin:base"}]} if self.path == "/v1/models" else {}
        self.reply(200 if found else 404, "application/json", json.dumps(found).encode())

    def do_POST(self):
        """A streamed answer."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ids = [MODEL.bos_id, *MODEL.tokenize(asked["messages"][0]["content"]).ids.tolist()]
        lines = []
        for _ in range(asked["max_tokens"]):
            (row,) = MODEL.logits(np.array(ids, np.int32), start=len(ids) - 1)
            top = en.logits.statistics(row, top_k=asked["top_logprobs"])
            listed = [token(int(i), float(p)) for i, p in zip(top.top_ids[0], top.top_logprobs[0])]
            ids.append(int(top.top_ids[0, 0]))
            content = [{**listed[0], "top_logprobs": listed}]
            choice = {"index": 0, "delta": {"content": listed[0]["token"]}, "logprobs": {"content": content}}
            lines.append({"id": "1", "object": "chat.completion.chunk", "model": "builtin:base", "choices": [choice]})
        events = [f"data: {json.dumps(line)}\n\n" for line in lines] + ["data: [DONE]\n\n"]
        self.reply(200, "text/event-stream", "".join(events).encode())

    def reply(self, code, kind, body):
        """A whole answer."""
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


def token(number, logprob):
    """A token as OpenAI writes it."""
    raw = MODEL.piece(number)
    return {"token": raw.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(raw)}


def start():
    """The address of a server that runs until the program ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"
