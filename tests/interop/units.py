"""The systemd units: they are installed as written, verify, and are confined.

# Not covered
Starting them, which needs systemd as the first process; `upgrade.py` shows the socket.
"""

import sys
from pathlib import Path

from world import ROOT, WORK, fail, run, tool

# Of `systemd-analyze security`, in tenths: below 20 it calls a service "OK".
MAX_EXPOSURE = 15


def main(binary):
    analyze = tool("systemd-analyze", "systemd")
    root = WORK / "installed"
    run(["rm", "-rf", root])
    run(["make", "install", f"server={binary}", f"DESTDIR={root}", "PREFIX=/usr"], cwd=ROOT)
    units = [root / f"usr/lib/systemd/system/cos-issuer.{kind}" for kind in ("service", "socket")]
    for path, mode in [
        (root / "usr/bin/cos-issuer-server", 0o755),
        (root / "etc/cos-issuer/cos-issuer.env", 0o600),
        *((unit, 0o644) for unit in units),
    ]:
        if path.stat().st_mode & 0o777 != mode:
            fail(f"{path} has mode {path.stat().st_mode & 0o777:o}, not {mode:o}")
    if Path("/usr/bin/cos-issuer-server").exists():
        fail("cos-issuer is installed on this machine: the check needs one without it")

    # The program is not on this machine, and everything else has to be right.
    text = units[0].read_text()
    units[0].write_text(text.replace("/usr/bin/cos-issuer-server", str(root / "usr/bin/cos-issuer-server")))
    printed = run([analyze, "verify", "--man=no", *units])
    if "cos-issuer" in printed:
        fail(f"systemd-analyze verify:\n{printed}")
    units[0].write_text(text)
    if "\nStartLimitIntervalSec=0\n" not in text.partition("[Service]")[0]:
        fail("a service with a start limit closes its socket when it reaches it, so connections cannot wait")
    run([analyze, "security", "--offline=true", f"--threshold={MAX_EXPOSURE}", units[0]])
    # The check is able to fail.
    units[0].write_text(text.replace("DynamicUser=yes\n", "").replace("CapabilityBoundingSet=\n", ""))
    weakened = run(["sh", "-c", f"{analyze} security --offline=true --threshold={MAX_EXPOSURE} '{units[0]}' >&2 || echo weak"])
    if not weakened.endswith("weak\n"):
        fail("systemd-analyze security accepts a service with every capability")

    # An administrator's settings survive.
    settings = root / "etc/cos-issuer/cos-issuer.env"
    settings.write_text("edited")
    run(["make", "install", f"server={binary}", f"DESTDIR={root}", "PREFIX=/usr"], cwd=ROOT)
    run(["make", "uninstall", f"DESTDIR={root}", "PREFIX=/usr"], cwd=ROOT)
    left = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    if left != ["etc/cos-issuer/cos-issuer.env"] or settings.read_text() != "edited":
        fail(f"after `make uninstall` these are left: {left}")
    print("units: installed, verified, confined, removed")


if __name__ == "__main__":
    main(sys.argv[1])
