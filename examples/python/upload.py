"""Uploads a file to COS with a credential of cos-issuer.

    pip install -r requirements.txt
    COS_ADDRESS=127.0.0.1:5001 python upload.py photo.jpg users/1/photo.jpg

Settings: ../README.md
"""

import os
import sys
import time

import requests
from qcloud_cos import CosClientError, CosConfig, CosS3Client, CosServiceError

ISSUER_URL = os.environ.get("ISSUER_URL", "http://127.0.0.1:5000/sts")
ISSUER_TOKEN = os.environ.get("ISSUER_TOKEN")
BUCKET = os.environ.get("BUCKET", "examplebucket-1250000000")
REGION = os.environ.get("REGION", "ap-guangzhou")
COS_ADDRESS = os.environ.get("COS_ADDRESS")


class Refused(Exception):
    """The issuer gives no credential, and why."""


class Cos:
    """A COS client whose credential is always valid for another minute."""

    def __init__(self):
        self._client, self._expires_at = None, 0

    @property
    def client(self):
        if self.expires_soon():
            self._client, self._expires_at = self._connect()
        return self._client

    def expires_soon(self):
        return time.time() > self._expires_at - 60

    @staticmethod
    def _connect():
        headers = {"Authorization": f"Bearer {ISSUER_TOKEN}"} if ISSUER_TOKEN else {}
        try:
            response = requests.get(ISSUER_URL, headers=headers, timeout=10)
            answer = response.json()
        except requests.RequestException as error:
            raise Refused(f"no answer from {ISSUER_URL}: {error}") from error
        if not response.ok:
            raise Refused(f"{answer['codeDesc']}: {answer['message']}")
        credentials = answer["credentials"]
        config = CosConfig(
            Region=REGION,
            SecretId=credentials["tmpSecretId"],
            SecretKey=credentials["tmpSecretKey"],
            Token=credentials["sessionToken"],
            **local_cloud(),
        )
        return CosS3Client(config), answer["expiredTime"]


def local_cloud():
    """Where the local cloud is; nothing for the real COS."""
    if not COS_ADDRESS:
        return {}
    host, port = COS_ADDRESS.split(":")
    return {"Scheme": "http", "IP": host, "Port": int(port)}


def upload(cos, file, key):
    """In parts where the file is large. Parts that are already there are not sent again."""
    try:
        return cos.client.upload_file(Bucket=BUCKET, Key=key, LocalFilePath=file)
    except (CosClientError, CosServiceError):
        if not cos.expires_soon():
            raise
        # The credential ended during the upload: go on with a new one.
        return cos.client.upload_file(Bucket=BUCKET, Key=key, LocalFilePath=file)


def main(file, key):
    try:
        upload(Cos(), file, key)
    except CosServiceError as error:
        sys.exit(f"{error.get_error_code()}: {error.get_error_msg()}")
    except (Refused, CosClientError) as error:
        sys.exit(str(error))
    print(f"uploaded {key}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python upload.py FILE KEY")
    main(*sys.argv[1:])
