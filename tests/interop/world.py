"""What the parts share: a local STS, servers that call it, and how a part fails.

Guarantees: everything listens on loopback and is gone when its `with` block ends.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/interop"
EMULATOR = ROOT / "target/emulator/cos-issuer"
SECONDS = 60


def fail(text):
    sys.exit(f"tests/interop: {text}")


def tool(name, package):
    """The path of a program."""
    path = shutil.which(name)
    return path or fail(f"`{name}` is missing: install the package {package}")


def run(command, **options):
    """The output of a command that must succeed."""
    done = subprocess.run(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS * 3, check=False, **options
    )
    if done.returncode:
        fail(f"`{' '.join(map(str, command))}` ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


@contextlib.contextmanager
def sts(over="https"):
    """A local STS, and the settings of a server that calls it."""
    if not EMULATOR.exists():
        fail(f"{EMULATOR} is not built: run `make emulator`")
    process = subprocess.Popen([EMULATOR, "sts", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        cloud = json.loads(process.stdout.readline())
        https = {"STS_ENDPOINTS": cloud["stsUrl"], "STS_CA_FILE": cloud["caFile"]}
        endpoint = https if over == "https" else {"STS_ENDPOINTS": cloud["stsHttpUrl"]}
        yield endpoint | {
            "SECRET_ID": cloud["secretId"],
            "SECRET_KEY": cloud["secretKey"],
            "KEY_OWNER": "sub-account",
            "AUTH": "none",
            "BUCKET": "examplebucket-1250000000",
            "REGION": "ap-guangzhou",
            "PREFIX": "users/",
            "ALLOW": "upload",
            "EXTENSIONS": "jpg,png",
            "HOST": "127.0.0.1",
        }
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def started(command, environment, log=WORK / "log"):
    """A process that is stopped at the end, and its log as a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log = log.open("w+")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    process.log = log
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(port, path):
    """Status and body; no proxy of the machine is used."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


def wait_until_alive(process, port):
    for _ in range(SECONDS * 20):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            if get(port, "/livez")[0] == 200:
                return
        time.sleep(0.05)
    process.log.seek(0)
    fail(f"the server on port {port} does not answer:\n{process.log.read()}")


def check_sign(port):
    status, body = get(port, "/sign")
    if status != 200 or json.loads(body).get("codeDesc") != "Success":
        fail(f"/sign answered {status} {'with a credential' if status == 200 else body}")


def as_root(*command):
    """The command as root: of this machine, or of a user namespace of its own."""
    if os.geteuid() == 0:
        return [*command]
    return [tool("unshare", "util-linux"), "--map-root-user", *command]
