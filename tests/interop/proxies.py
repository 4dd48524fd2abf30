"""nginx and Caddy with the configurations of deploy/: TLS in front of the server, and a client
address that a client cannot invent.

Only ports, the host name of the certificate and its files are changed.
"""

import json
import os
import ssl
import sys
import time
import urllib.request

from world import ROOT, SECONDS, WORK, fail, free_port, run, started, sts, tool, wait_until_alive

# An address that the client claims to have.
CLAIMED = "203.0.113.9"


def replaced(text, pairs):
    for old, new in pairs:
        if old not in text:
            fail(f"the configuration has no `{old}`")
        text = text.replace(old, new)
    return text


def nginx(folder, port, server):
    text = replaced(
        (ROOT / "deploy/nginx/cos-issuer.conf").read_text(),
        [
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("listen [::]:443 ssl;", ""),
            ("127.0.0.1:5000", f"127.0.0.1:{server}"),
            ("/etc/ssl/certs/sts.example.com.pem", str(folder / "cert.pem")),
            ("/etc/ssl/private/sts.example.com.key", str(folder / "key.pem")),
        ],
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "cos-issuer.conf").write_text(text)
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths} include {folder}/cos-issuer.conf; }}\n"
    )
    return [tool("nginx", "nginx-light"), "-c", folder / "nginx.conf", "-p", folder, "-g", "daemon off;"]


def caddy(folder, port, server):
    text = replaced(
        (ROOT / "deploy/caddy/Caddyfile").read_text(),
        [
            ("sts.example.com {", f"https://localhost:{port} {{\n\ttls {folder}/cert.pem {folder}/key.pem"),
            ("127.0.0.1:5000", f"127.0.0.1:{server}"),
        ],
    )
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
    return [tool("caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]


def ask(port, certificate):
    context = ssl.create_default_context(cafile=certificate)
    handlers = urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({})
    request = urllib.request.Request(f"https://localhost:{port}/sign", headers={"X-Forwarded-For": CLAIMED})
    for _ in range(SECONDS * 10):
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=SECONDS) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except OSError:
            time.sleep(0.1)
    return fail("the proxy does not answer")


def main(binary):
    folder = WORK / "proxies"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    run([tool("openssl", "openssl"), "req", "-x509", *key, *files, *subject])
    home = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with sts() as settings:
        for name, proxy in [("nginx", nginx), ("Caddy", caddy)]:
            server, port = free_port(), free_port()
            settings |= {"PORT": str(server), "CLIENT_ADDRESS": "header:X-Forwarded-For:1"}
            with started([binary], settings, log=folder / f"{name}-server.log") as process:
                wait_until_alive(process, server)
                with started(proxy(folder, port, server), home, log=folder / f"{name}.log"):
                    status = ask(port, folder / "cert.pem")
            lines = (folder / f"{name}-server.log").read_text().splitlines()
            (line,) = [json.loads(line) for line in lines if '"decision"' in line]
            seen = (status, line["client_address"], line["client_address_source"])
            if seen != (200, "127.0.0.1", "header"):
                fail(f"{name}: status, address and its source are {seen}")
            print(f"proxies: {name} forwards the client's address, and not the one that it claims")


if __name__ == "__main__":
    main(sys.argv[1])
