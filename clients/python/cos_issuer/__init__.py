"""Starts a local cloud for Tencent Cloud COS, gives its addresses, and stops it.

    from cos_issuer import LocalCloud

    with LocalCloud("--preload", "fixtures") as cloud:
        print(cloud["gatewayUrl"], cloud["cosUrl"], cloud["bucket"])

# Guarantees
The cloud is ready once `start` returns. It takes free ports, and ends with the process that started
it, also when that is killed.

# Not covered
Clients of COS: docs/local-cloud-clients.md has the options of each.
"""

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import urllib.error
import urllib.request

STOP_SECONDS = 10


class LocalCloudError(Exception):
    """The cloud did not start, or refused a request; the text has its reason."""


class LocalCloud:
    """A local cloud. Its arguments are those of `cos-issuer run`.

    `program` is the path of `cos-issuer`: by default that of the variable COS_ISSUER, else the one
    of this package, else the one on the search path.
    """

    def __init__(self, *arguments, program=None):
        self.arguments = [str(argument) for argument in arguments]
        self.program = program or _program()
        self.addresses = {}
        self._process = None

    def start(self):
        """Starts it, and waits until it is ready."""
        with tempfile.TemporaryFile() as errors:
            command = [self.program, "run", "--json", "--stop-with-stdin", "--port", "0", *self.arguments]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
            line = self._process.stdout.readline()
            if not line:
                self.stop()
                errors.seek(0)
                raise LocalCloudError(errors.read().decode(errors="replace").strip())
        self.addresses = json.loads(line)
        return self

    def stop(self):
        """Stops it; with `--state`, that writes the file."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()

    def __getitem__(self, name):
        """An address or a name, as `cosUrl`: docs/emulator.md lists them."""
        return self.addresses[name]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def reset(self):
        """COS and the clock are again as they were after the start, and no faults are left."""
        self.admin("DELETE", "/state")
        self.admin("DELETE", "/faults")

    def advance_clock(self, span):
        """Moves the clock by seconds, or by a text such as `31m`."""
        self.admin("POST", "/clock", {"advance": span})

    def save_state(self, path):
        """Writes what COS stores, and the clock, to a file."""
        with self._request("GET", "/state") as answer, open(path, "wb") as file:
            shutil.copyfileobj(answer, file)

    def load_state(self, path):
        """Puts the state of a file in place of the present one."""
        with open(path, "rb") as file:
            headers = {"Content-Length": str(os.fstat(file.fileno()).st_size)}
            self._request("PUT", "/state", file, headers).close()

    def admin(self, method, path, body=None):
        """The answer of the admin API, for example to `("POST", "/faults", {...})`."""
        data = None if body is None else json.dumps(body).encode()
        with self._request(method, path, data, {"Content-Type": "application/json"}) as answer:
            return json.loads(answer.read())

    def _request(self, method, path, data=None, headers=None):
        request = urllib.request.Request(self["adminUrl"] + path, data, headers or {}, method=method)
        request.add_header("Authorization", f"Bearer {self['adminToken']}")
        try:
            # The environment may name a proxy, which does not lead to this machine.
            return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise LocalCloudError(refusal.read().decode(errors="replace")) from None


def _program():
    installed = os.path.join(sysconfig.get_path("scripts"), "cos-issuer")
    found = os.environ.get("COS_ISSUER") or (installed if os.access(installed, os.X_OK) else shutil.which("cos-issuer"))
    if not found:
        raise LocalCloudError("cos-issuer: must be installed (pip install cos-issuer), or named by the variable COS_ISSUER")
    return found
