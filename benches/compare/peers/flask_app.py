"""A Flask service of the samples' shape: `GET /sign` makes one STS call and answers in JSON.

`STS_PACKAGE` is `qcloud-python-sts` or `tencentcloud-sdk-python-sts`, each used as its
documentation shows; `CACHE=on` keeps an answer for half of its life, as the samples for Node do.
"""

import json
import os
import time
import urllib.parse
from pathlib import Path

from flask import Flask, jsonify

REGION = "ap-guangzhou"
DURATION_SECONDS = 1800
POLICY = json.loads(Path(__file__).with_name("policy.json").read_text())

app = Flask(__name__)


def with_qcloud_python_sts():
    from sts.sts import Sts

    host = os.environ["STS_HOST"]
    sts = Sts({
        "url": f"https://{host}/", "domain": host, "region": REGION, "duration_seconds": DURATION_SECONDS,
        "secret_id": os.environ["SECRET_ID"], "secret_key": os.environ["SECRET_KEY"], "policy": POLICY,
    })
    return sts.get_credential


def with_tencentcloud_sdk():
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.sts.v20180813.models import GetFederationTokenRequest
    from tencentcloud.sts.v20180813.sts_client import StsClient

    http = HttpProfile(endpoint=os.environ["STS_HOST"], certification=os.environ["REQUESTS_CA_BUNDLE"])
    credential = Credential(os.environ["SECRET_ID"], os.environ["SECRET_KEY"])
    client = StsClient(credential, REGION, ClientProfile(httpProfile=http))

    def credentials():
        request = GetFederationTokenRequest()
        request.Name = "compare"
        request.DurationSeconds = DURATION_SECONDS
        request.Policy = urllib.parse.quote(json.dumps(POLICY))
        answer = client.GetFederationToken(request)
        issued = answer.Credentials
        return {
            "credentials": {"sessionToken": issued.Token, "tmpSecretId": issued.TmpSecretId, "tmpSecretKey": issued.TmpSecretKey},
            "expiredTime": answer.ExpiredTime, "expiration": answer.Expiration, "requestId": answer.RequestId,
            "startTime": answer.ExpiredTime - DURATION_SECONDS,
        }

    return credentials


PACKAGES = {"qcloud-python-sts": with_qcloud_python_sts, "tencentcloud-sdk-python-sts": with_tencentcloud_sdk}
credentials = PACKAGES[os.environ["STS_PACKAGE"]]()
caches = os.environ["CACHE"] == "on"
kept = None


@app.get("/sign")
def sign():
    global kept
    data = kept if caches and kept and kept["expiredTime"] - time.time() > DURATION_SECONDS / 2 else credentials()
    kept = data
    return jsonify(code=0, message="", codeDesc="Success", data=data)
