"""What a suite needs around it: a local cloud with the account that it expects, a proxy to that
cloud, and the back end of its app.
"""

import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE, WORK, CLIENTS = ROOT / "tests/suites", ROOT / "target/suites", ROOT / "target/clients"
NODE, PYTHON = CLIENTS / "bin/node", CLIENTS / "venv/bin/python"
SECRET_ID, SECRET_KEY = "AKIDEMUsuites", "a-secret-key-of-the-suites-of-the-vendor"
ACCOUNT = """
appid = {appid}
owner_uin = {uin}
region = "{region}"
buckets = ["examplebucket-{appid}", "copy-{appid}"]

[[root_key]]
secret_id = "{secret_id}"
secret_key = "{secret_key}"

[[user]]
name = "issuer"
uin = 100000000002
policies = ['''{policy}''']
[[user.key]]
"""
ANYTHING = {"effect": "allow", "action": ["name/cos:*", "name/sts:*"], "resource": "*"}


class World:
    """The addresses of a running cloud, the environment of a suite, and what its requests left."""

    def __init__(self, work, addresses, proxy, backend):
        self.work, self.addresses, self.backend = work, addresses, backend
        self.files = files_of(work)
        proxies = {name: proxy for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
        proxies |= {name: "127.0.0.1,localhost" for name in ("no_proxy", "NO_PROXY")}
        trust = {name: addresses["caFile"] for name in ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")}
        self.environment = {
            "PATH": f"{CLIENTS / 'venv/bin'}:{CLIENTS / 'bin'}:/usr/bin:/bin",
            "HOME": str(work),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **proxies,
            **trust,
            **{name.upper(): str(path) for name, path in self.files.items()},
        }

    def without_proxy(self):
        """The same, for clients that redirect.js leads to the cloud."""
        direct = {name: value for name, value in self.environment.items() if "proxy" not in name.lower()}
        ports = {f"COS_{scheme}_PORT": self.port(f"cos{name}Url") for scheme, name in (("HTTP", ""), ("HTTPS", "Https"))}
        return direct | ports

    def port(self, name):
        return self.addresses[name].rsplit(":", 1)[1]

    def sizes(self):
        """How much was written to the files of the trace and of other hosts."""
        return {name: path.stat().st_size if path.exists() else 0 for name, path in self.files.items() if name != "results"}

    def record(self, name, outcome, message, before):
        after = self.sizes()
        line = {"name": name, "outcome": outcome, "message": message, **{file: [before[file], after[file]] for file in after}}
        with self.files["results"].open("a") as results:
            print(json.dumps(line), file=results)


def files_of(work):
    return {name: work / f"local-{name}" for name in ("results", "trace", "foreign")}


@contextmanager
def world(program, function, suite, work):
    """A local cloud, the proxy to it and the back end, until the block ends."""
    account = work / "local-account.toml"
    policy = json.dumps({"version": "2.0", "statement": [ANYTHING]})
    settings = {"secret_id": SECRET_ID, "secret_key": SECRET_KEY, "policy": policy}
    account.write_text(ACCOUNT.format(appid=suite.appid, uin=suite.uin, region=suite.region, **settings))
    statement = {"effect": "allow", "action": ["name/cos:*"], "resource": [suite.session]}
    session = json.dumps({"version": "2.0", "statement": [statement]})
    files = files_of(work)
    command = [program, "run", "--json", "--port", "0", "--account", account, "--function", function, "--trace", files["trace"]]
    command += ["--env", f"POLICY={session}", "--env", "ALLOW_FULL_ACCESS=true", *suite.arguments]
    with (work / "local-log").open("w") as log, started(command, stderr=log) as running:
        addresses = json.loads(running.stdout.readline())
        ports = [addresses[name].rsplit(":", 1)[1] for name in ("cosUrl", "cosHttpsUrl")]
        with started([NODE, HERE / "proxy.js", *ports, files["foreign"]]) as proxy, backend(addresses) as url:
            yield World(work, addresses, f"http://127.0.0.1:{proxy.stdout.readline().strip()}", url)


@contextmanager
def started(command, **options):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def backend(addresses):
    """An app's back end: `/sts` is the function's, `/uploadSign` a signed upload of `1.txt`."""

    class Backend(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/uploadSign":
                body = json.dumps({"signMap": {"PutObject": authorization("put", "/1.txt")}}).encode()
            else:
                body = urllib.request.urlopen(addresses["gatewayUrl"] + "/sts").read()
            self.answer(body)

        def do_OPTIONS(self):
            self.answer(b"")

        def answer(self, body):
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "Content-Type")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def authorization(method, path):
    """A signature of COS: <https://www.tencentcloud.com/document/product/436/7778>"""
    now = int(time.time())
    period = f"{now - 60};{now + 3600}"
    request = hashlib.sha1(f"{method}\n{path}\n\n\n".encode()).hexdigest()
    signature = hmac_sha1(hmac_sha1(SECRET_KEY, period), f"sha1\n{period}\n{request}\n")
    fields = {
        "q-sign-algorithm": "sha1", "q-ak": SECRET_ID, "q-sign-time": period, "q-key-time": period,
        "q-header-list": "", "q-url-param-list": "", "q-signature": signature,
    }
    return "&".join(f"{name}={value}" for name, value in fields.items())


def hmac_sha1(key, text):
    return hmac.new(key.encode(), text.encode(), "sha1").hexdigest()
