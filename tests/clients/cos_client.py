"""Drives `cos-python-sdk-v5` against a COS server.

    cos_client.py story|calls

The credential comes from ISSUER_URL, for BUCKET, REGION and PREFIX. CREDENTIALS (JSON, by name)
contains further credentials that the test changed. COS listens on COS_ADDRESS. CALLS is a list of
{name, as, method, params, bytes}: `as` chooses the credential, `bytes` is the size of the upload.

`Scheme`, `IP` and `Port` point the SDK there, with which it keeps the bucket's real host, and
`ServiceDomain` (docs/local-cloud-clients.md).

Guarantees: one line on standard output, no secret in it. Not covered: whether the outcome is right;
the tests check that.
"""

import json
import os
import socket
import sys
import tempfile

import requests
from qcloud_cos import CosClientError, CosConfig, CosS3Client, CosServiceError

import outcome

# Five whole parts and a bit of a sixth, in the SDK's own size of 1 MiB.
LARGE_BYTES = 5 * 1024 * 1024 + 12345
PATIENCE_SECONDS = 50

# `localhost` is this machine (RFC 6761), also on a system whose files do not name it.
system_lookup = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: system_lookup("127.0.0.1" if host == "localhost" else host, *more, **named)


def main(what):
    bucket, prefix = outcome.required("BUCKET"), outcome.required("PREFIX")
    with tempfile.TemporaryDirectory() as folder:
        if what == "story":
            line = {"checks": Story(client(from_issuer()), bucket, prefix, folder).tell()}
        else:
            line = {"calls": calls(bucket, json.loads(outcome.required("CALLS")))}
    outcome.finish(0, {"outcome": "ok", **line})


class Story:
    """A small upload, one in parts that is interrupted and resumed, reads, copies, deletions."""

    def __init__(self, cos, bucket, prefix, folder):
        self.cos, self.bucket, self.prefix, self.folder = cos, bucket, prefix, folder
        self.checks = {}

    def tell(self):
        try:
            self.small_object()
            self.large_object()
            self.given_up()
            self.copied_listed_deleted()
        except (CosServiceError, CosClientError) as refused:
            code = refused.get_error_code() if isinstance(refused, CosServiceError) else "CosClientError"
            outcome.error(code, f"after {list(self.checks)}")
        return self.checks

    def small_object(self):
        cos, small = self.cos, self.at("a b/é(1)+中.txt")
        text = "a few bytes: é, 中文".encode()
        stored = cos.put_object(**small, Body=text, EnableMD5=True, ContentType="text/plain")
        self.checks["a small upload has a quoted ETag"] = stored["ETag"].startswith('"') and len(stored["ETag"]) == 34
        head = cos.head_object(**small)
        self.checks["head tells the type"] = head["Content-Type"] == "text/plain"
        self.checks["head tells the ETag"] = head["ETag"] == stored["ETag"]
        self.checks["the small object is read back"] = self.read(**small) == text

    def large_object(self):
        cos, big, large = self.cos, self.at("large.bin"), pattern(LARGE_BYTES)
        file = self.file("large", large)
        try:
            cos.upload_file(**big, LocalFilePath=file, EnableMD5=True, progress_callback=interrupted)
            self.checks["the large upload was paused and resumed"] = False
        except CosClientError:
            cos.upload_file(**big, LocalFilePath=file, EnableMD5=True)
            self.checks["the large upload was paused and resumed"] = True
        self.checks["the large object is read back"] = self.read(**big) == large
        self.checks["a range is the bytes asked for"] = (
            self.read(**big, Range="bytes=1048570-1048589") == large[1048570:1048590])
        target = os.path.join(self.folder, "downloaded")
        cos.download_file(**big, DestFilePath=target, PartSize=1, EnableCRC=True, DumpRecordDir=self.folder)
        with open(target, "rb") as downloaded:
            self.checks["the large object is downloaded in ranges"] = downloaded.read() == large

    def given_up(self):
        cos, given = self.cos, self.at("given-up.bin")
        try:
            cos.upload_file(**given, LocalFilePath=self.file("given-up", pattern(LARGE_BYTES)), progress_callback=interrupted)
            self.checks["a large upload was cancelled"] = False
        except CosClientError:
            self.checks["a large upload was cancelled"] = True
        for upload in self.uploads():
            cos.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        self.checks["no parts are left"] = self.uploads() == []

    def copied_listed_deleted(self):
        cos, small, copy = self.cos, self.at("a b/é(1)+中.txt"), self.at("copy.txt")
        source = {"Bucket": self.bucket, "Key": small["Key"], "Region": outcome.required("REGION")}
        # Not `copy`: it asks the real host for the size of the source and ignores `IP`.
        cos.copy_object(**copy, CopySource=source)
        self.checks["the copy is read back"] = self.read(**copy) == self.read(**small)
        listed = cos.list_objects(Bucket=self.bucket, Prefix=self.prefix, Delimiter="/")
        names = [found["Key"][len(self.prefix):] for found in listed["Contents"]]
        self.checks["the list has the objects"] = names == ["copy.txt", "large.bin"]
        folders = [found["Prefix"][len(self.prefix):] for found in listed["CommonPrefixes"]]
        self.checks["the list has the folder"] = folders == ["a b/"]
        cos.delete_object(**copy)
        self.checks["what was deleted is gone"] = not cos.object_exists(**copy)
        two = [{"Key": small["Key"]}, {"Key": self.prefix + "never-there.txt"}]
        deleted = cos.delete_objects(Bucket=self.bucket, Delete={"Object": two, "Quiet": "false"})
        self.checks["several were deleted at once"] = len(deleted["Deleted"]) == 2 and "Error" not in deleted

    def at(self, name):
        return {"Bucket": self.bucket, "Key": self.prefix + name}

    def read(self, **where):
        return self.cos.get_object(**where)["Body"].get_raw_stream().read()

    def uploads(self):
        return self.cos.list_multipart_uploads(Bucket=self.bucket, Prefix=self.prefix).get("Upload", [])

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path


def interrupted(sent, _total):
    """The SDK has no pause: an app stops an upload in its progress callback, then resumes."""
    if sent > LARGE_BYTES // 2:
        raise InterruptedError


def calls(bucket, given):
    clients = {name: client(key) for name, key in json.loads(os.environ.get("CREDENTIALS", "{}")).items()}
    outcomes = []
    for each in given:
        name = each.get("as", "own")
        if name not in clients:
            clients[name] = client(from_issuer())
        params = {"Bucket": bucket, **each.get("params", {})}
        # A call without a bucket names None.
        params = {name: value for name, value in params.items() if value is not None}
        if "bytes" in each:
            params["Body" if each["method"] != "append_object" else "Data"] = pattern(each["bytes"])
        outcomes.append({"name": each["name"], **outcome_of(getattr(clients[name], each["method"]), params)})
    return outcomes


def outcome_of(method, params):
    try:
        answer = method(**params) or {}
    except CosServiceError as refused:
        return {"status": refused.get_status_code(), "code": refused.get_error_code(), "request_id": refused.get_request_id()}
    except CosClientError as refused:
        return {"status": 0, "code": "CosClientError", "request_id": "", "message": type(refused).__name__}
    answer = answer[0] if isinstance(answer, tuple) else answer
    errors = [{"key": error["Key"], "code": error["Code"]} for error in answer.get("Error", [])]
    return {"status": 200, "request_id": answer.get("x-cos-request-id", ""), "errors": errors}


def client(key):
    address, port = outcome.required("COS_ADDRESS").split(":")
    return CosS3Client(CosConfig(
        Region=outcome.required("REGION"), SecretId=key["TmpSecretId"], SecretKey=key["TmpSecretKey"],
        Token=key["SecurityToken"], Scheme="http", IP=address, Port=int(port), ServiceDomain=f"localhost:{port}"))


def from_issuer():
    answer = requests.get(outcome.required("ISSUER_URL"), timeout=PATIENCE_SECONDS).json()
    given = answer.get("credentials") or outcome.failed("the issuer answered without credentials")
    return {"TmpSecretId": given["tmpSecretId"], "TmpSecretKey": given["tmpSecretKey"], "SecurityToken": given["sessionToken"]}


def pattern(length):
    """The bytes of `pattern` in cos_story.js."""
    return bytes((i * 31 + (i >> 8) * 7) & 255 for i in range(length))


if __name__ == "__main__":
    main(*sys.argv[1:])
