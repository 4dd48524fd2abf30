"""The container image: that it is reproducible, and that its root file system runs by itself.

The server runs with the image's command, user and variables, in a chroot with nothing but the
image: as root by `chroot`, otherwise in a user namespace of its own.

# Not covered
Container engines, which need a daemon or rights that CI lacks; they read the same layout.
"""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from world import ROOT, WORK, check_sign, fail, free_port, run, started, sts, tool, wait_until_alive


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blob(layout, descriptor):
    content = (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    if len(content) != descriptor["size"] or f"sha256:{hashlib.sha256(content).hexdigest()}" != descriptor["digest"]:
        fail(f"{descriptor['digest']} is not what its descriptor names")
    return content


def isolated(root, user, command):
    if os.geteuid() == 0:
        return [tool("chroot", "coreutils"), f"--userspec={user}", root, *command]
    return [tool("unshare", "util-linux"), "--map-root-user", f"--root={root}", *command]


def main(binary):
    first, second = WORK / "image/1", WORK / "image/2"
    for folder, umask in [(first, 0o022), (second, 0o077)]:
        run(["deploy/container/image", binary, folder], cwd=ROOT, umask=umask)
    if files(first / "oci") != files(second / "oci"):
        fail("two builds of one binary are two images")

    layout = first / "oci"
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(layout, entry))
    config = json.loads(blob(layout, manifest["config"]))["config"]
    (layer,) = manifest["layers"]
    blob(layout, layer)
    root = WORK / "image/root"
    run(["rm", "-rf", root])
    with tarfile.open(layout / "blobs" / layer["digest"].replace(":", "/")) as archive:
        archive.extractall(root, filter="data")
    before = files(root)
    if list(before) != ["cos-issuer-server"] or before["cos-issuer-server"] != Path(binary).read_bytes():
        fail(f"the image contains {list(before)}")

    with sts(over="http") as settings:
        port = free_port()
        environment = dict(pair.split("=", 1) for pair in config["Env"])
        if environment != {"PORT": "9000"} or config["ExposedPorts"] != {"9000/tcp": {}}:
            fail("the image has another port than 9000")
        environment |= settings | {"PORT": str(port)}
        check = isolated(root, config["User"], config["Healthcheck"]["Test"][1:])
        if subprocess.run(check, env=environment, capture_output=True, check=False).returncode != 1:
            fail("the health check of a server that is not running does not fail")
        with started(isolated(root, config["User"], config["Entrypoint"]), environment) as process:
            wait_until_alive(process, port)
            seen = os.readlink(f"/proc/{process.pid}/root")
            if Path(seen) != root:
                fail(f"the server sees {seen}")
            if os.geteuid() == 0 and Path(f"/proc/{process.pid}").stat().st_uid != int(config["User"].split(":")[0]):
                fail("the server runs as another user than the image's")
            check_sign(port)
            run(check, env=environment)
        if process.returncode != 0:
            fail(f"the server ended with {process.returncode} after SIGTERM")
    if files(root) != before:
        fail("the server wrote files")
    print("image: reproducible; its root file system answers /sign as", config["User"])


if __name__ == "__main__":
    main(sys.argv[1])
