"""The Debian package: what it contains, that it is reproducible, and that dpkg installs, upgrades
and removes it.

dpkg works below a folder of its own. Its scripts find a `systemctl` that only prints.
"""

import os
import sys

from world import ROOT, WORK, as_root, fail, run, tool

CONTENTS = {
    "./etc/cos-issuer/cos-issuer.env": "-rw-------",
    "./usr/bin/cos-issuer-server": "-rwxr-xr-x",
    "./usr/lib/systemd/system/cos-issuer.service": "-rw-r--r--",
    "./usr/lib/systemd/system/cos-issuer.socket": "-rw-r--r--",
    "./usr/share/doc/cos-issuer/copyright": "-rw-r--r--",
}


def build(binary, folder, umask):
    run(["deploy/debian/build", binary, folder], cwd=ROOT, umask=umask)
    (package,) = folder.glob("*.deb")
    return package


def main(binary):
    deb = tool("dpkg-deb", "dpkg")
    folder = WORK / "package"
    run(["rm", "-rf", folder])
    first, second = build(binary, folder / "1", 0o022), build(binary, folder / "2", 0o077)
    if first.read_bytes() != second.read_bytes():
        fail("two builds of one binary are two packages")

    rows = [line.split() for line in run([deb, "--contents", first]).splitlines()]
    if any(owner != "root/root" for _, owner, *_ in rows):
        fail("a file of the package is not root's")
    found = {path: mode for mode, *_, path in rows if not path.endswith("/")}
    if found != CONTENTS:
        fail(f"the package contains {found}")
    if run([deb, "--field", first, "Package"]).strip() != "cos-issuer":
        fail("the package has another name")

    root, programs = folder / "root", folder / "programs"
    for path in ("updates", "info", "triggers"):
        (root / "var/lib/dpkg" / path).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    programs.mkdir()
    (programs / "systemctl").write_text('#!/bin/sh\necho "systemctl $*"\n')
    (programs / "systemctl").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}:/usr/sbin:/sbin"
    dpkg = as_root(tool("dpkg", "dpkg"), f"--root={root}", "--force-script-chrootless", "--log=/dev/null")
    dpkg = ["env", f"PATH={path}", *dpkg]

    run([*dpkg, "--install", first])
    installed, settings = root / "usr/bin/cos-issuer-server", root / "etc/cos-issuer/cos-issuer.env"
    if not run([installed, "--version"]).startswith("cos-issuer "):
        fail("the installed server does not print its version")
    settings.write_text("edited\n")
    run([*dpkg, "--install", second])
    if settings.read_text() != "edited\n" or settings.stat().st_mode & 0o777 != 0o600:
        fail("an upgrade replaced the settings")
    run([*dpkg, "--remove", "cos-issuer"])
    if installed.exists() or not settings.exists():
        fail("a removal leaves the server, or takes the settings along")
    run([*dpkg, "--purge", "cos-issuer"])
    if settings.exists():
        fail("the settings are left after a purge")
    print(f"package: {first.name} is reproducible; installed, upgraded, removed")


if __name__ == "__main__":
    main(sys.argv[1])
