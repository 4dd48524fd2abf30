"""Makes packages, and starts what is in them as SCF starts it.

Guarantees: a started function listens only on loopback, has a cleared environment and a time limit;
it is gone when the `with` block ends. Not covered: what is right, which `deployment_files.py`
decides.
"""

import contextlib
import hashlib
import json
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20


def make(binary, folder, *files, umask=0o022):
    subprocess.run([ROOT / "scf/package", binary, folder, *files], check=True, umask=umask, timeout=SECONDS * 3)


def contents(folder):
    """Every file below it: path, mode, bytes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    is_zip = lambda path: path.suffix == ".zip"  # whose own mode is the maker's umask
    return {str(path.relative_to(folder)): (is_zip(path) or path.stat().st_mode, path.read_bytes()) for path in files}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def unfit(binary):
    """Copies that no platform could start."""
    other_machine = bytearray(binary)
    struct.pack_into("<H", other_machine, 18, 183)
    dynamic = bytearray(binary)
    (table,) = struct.unpack_from("<Q", dynamic, 32)
    struct.pack_into("<I", dynamic, table, 3)
    return {"is text": b"#!/bin/sh\n" * 20, "is for another machine": other_machine, "needs a loader": dynamic}


@contextlib.contextmanager
def started(folder, environment):
    process = subprocess.Popen(
        [folder.resolve() / "scf_bootstrap"],
        env=environment,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    too_long = threading.Timer(SECONDS, process.kill)
    too_long.start()
    try:
        yield Function(process)
    finally:
        process.kill()
        process.wait()
        too_long.cancel()
        process.stdout.close()


class Function:
    def __init__(self, process):
        self.process = process
        self.lines = []

    def healthz(self):
        with urllib.request.urlopen(f"http://{self._address()}/healthz", timeout=SECONDS) as answer:
            return answer.status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        self.lines.extend(self.process.stdout)
        return self.process.wait(SECONDS)

    def output(self):
        return "".join(self.lines)

    def _address(self):
        """From the line with the address that it listens on."""
        for line in self.process.stdout:
            self.lines.append(line)
            if "listening" in line:
                return re.search(r"127\.0\.0\.1:\d+", json.dumps(json.loads(line))).group()
        raise AssertionError(f"it does not listen, it says: {self.output()}")


class Script:
    """scf/deploy in a folder with a package, against a stand-in for `tccli`."""

    def __init__(self, binary, folder, *files):
        self.folder, self.output = folder.resolve(), []
        make(binary, folder / "dist", *files)
        (folder / "scf").mkdir()
        shutil.copy(ROOT / "scf/deploy", folder / "scf/deploy")
        (folder / "bin").mkdir()
        tccli = folder / "bin/tccli"
        tccli.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE}/tccli" "$@"\n')
        tccli.chmod(0o755)

    def settings(self, given, *lines, mode=0o600):
        file = self.folder / "scf/function.env"
        file.unlink(missing_ok=True)
        file.touch()
        # Whatever the umask is.
        file.chmod(mode)
        file.write_text("".join(f"{line}\n" for line in [*(f"{name}={value}" for name, value in given.items()), *lines]))

    def run(self, command, *options):
        done = self._start(command, *options)
        assert done.returncode == 0, done.stderr
        self.output.append(done.stderr)
        return done.stdout

    def refusal(self, command, *options):
        done = self._start(command, *options)
        assert done.returncode == 1 and not done.stdout, f"{command} was not refused: {done.stdout}"
        return done.stderr

    def _start(self, command, *options):
        return subprocess.run(
            [sys.executable, self.folder / "scf/deploy", command, "--region", "ap-shanghai", *options],
            env={"PATH": f"{self.folder}/bin", "TCCLI_STATE": str(self.folder / "state")},
            check=False, capture_output=True, text=True, timeout=SECONDS * 3,
        )

    def calls(self, action=None):
        state = self.folder / "state"
        calls = json.loads(state.read_text())["calls"] if state.exists() else []
        return [call["given"] for call in calls if action in (None, call["action"])]
