"""Checks template.yaml, scf/ and the packages. `check` is the only caller.

Promises: every check runs, and every one that fails is told with its reason; the variables that a file sets are given to the
packaged function, started as the platform starts it. Leaves out: what cfn-lint judges, and anything that needs an account.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import traceback
import zipfile
from pathlib import Path

import packaged
import settings

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(sys.argv[1])


def every_variable_is_one_that_the_function_reads():
    known = settings.read_by_the_function()
    for file, variables in settings.of_every_file().items():
        assert variables, f"{file} sets no variable"
        strange = sorted(set(variables) - known)
        assert not strange, f"{file} sets what src/config does not read: {strange}"


def no_variable_has_a_reserved_name():
    # <https://www.tencentcloud.com/document/product/583/32748>
    for file, variables in settings.of_every_file().items():
        for name in variables:
            assert re.fullmatch("[a-zA-Z][a-zA-Z0-9_]+", name), f"{file}: {name} is no name that SCF takes"
            assert not name.startswith(("SCF_", "QCLOUD_", "TENCENTCLOUD_", "AWS_")), f"{file}: {name} is reserved"


def who_may_ask_and_what_they_get_has_no_default():
    for file, variables in settings.of_every_file().items():
        for name in ("AUTH", "SECRET_ID", "SECRET_KEY", "BUCKET", "REGION", "PREFIX", "ALLOW"):
            assert name in variables, f"{file} does not set {name}"
            assert variables[name].is_asked, f"{file}: {name} is not asked of whoever deploys"


def secrets_are_not_shown():
    for file, variables in settings.of_every_file().items():
        for name in {"SECRET_ID", "SECRET_KEY", "API_KEYS", "HMAC_KEYS"} & variables.keys():
            assert variables[name].is_hidden, f"{file}: {name} is shown by the tool"


def callers_meet_the_function_and_not_the_platform():
    url = settings.template()["Resources"]["Issuer"]["Properties"]["FunctionUrlConfig"]
    assert url == {"AuthType": "NONE"}, f"template.yaml: {url}"
    inputs = settings.serverless()["inputs"]
    (event,) = inputs["events"]
    network = {"enableExtranet": True, "enableIntranet": False}
    assert event["http"]["parameters"] == {"authType": "NONE", "netConfig": network}, f"serverless.yml: {event}"
    described = settings.terraform_resource("tencentcloud_scf_trigger", "url")["trigger_desc"]
    for part in ('AuthType = "NONE"', "CorsConfig = {Enable = false}", "EnableExtranet = true"):
        assert part in described, f"main.tf: no {part} in the trigger"


def tencent_gets_a_web_function_that_reaches_sts():
    inputs = settings.serverless()["inputs"]
    assert inputs["type"] == "web" and inputs["publicAccess"] is True, "serverless.yml"
    assert inputs["initTimeout"] > 3, "serverless.yml: initTimeout must be set, 3 is the component's default"
    function = settings.terraform_resource("tencentcloud_scf_function", "issuer")
    assert function["func_type"] == '"HTTP"' and function["enable_public_net"] is True, "main.tf"


def deployers_keys_stay_at_home():
    assert ".env" in settings.serverless()["inputs"]["src"]["exclude"], "serverless.yml uploads .env"
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for pattern in (".env", "*.tfstate*", "*.tfvars"):
        assert pattern in ignored, f"git does not ignore {pattern}"


def start_file_is_what_scf_takes():
    # <https://cloud.tencent.com/document/product/583/56126>
    path = ROOT / "scf/scf_bootstrap"
    content = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) & 0o111 == 0o111, "it is not executable"
    assert content.startswith(b"#!/bin/bash\n") and content.endswith(b"exec ./bootstrap\n"), "first or last line"
    assert b"\r" not in content, "it has CR line ends"


def packages_hold_exactly_what_they_should(folder):
    packaged.make(BINARY, folder)
    bootstrap, start_file = BINARY.read_bytes(), (ROOT / "scf/scf_bootstrap").read_bytes()
    expected = {
        "cos-issuer-lambda.zip": [("bootstrap", bootstrap)],
        "cos-issuer-scf.zip": [("bootstrap", bootstrap), ("scf_bootstrap", start_file)],
    }
    for name, files in expected.items():
        with zipfile.ZipFile(folder / name) as package:
            assert [(entry.filename, package.read(entry)) for entry in package.infolist()] == files, f"{name}: content"
            modes = {entry.external_attr >> 16 for entry in package.infolist()}
            assert modes == {stat.S_IFREG | 0o755}, f"{name}: modes {modes}"


def packages_are_the_same_each_time(folder):
    other = folder / "other"
    other.mkdir()
    shutil.copyfile(BINARY, other / "renamed")
    os.chmod(other / "renamed", 0o600)
    os.utime(other / "renamed", (0, 0))
    packaged.make(BINARY, folder / "first")
    packaged.make(other / "renamed", folder / "second", umask=0o077)
    first, second = packaged.contents(folder / "first"), packaged.contents(folder / "second")
    assert first == second, f"they differ: {sorted(first)} {sorted(second)}"


def packages_lie_where_the_tools_look(folder):
    dist = folder / "dist"
    packaged.make(BINARY, dist)
    source = settings.serverless()["inputs"]["src"]["src"]
    assert source == "../dist/scf", f"serverless.yml looks in {source}"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (dist / "scf").iterdir()}
    assert modes == {"bootstrap": 0o755, "scf_bootstrap": 0o755}, f"dist/scf: {modes}"
    content = (dist / "cos-issuer-scf.zip").read_bytes()
    (named,) = (dist / "terraform").iterdir()
    assert named.name == packaged.sha256(content) + ".zip" and named.read_bytes() == content, "dist/terraform"
    path = settings.terraform_resource("tencentcloud_scf_function", "issuer")["zip_file"]
    whole = r'/../dist/terraform/${filesha256(\"${path.module}/../dist/cos-issuer-scf.zip\")}.zip'
    assert whole.replace("\\", "") in path.replace("\\", ""), f"main.tf looks at {path}"


def unfit_binaries_are_not_packaged(folder):
    for name, content in packaged.unfit(BINARY.read_bytes()).items():
        (folder / name).write_bytes(content)
        made = subprocess.run([ROOT / "scf/package", folder / name, folder / "dist"], check=False, capture_output=True)
        assert made.returncode != 0, f"a binary that {name} was packaged"
        assert not (folder / "dist").exists(), f"a binary that {name} left something behind"


def sam_finds_its_target(folder):
    functions = settings.template()["Resources"].items()
    made = [name for name, resource in functions if resource.get("Metadata", {}).get("BuildMethod") == "makefile"]
    assert made == ["Issuer"], f"template.yaml: {made}"
    environment = {**os.environ, "ARTIFACTS_DIR": str(folder)}
    make = subprocess.run(
        ["make", "build-Issuer"], cwd=ROOT, env=environment, check=False, timeout=240, capture_output=True, text=True
    )
    assert make.returncode == 0, make.stderr
    assert [path.name for path in folder.iterdir()] == ["bootstrap"], "not just the binary"
    assert (folder / "bootstrap").read_bytes() == (ROOT / "target/deploy/bootstrap").read_bytes(), "another binary"
    assert os.access(folder / "bootstrap", os.X_OK), "it is not executable"


def function_starts_with_what_each_file_sets(folder):
    packaged.make(BINARY, folder)
    for file, variables in settings.of_every_file().items():
        with packaged.started(folder / "scf", settings.as_deployed(variables)) as function:
            status = function.healthz()
            assert status == 200, f"{file}: /healthz answered {status}"
            assert function.stop() == 0, f"{file}: SIGTERM did not end it well"


def function_refuses_to_start_without_auth(folder):
    packaged.make(BINARY, folder)
    for file, variables in settings.of_every_file().items():
        given = settings.as_deployed(variables)
        del given["AUTH"]
        with packaged.started(folder / "scf", given) as function:
            assert function.wait() == 1, f"{file}: it runs without AUTH"
            assert '"AUTH"' in function.output(), f"{file}: it does not name AUTH"


def main():
    own = [found for found in globals().values() if callable(found) and found.__module__ == __name__]
    checks = [check for check in own if check not in (main, holds)]
    broken = [check.__name__ for check in checks if not holds(check)]
    if broken:
        sys.exit(f"deployment files: broken: {', '.join(broken)}")


def holds(check):
    what = check.__name__.replace("_", " ")
    try:
        if check.__code__.co_argcount:
            with tempfile.TemporaryDirectory(dir=ROOT / "target/deploy-check") as folder:
                check(Path(folder))
        else:
            check()
    except Exception:  # every check runs, whatever another one met
        traceback.print_exc()
        print(f"deployment files: NOT: {what}", flush=True)
        return False
    print(f"deployment files: {what}", flush=True)
    return True


if __name__ == "__main__":
    main()
