"""A stand-in for a gateway that speaks WAHA's REST interface: one session with labels on many chats.

Two states differ in one chat of ten, and each fetch of the labels turns to the other one: so every refresh has something to
write, and a few of them fill the log of an instance, so that a checkpoint is due.
"""

import json
import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STAGES = [40, 25, 15, 10, 6, 4]
"""The percentage of the chats in each stage. Every chat has one."""
TAGS = 14
"""The nth tag is n times as rare as the first."""
WITH_TAGS = [60, 27, 10, 3]
"""The percentage of the chats with no tag, one tag, and so on."""


def state(chats, moved):
    """The chats of each label, by the label's id. `moved` chats of a hundred are in another stage than otherwise."""
    draw = random.Random(7)
    labels = {str(label): [] for label in range(1, len(STAGES) + TAGS + 1)}
    for number in range(chats):
        chat = f"55119{number:08}@c.us"
        stage = draw.choices(range(len(STAGES)), STAGES)[0]
        if draw.randrange(100) < moved:
            stage = (stage + 1) % len(STAGES)
        tags = set()
        wanted = draw.choices(range(len(WITH_TAGS)), WITH_TAGS)[0]
        while len(tags) < wanted:
            tags.update(draw.choices(range(TAGS), [1 / (tag + 1) for tag in range(TAGS)]))
        for label in [stage] + [len(STAGES) + tag for tag in sorted(tags)]:
            labels[str(label + 1)].append({"id": chat})
    return {label: json.dumps(listed).encode() for label, listed in labels.items()}


def serve(chats, port):
    """Serves for ever; sends the port once there is something to ask."""
    states = [state(chats, 0), state(chats, 10)]
    labels = [{"id": label, "name": f"Label {label}", "color": int(label) - 1} for label in states[0]]
    fetches = 0

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            nonlocal fetches
            path = self.path.split("/")
            if path[2] == "sessions":
                body = b'{"status":"WORKING"}'
            elif path[-1] == "labels":
                fetches += 1
                body = json.dumps(labels).encode()
            else:
                body = states[fetches % 2][path[-2]]
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    port.send(server.server_port)
    server.serve_forever()
