"""Drives `tencentcloud-sdk-python-sts`, the vendor's official SDK, against an STS.

    tencentcloud_sdk_sts.py ACTION [SIGN_METHOD [HTTP_METHOD]]

ACTION is GetFederationToken or AssumeRole (which reads ROLE_ARN), SIGN_METHOD is TC3-HMAC-SHA256,
HmacSHA1 or HmacSHA256, HTTP_METHOD is POST or GET.

Guarantees: the SDK builds, signs, sends and reads everything itself; nothing is patched.
Not covered: retries (the SDK has none unless asked).
"""

import sys

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sts.v20180813 import models
from tencentcloud.sts.v20180813.sts_client import StsClient

import outcome


def main(action, sign_method="TC3-HMAC-SHA256", http_method="POST"):
    settings = outcome.Settings()
    client = sts_client(settings, sign_method, http_method)
    try:
        answer = call(client, action, settings)
    except TencentCloudSDKException as refused:
        report(refused)
    credentials = answer.Credentials
    outcome.ok(credentials.TmpSecretId, credentials.TmpSecretKey, credentials.Token, answer.ExpiredTime,
               expiration=answer.Expiration, requestId_length=len(answer.RequestId))


def sts_client(settings, sign_method, http_method):
    http = HttpProfile(protocol=settings.scheme, endpoint=settings.host, reqMethod=http_method, reqTimeout=10,
                       certification=settings.ca_file)
    profile = ClientProfile(signMethod=sign_method, httpProfile=http, language="en-US")
    credential = Credential(settings.secret_id, settings.secret_key, settings.session_token)
    return StsClient(credential, settings.region, profile)


def call(client, action, settings):
    request = getattr(models, action + "Request")()
    request.DurationSeconds = settings.duration_seconds
    request.Policy = outcome.encoded(outcome.upload_policy(settings))
    if action == "AssumeRole":
        request.RoleArn = outcome.required("ROLE_ARN")
        request.RoleSessionName = "driver"
    else:
        request.Name = "driver"
    return getattr(client, action)(request)


def report(refused):
    # A refusal of the service carries its request id; the SDK's own troubles (ClientNetworkError
    # and so on) do not.
    if refused.requestId:
        outcome.error(refused.code, refused.message)
    # Their text is left out: it quotes the address, and a GET carries the session token in it.
    outcome.failed(f"the SDK raised {refused.code} and no error of the service")


if __name__ == "__main__":
    main(*sys.argv[1:])
