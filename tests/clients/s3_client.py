"""Drives `boto3`, unmodified, against a COS server.

    s3_client.py story|checksums

`story` uses the credential of ISSUER_URL, or the permanent key SECRET_ID and SECRET_KEY, for
BUCKET, REGION and PREFIX. COS listens on COS_ADDRESS; STYLE is `virtual` for the bucket's real host, or
`path`. `checksums` uploads with the SDK's own settings for checksums and with those that COS needs,
to COS_HTTPS_URL, whose certificate is that of CA_FILE.

Guarantees: one line on standard output, no secret in it. Not covered: whether the outcome is right;
the tests check that.
"""

import base64
import hashlib
import os
import socket
import sys
import tempfile

import boto3
import botocore.exceptions
import requests
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

import outcome
from cos_client import LARGE_BYTES, PATIENCE_SECONDS, from_issuer, pattern

# COS's own hosts and `localhost` are this machine, so that a bucket's real host is signed.
system_lookup = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: system_lookup(
    "127.0.0.1" if str(host).endswith((".myqcloud.com", "localhost")) else host, *more, **named)

PARTS = TransferConfig(multipart_threshold=1 << 20, multipart_chunksize=1 << 20)
OUTSIDE = "someone-else/a.txt"


def main(what):
    with tempfile.TemporaryDirectory() as folder:
        checks = Story(folder).tell() if what == "story" else checksums()
    outcome.finish(0, {"outcome": "ok", "checks": checks})


class Story:
    """Uploads, reads, lists, copies, links and deletions below the prefix; refusals outside."""

    def __init__(self, folder):
        self.s3, self.folder, self.checks = client(), folder, {}
        self.bucket, self.prefix = outcome.required("BUCKET"), outcome.required("PREFIX")

    def tell(self):
        try:
            for part in (self.small_object, self.large_object, self.given_up, self.listed, self.links, self.deleted, self.refused):
                part()
        except botocore.exceptions.ClientError as error:
            outcome.error(error.response["Error"]["Code"], f"after {list(self.checks)}: {error}")
        return self.checks

    def small_object(self):
        text, at = "a few bytes: é, 中文".encode(), self.at("a b/é(1)+中.txt")
        stored = self.s3.put_object(**at, Body=text, ContentType="text/plain", Metadata={"one": "1"})
        head = self.s3.head_object(**at)
        self.checks["a small object has its type, metadata and ETag"] = (
            (head["ContentType"], head["Metadata"], head["ETag"]) == ("text/plain", {"one": "1"}, stored["ETag"]))
        self.checks["a small object is read back"] = self.read(at) == text
        self.checks["the request has an id"] = len(stored["ResponseMetadata"]["RequestId"]) > 10
        self.s3.copy_object(**self.at("copy.txt"), CopySource=at, MetadataDirective="REPLACE", Metadata={"two": "2"})
        head = self.s3.head_object(**self.at("copy.txt"))
        self.checks["a copy has the bytes and its own metadata"] = (
            self.read(self.at("copy.txt")) == text and head["Metadata"] == {"two": "2"})

    def large_object(self):
        at, large = self.at("large.bin"), pattern(LARGE_BYTES)
        source, target = os.path.join(self.folder, "large"), os.path.join(self.folder, "downloaded")
        with open(source, "wb") as file:
            file.write(large)
        self.s3.upload_file(source, self.bucket, at["Key"], Config=PARTS)
        self.checks["a large object was sent in parts"] = self.s3.head_object(**at)["ETag"].endswith('-2"')
        self.s3.download_file(self.bucket, at["Key"], target, Config=PARTS)
        with open(target, "rb") as file:
            self.checks["a large object is downloaded in parts"] = file.read() == large
        part = self.s3.get_object(**at, Range="bytes=1048570-1048589")
        self.checks["a range is the bytes asked for"] = (
            part["ResponseMetadata"]["HTTPStatusCode"] == 206 and part["Body"].read() == large[1048570:1048590])

    def given_up(self):
        at = self.at("given-up.bin")
        upload = self.s3.create_multipart_upload(**at)["UploadId"]
        self.s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=pattern(1 << 20))
        source = {"Bucket": self.bucket, "Key": self.prefix + "large.bin"}
        self.s3.upload_part_copy(**at, UploadId=upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=0-99")
        parts = self.s3.list_parts(**at, UploadId=upload)["Parts"]
        self.checks["parts are listed"] = [part["Size"] for part in parts] == [1 << 20, 100]
        self.s3.abort_multipart_upload(**at, UploadId=upload)
        left = self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix=self.prefix)
        self.checks["an aborted upload is gone"] = "Uploads" not in left

    def listed(self):
        names = [f"pages/{number}" for number in range(5)]
        for name in names:
            self.s3.put_object(**self.at(name), Body=b"")
        for method in ("list_objects", "list_objects_v2"):
            pages = list(self.s3.get_paginator(method).paginate(
                Bucket=self.bucket, Prefix=self.prefix + "pages/", PaginationConfig={"PageSize": 2}))
            keys = [found["Key"][len(self.prefix):] for page in pages for found in page["Contents"]]
            self.checks[f"{method} has every page"] = keys == names and len(pages) == 3
        top = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, Delimiter="/")
        folders = [found["Prefix"][len(self.prefix):] for found in top["CommonPrefixes"]]
        self.checks["folders are listed"] = folders == ["a b/", "pages/"] and top["KeyCount"] == 4

    def links(self):
        at = self.at("link.txt")
        put = self.s3.generate_presigned_url("put_object", Params={**at, "ContentType": "text/plain"}, ExpiresIn=300)
        sent = requests.put(put, data=b"by link", headers={"Content-Type": "text/plain"}, timeout=PATIENCE_SECONDS)
        named = {"ResponseContentDisposition": "attachment"}
        get = self.s3.generate_presigned_url("get_object", Params={**at, **named}, ExpiresIn=604800)
        got = requests.get(get, timeout=PATIENCE_SECONDS)
        self.checks["a link uploads"] = sent.status_code == 200
        self.checks["a link downloads"] = (got.content, got.headers["Content-Disposition"]) == (b"by link", "attachment")
        changed = requests.get(get.replace("link.txt", "copy.txt"), timeout=PATIENCE_SECONDS)
        self.checks["a link opens no other object"] = changed.status_code == 403 and "SignatureDoesNotMatch" in changed.text

    def deleted(self):
        self.s3.delete_object(**self.at("copy.txt"))
        self.checks["what was deleted is gone"] = self.error(lambda: self.read(self.at("copy.txt"))) == "NoSuchKey"
        gone = self.error(lambda: self.s3.head_object(**self.at("copy.txt")))
        self.checks["head of what is gone is 404"] = gone == "404"
        several = {"Bucket": self.bucket, "Delete": {"Objects": [{"Key": self.prefix + f"pages/{n}"} for n in range(5)]}}
        # As on COS: the SDK no longer sends the header that COS requires.
        self.checks["several deletions need Content-MD5"] = self.error(lambda: self.s3.delete_objects(**several)) == "InvalidRequest"
        self.s3.meta.events.register("before-sign.s3.DeleteObjects", content_md5)
        self.checks["several were deleted at once"] = len(self.s3.delete_objects(**several)["Deleted"]) == 5

    def refused(self):
        """Everything outside the prefix, which only a permanent key may do."""
        outside = {"Bucket": self.bucket, "Key": OUTSIDE}
        source = {"Bucket": self.bucket, "Key": self.prefix + "large.bin"}
        calls = {
            "put": lambda: self.s3.put_object(**outside, Body=b"x"),
            "get": lambda: self.read(outside),
            "copy": lambda: self.s3.copy_object(**outside, CopySource=source),
            "parts": lambda: self.s3.create_multipart_upload(**outside),
            "delete": lambda: self.s3.delete_object(**outside),
            "list": lambda: self.s3.list_objects_v2(Bucket=self.bucket, Prefix="someone-else/"),
            "buckets": lambda: self.s3.list_buckets(),
        }
        codes = {name: self.error(call) for name, call in calls.items()}
        self.checks["refused outside the prefix"] = set(codes.values()) == {"AccessDenied"}
        self.checks["allowed outside the prefix"] = not any(codes.values())

    def at(self, name):
        return {"Bucket": self.bucket, "Key": self.prefix + name}

    def read(self, where):
        return self.s3.get_object(**where)["Body"].read()

    def error(self, call):
        try:
            call()
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return ""


def checksums():
    """Uploads over HTTPS, where the SDK sends checksums in trailers by its own settings."""
    at = {"Bucket": outcome.required("BUCKET"), "Key": outcome.required("PREFIX") + "a.txt"}
    outcomes = {}
    for when in ("when_supported", "when_required"):
        s3 = client(request_checksum_calculation=when, endpoint=outcome.required("COS_HTTPS_URL"))
        try:
            s3.put_object(**at, Body=b"hello" * 10_000)
            outcomes[when] = s3.get_object(**at)["Body"].read() == b"hello" * 10_000
        except botocore.exceptions.ClientError as error:
            outcomes[when] = error.response["Error"]["Code"]
    return outcomes


def content_md5(request, **_):
    request.headers["Content-MD5"] = base64.b64encode(hashlib.md5(request.body).digest()).decode()


def client(endpoint=None, **more):
    style, address = os.environ.get("STYLE", "path"), os.environ.get("COS_ADDRESS", "")
    port = address.rpartition(":")[2]
    host = f"cos.{outcome.required('REGION')}.myqcloud.com" if style == "virtual" else "127.0.0.1"
    if "ISSUER_URL" in os.environ:
        given = from_issuer()
        key = {"aws_access_key_id": given["TmpSecretId"], "aws_secret_access_key": given["TmpSecretKey"],
               "aws_session_token": given["SecurityToken"]}
    else:
        key = {"aws_access_key_id": outcome.required("SECRET_ID"), "aws_secret_access_key": outcome.required("SECRET_KEY")}
    return boto3.client(
        "s3", region_name=outcome.required("REGION"), endpoint_url=endpoint or f"http://{host}:{port}",
        verify=os.environ.get("CA_FILE"),
        config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}, s3={"addressing_style": style}, **more), **key)


if __name__ == "__main__":
    main(*sys.argv[1:])
