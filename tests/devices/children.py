"""A worker process for these tests: it answers calls of the API, one line each, until its input ends."""

import json
import sys

from django.test import Client


def answer() -> None:
    """Each line of standard input is a call `{method, path, headers, body}`; its answer is one line."""
    client = Client(HTTP_HOST="localhost:8000")
    print("ready", flush=True)
    for line in sys.stdin:
        call = json.loads(line)
        content = {"data": call["body"], "content_type": "application/json"} if call["body"] else {}
        response = getattr(client, call["method"])(call["path"], headers=call["headers"], **content)
        # Of a session, "code" says how to join it.
        refusal = json.loads(response.content) if response.status_code >= 400 else {}
        print(json.dumps({"status": response.status_code, "code": refusal.get("code")}), flush=True)
