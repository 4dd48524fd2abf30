#!/usr/bin/env python3
"""A function for tests. BEHAVIOUR, or `behave` in the query of a request, chooses what it does.

It uses SCF's and Lambda's runtime API and plain HTTP, chosen as the real function chooses. Without
BEHAVIOUR it answers with the event that it got. ONCE_FILE limits BEHAVIOUR to the first instance
that creates the file.
"""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request


VERSION = "one"
TICKS = 0


def main():
    behaviour = os.environ.get("BEHAVIOUR", "echo")
    once = os.environ.get("ONCE_FILE")
    if once:
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            behaviour = "echo"
    print("function started as", behaviour, flush=True)
    print("and says so on standard error too", file=sys.stderr, flush=True)
    if behaviour == "crash-init":
        sys.exit(3)
    if behaviour == "hang-init":
        time.sleep(600)
    if behaviour == "slow-init":
        time.sleep(float(os.environ["SLOW"]))
    if behaviour == "memory-init":
        take_memory()
        time.sleep(600)
    if behaviour == "ticks":
        threading.Thread(target=tick, daemon=True).start()
        behaviour = "echo"
    if behaviour == "ignore-term":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        Lambda().run(behaviour)
    elif "SCF_RUNTIME_API" in os.environ:
        Scf().run(behaviour)
    else:
        serve(behaviour)


def tick():
    """Counts hundredths of a second, in the background."""
    global TICKS
    while True:
        time.sleep(0.01)
        TICKS += 1


def take_memory(megabytes=200):
    """That much, each page of it touched."""
    return bytearray(b"x") * (megabytes * 1024 * 1024)


class Runtime:
    """The loop that both runtime APIs share."""

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.request(method, path, body=body, headers={"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()

    def run(self, behaviour):
        self.start(behaviour)
        if behaviour == "crash-ready":
            os._exit(5)
        if behaviour == "never-fetch":
            time.sleep(600)
        served = 0
        while True:
            _, headers, event = self.next()
            served += 1
            told = behave(event) or (behaviour if behaviour not in ("ignore-term", "slow-init") else "echo")
            if told == "crash-busy":
                os._exit(7)
            elif told == "hang-busy":
                time.sleep(600)
            elif told == "slow":
                time.sleep(float(os.environ["SLOW"]))
                self.response(reply({"answer": "slow"}))
            elif told == "panic":
                os.abort()
            elif told == "memory":
                take_memory()
                self.response(reply({"answer": "too much"}))
            elif told == "memory-burst":
                take_memory(50)
                self.response(reply({"answer": "too much for a moment"}))
            elif told == "memory-idle":
                self.response(reply({"pid": os.getpid()}))
                kept = take_memory()
                time.sleep(600)
            elif told == "memory-hang":
                kept = take_memory()
                time.sleep(600)
            elif told == "ticks":
                self.response(reply({"ticks": TICKS}))
            elif told == "own-secret":
                self.response(reply({"secret": os.environ["SECRET_KEY"]}))
            elif told == "secret-error":
                self.error(json.dumps({"errorType": "Leak\nSTART " + os.environ["SECRET_KEY"]}).encode())
            elif told == "error":
                self.error(b"parse event error")
            elif told == "not-json":
                self.response(b"this is not JSON")
            elif told == "bad-shape":
                self.response(b'{"statusCode":"many","body":{}}')
            elif told == "too-large":
                self.response(b'"' + b"x" * (6 * 1024 * 1024 + 1024) + b'"')
            elif told == "just-over":
                self.response(b'"' + b"x" * (6 * 1024 * 1024) + b'"')
            elif told == "raw":
                self.response(os.environ["RAW"].encode())
            elif told == "twice-next":
                _, again_headers, again = self.next()
                same = event == again and self.id_of(headers) == self.id_of(again_headers)
                self.response(reply({"same": same}))
            elif told == "twice-response":
                self.response(reply({"answer": "first"}))
                status = self.response(reply({"answer": "second"}))[0]
                self.error(b"third")
                print("second response acknowledged with", status, flush=True)
            elif told == "late-response":
                self.response(reply({"served": served}))
                time.sleep(0.3)
                self.response(reply({"answer": "late"}))
            elif told == "crash-idle":
                self.response(reply({"served": served, "pid": os.getpid()}))
                time.sleep(0.2)
                os._exit(9)
            elif told == "descendant":
                child = subprocess.Popen(["sleep", "600"])
                self.response(reply({"pid": child.pid}))
            elif told == "environment":
                self.response(reply(dict(os.environ)))
            elif told == "names":
                self.response(reply([name for name, _ in headers]))
            elif told == "sign":
                status, answer = credentials()
                self.response(reply(answer, status))
            elif told == "unasked":
                status = self.unasked()
                self.response(reply({"status": status}))
            else:
                self.response(reply({"event": json.loads(event), "served": served, "pid": os.getpid(), "version": VERSION, "next": dict((name.lower(), value) for name, value in headers)}))


class Scf(Runtime):
    def __init__(self):
        self.host, self.port = os.environ["SCF_RUNTIME_API"], int(os.environ["SCF_RUNTIME_API_PORT"])

    def start(self, behaviour):
        if behaviour == "never-ready":
            return
        body = b"" if behaviour == "empty-ready" else b" "
        print("ready answered with", self.call("POST", "/runtime/init/ready", body)[0], flush=True)

    def next(self):
        return self.call("GET", "/runtime/invocation/next")

    def response(self, body):
        return self.call("POST", "/runtime/invocation/response", body)

    def error(self, body):
        return self.call("POST", "/runtime/invocation/error", body)

    def unasked(self):
        return self.call("GET", "/runtime/elsewhere")[0]

    def id_of(self, headers):
        return [value for name, value in headers if name.lower() == "request_id"][0]


class Lambda(Runtime):
    ROOT = "/2018-06-01/runtime/"

    def __init__(self):
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        self.host, self.port, self.id = host, int(port), None

    def start(self, behaviour):
        if behaviour == "init-error":
            body = json.dumps({"errorMessage": "no configuration", "errorType": "Runtime.Configuration"})
            self.call("POST", self.ROOT + "init/error", body.encode())
            sys.exit(1)

    def next(self):
        answer = self.call("GET", self.ROOT + "invocation/next")
        self.id = self.id_of(answer[1])
        return answer

    def response(self, body):
        return self.call("POST", self.ROOT + "invocation/" + self.id + "/response", body)

    def error(self, body):
        return self.call("POST", self.ROOT + "invocation/" + self.id + "/error", body)

    def unasked(self):
        return self.call("POST", self.ROOT + "invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response", b"{}")[0]

    def id_of(self, headers):
        return [value for name, value in headers if name.lower() == "lambda-runtime-aws-request-id"][0]


def behave(event):
    """`behave=<what>` anywhere in the event."""
    text = event.decode(errors="replace")
    for opening in ["behave=", '"behave":"', '"behave":["']:
        if opening in text:
            return text.split(opening)[1].split('"')[0].split("&")[0]
    return None


def reply(value, status=201):
    return json.dumps({
        "isBase64Encoded": False,
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "X-Function": "yes"},
        "body": json.dumps(value),
    }).encode()


def credentials():
    """The real job in its plainest form: one call to the STS, signed here with no other code."""
    resource = "qcs::cos:%s:uid/1250000000:%s/users/*" % (os.environ["REGION"], os.environ["BUCKET"])
    policy = {"version": "2.0", "statement": [{"effect": "allow", "action": ["name/cos:PutObject"], "resource": [resource]}]}
    body = json.dumps({"Name": "python", "Policy": urllib.parse.quote(json.dumps(policy))})
    url = os.environ["STS_ENDPOINTS"]
    host = url.split("//")[1]
    now = int(time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    canonical = "POST\n/\n\ncontent-type:application/json\nhost:%s\n\ncontent-type;host\n%s" % (host, hashlib.sha256(body.encode()).hexdigest())
    scope = date + "/sts/tc3_request"
    to_sign = "TC3-HMAC-SHA256\n%d\n%s\n%s" % (now, scope, hashlib.sha256(canonical.encode()).hexdigest())
    key = ("TC3" + os.environ["SECRET_KEY"]).encode()
    for part in [date, "sts", "tc3_request"]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(url, data=body.encode(), headers={
        "Authorization": "TC3-HMAC-SHA256 Credential=%s/%s, SignedHeaders=content-type;host, Signature=%s" % (os.environ["SECRET_ID"], scope, signature),
        "Content-Type": "application/json",
        "X-TC-Action": "GetFederationToken",
        "X-TC-Version": "2018-08-13",
        "X-TC-Timestamp": str(now),
    })
    context = ssl.create_default_context(cafile=os.environ["STS_CA_FILE"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    answer = json.load(opener.open(request))["Response"]
    if "Error" in answer:
        return 502, {"code": 5100, "codeDesc": answer["Error"]["Code"]}
    return 200, {"code": 0, "message": "", "codeDesc": "Success", "data": {"credentials": answer["Credentials"]}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        told = behave(self.path.encode()) or os.environ.get("BEHAVIOUR", "echo")
        status = 201
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if told == "crash-busy":
            os._exit(7)
        if told == "hang-busy":
            time.sleep(600)
        if told == "garbage":
            self.wfile.write(b"no HTTP at all\r\n\r\n")
            self.close_connection = True
            return
        headers = {"Content-Type": "application/json", "X-Function": "yes"}
        if told == "memory":
            take_memory()
        if told == "ticks":
            answer = json.dumps({"ticks": TICKS}).encode()
        elif told == "sign":
            status, answer = credentials()
            answer = json.dumps(answer).encode()
        elif told == "environment":
            answer = json.dumps(dict(os.environ)).encode()
        elif told == "big-headers":
            headers["X-Big"] = "x" * 5000
            answer = b"{}"
        elif told == "too-large":
            answer = b"x" * (6 * 1024 * 1024 + 1)
        else:
            answer = json.dumps({
                "method": self.command,
                "target": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": base64.b64encode(body).decode(),
                "pid": os.getpid(),
                "version": VERSION,
            }).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = handle_one

    def log_message(self, *_):
        pass


def serve(behaviour):
    if behaviour == "never-listen":
        time.sleep(600)
    server = http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
    server.serve_forever()


main()
