"""Tests of a project that uses the fixtures of the package cos-issuer, for pytest.

    COS_ISSUER=PROGRAM FUNCTION=BINARY \\
        pytest -p cos_issuer.pytest_plugin tests/clients/local_cloud_tests.py

They use the local cloud as a project does, with the vendor's SDK.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from cos_issuer import LocalCloud, LocalCloudError
from qcloud_cos import CosConfig, CosS3Client

KEY = "users/1/a.txt"


@pytest.fixture(scope="session")
def local_cloud_arguments():
    return ["--function", os.environ["FUNCTION"], "--env", "ALLOW=upload,download"]


def client(cloud):
    with urllib.request.urlopen(cloud["gatewayUrl"] + "/sts") as answer:
        key = json.load(answer)["credentials"]
    host, port = cloud["cosUrl"].removeprefix("http://").split(":")
    return CosS3Client(
        CosConfig(
            Region=cloud["region"], SecretId=key["tmpSecretId"], SecretKey=key["tmpSecretKey"], Token=key["sessionToken"],
            Scheme="http", IP=host, Port=int(port),
        )
    )


def is_there(cloud):
    return client(cloud).object_exists(cloud["bucket"], KEY)


def test_an_upload_is_there_until_the_reset(local_cloud):
    client(local_cloud).put_object(local_cloud["bucket"], b"text", KEY)
    assert is_there(local_cloud)
    local_cloud.reset()
    assert not is_there(local_cloud)
    client(local_cloud).put_object(local_cloud["bucket"], b"text", KEY)


def test_the_fresh_cloud_is_the_same_one_reset(local_cloud, fresh_local_cloud):
    assert fresh_local_cloud is local_cloud
    assert not is_there(fresh_local_cloud)


def test_a_state_is_saved_and_loaded(fresh_local_cloud, tmp_path):
    client(fresh_local_cloud).put_object(fresh_local_cloud["bucket"], b"text", KEY)
    fresh_local_cloud.save_state(tmp_path / "state")
    fresh_local_cloud.reset()
    fresh_local_cloud.load_state(tmp_path / "state")
    assert is_there(fresh_local_cloud)
    (tmp_path / "state").write_bytes(b"{}")
    with pytest.raises(LocalCloudError, match="BadState"):
        fresh_local_cloud.load_state(tmp_path / "state")


def test_the_clock_moves_until_the_reset(fresh_local_cloud):
    fresh_local_cloud.advance_clock("31m")
    assert fresh_local_cloud.admin("GET", "/clock")["offsetSeconds"] >= 1859
    fresh_local_cloud.reset()
    assert abs(fresh_local_cloud.admin("GET", "/clock")["offsetSeconds"]) < 60


def test_clouds_share_nothing(local_cloud, local_cloud_arguments):
    client(local_cloud).put_object(local_cloud["bucket"], b"text", KEY)
    with LocalCloud(*local_cloud_arguments) as other:
        assert other["cosUrl"] != local_cloud["cosUrl"]
        assert not is_there(other)
    with pytest.raises(OSError):
        client(other)


def test_a_start_that_fails_has_a_reason():
    with pytest.raises(LocalCloudError, match="/no/such/function"):
        LocalCloud("--function", "/no/such/function").start()


def test_the_cloud_ends_with_a_process_that_is_killed(local_cloud_arguments):
    start = "import sys; from cos_issuer import LocalCloud; print(LocalCloud(*sys.argv[1:]).start()['gatewayUrl'], flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", start, *local_cloud_arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        health = parent.stdout.readline().strip() + "/healthz"
        urllib.request.urlopen(health).close()
        parent.kill()
    until = time.monotonic() + 60
    while not is_refused(health):
        assert time.monotonic() < until, "the cloud still listens"
        time.sleep(0.05)


def is_refused(url):
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.URLError as error:
        return isinstance(error.reason, ConnectionRefusedError)
    except OSError:
        # It ended in the middle of an answer.
        pass
    return False
