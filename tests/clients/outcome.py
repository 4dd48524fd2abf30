"""What the Python drivers share: where the STS is, and the one JSON line that reports the outcome.

Guarantees: exactly one line on standard output, and no secret in it: of a credential only the first
seven characters of its SecretId (the same for all keys of one kind), lengths and times. Not
covered: whether the outcome is right; the tests check that.
"""

import json
import os
import sys
from urllib.parse import quote


class Settings:
    """The caller's choices, from the environment. A missing one ends the driver and is named."""

    def __init__(self):
        self.sts_url = required("STS_URL").rstrip("/")
        self.scheme, self.host = self.sts_url.split("://", 1)
        self.ca_file = os.environ.get("CA_FILE")
        self.secret_id = required("SECRET_ID")
        self.secret_key = required("SECRET_KEY")
        self.session_token = os.environ.get("SESSION_TOKEN")
        self.bucket = required("BUCKET")
        self.region = required("REGION")
        self.prefix = required("PREFIX")
        self.duration_seconds = int(required("DURATION_SECONDS"))


def required(name):
    value = os.environ.get(name)
    if not value:
        failed(f"the environment variable {name} is not set")
    return value


def upload_policy(settings):
    """The policy an app would write by hand: one action, one prefix."""
    appid = settings.bucket.rsplit("-", 1)[1]
    resource = f"qcs::cos:{settings.region}:uid/{appid}:{settings.bucket}/{settings.prefix}*"
    statement = {"effect": "allow", "action": ["name/cos:PutObject"], "resource": [resource]}
    return {"version": "2.0", "statement": [statement]}


def encoded(policy):
    """As the API requires: the policy's text, percent-encoded once, before any transport does."""
    return quote(json.dumps(policy))


def ok(secret_id, secret_key, token, expired_time, **more):
    finish(0, {
        "outcome": "ok",
        "tmpSecretId_prefix": secret_id[:7],
        "tmpSecretKey_length": len(secret_key),
        "token_length": len(token),
        "expiredTime": expired_time,
        **more,
    })


def error(code, message):
    """The service refused, in its documented shape."""
    finish(0, {"outcome": "error", "code": code, "message": message})


def failed(reason):
    """Anything else: the client never got an answer it understands."""
    finish(1, {"outcome": "failed", "message": reason})


def finish(status, line):
    print(json.dumps(line), flush=True)
    sys.exit(status)
