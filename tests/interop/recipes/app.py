"""An app as in docs/emulator.md: it asks the function for a credential, and uploads with it."""

import json
import urllib.request

from qcloud_cos import CosConfig, CosS3Client


class App:
    def __init__(self, issuer, cos):
        self.issuer, self.cos = issuer, cos

    def upload(self, name):
        with urllib.request.urlopen(self.issuer + "/sts") as answer:
            given = json.load(answer)
        key, host, port = given["credentials"], *self.cos.removeprefix("http://").split(":")
        client = CosS3Client(
            CosConfig(
                Region="ap-guangzhou", SecretId=key["tmpSecretId"], SecretKey=key["tmpSecretKey"], Token=key["sessionToken"],
                Scheme="http", IP=host, Port=int(port),
            )
        )
        client.put_object("examplebucket-1250000000", b"text", f"users/{name}")
