"""Drives `qcloud-python-sts`, the COS team's STS helper for Python, against an STS.

    qcloud_python_sts.py ACTION [FORM]

ACTION is GetFederationToken or AssumeRole (which reads ROLE_ARN). FORM is how the rights are given:
`allow_prefix` (the helper builds the policy), or `scope` (from its Scope objects).

`url` is where it connects, `domain` is the host that it signs, and the two are independent. It has
no option for certificates: the HTTP library below it reads REQUESTS_CA_BUNDLE.

Guarantees: the helper builds, signs, sends and reads everything itself; nothing is patched.
Not covered: a choice of signature, since it always signs a POST form with HmacSHA1.
"""

import ast
import os
import sys

from sts.sts import Scope, Sts

import outcome

# The helper's errors are plain exceptions whose text is this and then a Python literal of the whole
# answer.
ANSWER_FOLLOWS = "result: "


def main(action, form="allow_prefix"):
    settings = outcome.Settings()
    if settings.ca_file:
        os.environ["REQUESTS_CA_BUNDLE"] = settings.ca_file
    client = Sts({**connection(settings), **rights(settings, form)})
    try:
        if action == "AssumeRole":
            answer = client.get_role_credential(outcome.required("ROLE_ARN"))
        else:
            answer = client.get_credential()
    except Exception as refused:  # the helper raises nothing narrower
        report(refused)
    credentials = answer["credentials"]
    outcome.ok(credentials["tmpSecretId"], credentials["tmpSecretKey"], credentials["sessionToken"],
               answer["expiredTime"], startTime=answer["startTime"], requestId_length=len(answer["requestId"]))


def connection(settings):
    return {
        "url": settings.sts_url + "/",
        "domain": settings.host,
        "secret_id": settings.secret_id,
        "secret_key": settings.secret_key,
        "duration_seconds": settings.duration_seconds,
        # Needed in every form: without it the helper signs `Region=None` and sends no Region at
        # all.
        "region": settings.region,
    }


def rights(settings, form):
    if form == "scope":
        # The prefix must not begin with `/`: the helper then builds a statement without any
        # resource.
        scope = Scope("name/cos:PutObject", settings.bucket, settings.region, settings.prefix + "*")
        return {"policy": Sts.get_policy([scope])}
    return {
        "bucket": settings.bucket,
        "allow_prefix": [settings.prefix + "*"],
        "allow_actions": ["name/cos:PutObject", "name/cos:PostObject"],
    }


def report(refused):
    # Only the service's own Error is passed on: the text of a strange answer could hold a
    # credential.
    text = str(refused.args[0])
    try:
        answer = ast.literal_eval(text[len(ANSWER_FOLLOWS):])
        error = answer["Error"]
        code, message = error["Code"], error["Message"]
    except (ValueError, SyntaxError, TypeError, KeyError):
        cause = type(refused.args[-1]).__name__
        outcome.failed(f"the helper raised {cause} and no error of the service")
    outcome.error(code, message)


if __name__ == "__main__":
    main(*sys.argv[1:])
