"""The story of tests/interop/s3.py by OpenDAL, unmodified. It prints a line for each check:
`ok NAME`, or `FAILED NAME` with what it got."""

import asyncio
import os
import urllib.request

import opendal

LARGE = b"large" * (11 * 1024 * 1024 // 5)
SETTINGS = {
    "endpoint": os.environ["ENDPOINT"],
    "bucket": os.environ["BUCKET"],
    "region": os.environ["REGION"],
    "access_key_id": os.environ["KEY_ID"],
    "secret_access_key": os.environ["SECRET_KEY"],
    "disable_config_load": "true",
    "disable_ec2_metadata": "true",
    **({"session_token": os.environ["TOKEN"]} if "TOKEN" in os.environ else {}),
}


def check(name, holds, found=""):
    print(f"ok {name}" if holds else f"FAILED {name} {found}", flush=True)


def error(call):
    try:
        call()
    except Exception as fault:  # noqa: BLE001: the kind differs between versions
        return f"{type(fault).__name__} {fault}"
    return ""


def main():
    prefix = os.environ["PREFIX"]
    op = opendal.Operator("s3", root="/" + prefix, **SETTINGS)
    op.write("a b/é(1)+中.txt", "text: é".encode(), content_type="text/plain")
    found = op.stat("a b/é(1)+中.txt")
    check("a small object has its type and length", (found.content_type, found.content_length) == ("text/plain", 8))
    check("a small object is read back", bytes(op.read("a b/é(1)+中.txt")) == "text: é".encode())
    with op.open("large.bin", "wb") as file:
        for start in range(0, len(LARGE), 1 << 20):
            file.write(LARGE[start:start + (1 << 20)])
    check("a large object is read back", bytes(op.read("large.bin")) == LARGE)
    with op.open("large.bin", "rb") as file:
        file.seek(5_000_000)
        check("a range is the bytes asked for", bytes(file.read(10)) == LARGE[5_000_000:5_000_010])
    op.copy("large.bin", "copy.bin")
    check("a copy is read back", bytes(op.read("copy.bin")) == LARGE)
    names = sorted(entry.path for entry in op.list("/", recursive=True))
    check("the list has the objects", [name for name in names if not name.endswith("/")] == ["a b/é(1)+中.txt", "copy.bin", "large.bin"], names)
    link = asyncio.run(presigned(prefix))
    with urllib.request.urlopen(link) as answer:
        check("a link downloads", answer.read() == LARGE)
    op.delete("copy.bin")
    check("what was deleted is gone", "NotFound" in error(lambda: op.stat("copy.bin")))
    op.remove_all("a b/")
    check("a folder is deleted", "NotFound" in error(lambda: op.stat("a b/é(1)+中.txt")))
    outside = opendal.Operator("s3", root="/someone-else/", **SETTINGS)
    calls = {"write": lambda: outside.write("a", b"x"), "read": lambda: outside.read("a"), "delete": lambda: outside.delete("a")}
    for name, call in calls.items():
        text = error(call)
        is_temporary = "TOKEN" in os.environ
        holds = "session policy" in text if is_temporary else text == ""
        check(f"{name} outside the prefix is {'refused' if is_temporary else 'allowed'}", holds, text)


async def presigned(prefix):
    request = await opendal.AsyncOperator("s3", root="/" + prefix, **SETTINGS).presign_read("large.bin", 300)
    return request.url


if __name__ == "__main__":
    main()
