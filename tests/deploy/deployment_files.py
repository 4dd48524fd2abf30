"""Checks template.yaml, scf/ and the packages. `check` is the only caller.

Guarantees: every check runs, and every one that fails is reported with its reason; the packaged
function gets the variables that a file sets, started as the platform starts it. Not covered: what
cfn-lint checks, and anything that needs an account.
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
        for name in ("AUTH", "SECRET_ID", "SECRET_KEY"):
            assert variables[name].is_asked, f"{file}: {name} is not asked of whoever deploys"
    # A grant is given in one of two ways, so neither can be asked of everybody; and neither has a
    # value of its own.
    given = ("BUCKET", "REGION", "PREFIX", "ALLOW", "GRANTS_FILE")
    parameters = settings.template()["Parameters"]
    assert [parameters[name]["Default"] for name in ("Bucket", "Region", "Prefix", "Allow", "GrantsFile")] == [""] * 5
    written = settings.serverless()["inputs"]["environment"]["variables"]
    assert [written.get(name) for name in given] == [f"${{env:{name}}}" for name in given[:4]] + [None], "serverless.yml"
    declared = settings.terraform_variables()
    assert [declared[name.lower()].get("default", "none") for name in given] == [None, "none", None, None, None], "main.tf"


def grants_are_given_in_one_of_two_ways():
    """The tools refuse before they deploy; that the function does is shown below."""
    rules = settings.template()["Rules"]
    four = [{"Ref": name} for name in ("Bucket", "Region", "Prefix", "Allow")]
    without, beside = rules["OneGrantWithoutFile"], rules["NoGrantBesideFile"]
    is_absent = {"Fn::Equals": [{"Ref": "GrantsFile"}, ""]}
    assert without["RuleCondition"] == is_absent and beside["RuleCondition"] == {"Fn::Not": [is_absent]}
    assert [rule["Assert"] for rule in without["Assertions"]] == [{"Fn::Not": [{"Fn::Contains": [four, ""]}]}]
    assert [rule["Assert"] for rule in beside["Assertions"]] == [{"Fn::EachMemberEquals": [four, ""]}]
    (lifecycle,) = settings.terraform_resource("tencentcloud_scf_function", "issuer")["lifecycle"]
    (precondition,) = lifecycle["precondition"]
    assert "[var.bucket, var.prefix, var.allow]" in precondition["condition"], "main.tf: no precondition"


def secrets_are_not_shown():
    for file, variables in settings.of_every_file().items():
        for name in ("SECRET_ID", "SECRET_KEY", "API_KEYS", "HMAC_KEYS", "JWT_HS_SECRET"):
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
    assert stat.S_IMODE(path.stat().st_mode) & 0o100, "it is not executable"
    assert content.startswith(b"#!/bin/bash\n") and content.endswith(b"exec ./bootstrap\n"), "first or last line"
    assert b"\r" not in content, "it has CR line ends"


def packages_hold_exactly_what_they_should(folder):
    start_file = ("scf_bootstrap", 0o755, (ROOT / "scf/scf_bootstrap").read_bytes())
    for beside in ([], [("grants.toml", 0o644, b"[[grant]]")]):
        paths = [folder / name for name, _, _ in beside]
        for path, (_, _, content) in zip(paths, beside):
            path.write_bytes(content)
            path.chmod(0o600)
        packaged.make(BINARY, folder, *paths)
        both = [("bootstrap", 0o755, BINARY.read_bytes()), *beside]
        for name, files in {"cos-issuer-lambda.zip": both, "cos-issuer-scf.zip": [*both, start_file]}.items():
            with zipfile.ZipFile(folder / name) as package:
                entries = [(entry.filename, entry.external_attr >> 16, package.read(entry)) for entry in package.infolist()]
            assert entries == [(name, stat.S_IFREG | mode, content) for name, mode, content in files], name


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
    for name, expected in {"scf": {"bootstrap": 0o755, "scf_bootstrap": 0o755}, "lambda": {"bootstrap": 0o755}}.items():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (dist / name).iterdir()}
        assert modes == expected, f"dist/{name}: {modes}"
    content = (dist / "cos-issuer-scf.zip").read_bytes()
    (named,) = (dist / "terraform").iterdir()
    assert named.name == packaged.sha256(content) + ".zip" and named.read_bytes() == content, "dist/terraform"
    path = settings.terraform_resource("tencentcloud_scf_function", "issuer")["zip_file"]
    whole = r'/../dist/terraform/${filesha256(\"${path.module}/../dist/cos-issuer-scf.zip\")}.zip'
    assert whole.replace("\\", "") in path.replace("\\", ""), f"main.tf looks at {path}"


def unfit_files_are_not_packaged(folder):
    (folder / "bootstrap").write_text("another")
    for name, files in {"is missing": ["absent"], "is a folder": ["."], "is the binary's": ["bootstrap"]}.items():
        files = [folder / file for file in files]
        made = subprocess.run([ROOT / "scf/package", BINARY, folder / "dist", *files], check=False, capture_output=True)
        assert made.returncode != 0, f"a file that {name} was packaged"
        assert not (folder / "dist").exists(), f"a file that {name} left something behind"


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
    # A list of paths has no place for a path with blanks, so this one is relative.
    grants, made = folder / "grants.toml", folder / "made"
    grants.write_text(settings.documented_grants())
    made.mkdir()
    environment = {**os.environ, "ARTIFACTS_DIR": str(made), "PACKAGE_FILES": str(grants.relative_to(ROOT))}
    make = subprocess.run(
        ["make", "build-Issuer"], cwd=ROOT, env=environment, check=False, timeout=240, capture_output=True, text=True
    )
    assert make.returncode == 0, make.stderr
    assert sorted(path.name for path in made.iterdir()) == ["bootstrap", "grants.toml"], "not just what was asked for"
    assert (made / "bootstrap").read_bytes() == (ROOT / "target/deploy/bootstrap").read_bytes(), "another binary"
    assert os.access(made / "bootstrap", os.X_OK), "it is not executable"
    assert (made / "grants.toml").read_text() == grants.read_text(), "other grants"


def function_starts_with_what_each_file_sets(folder):
    grants = folder / "grants.toml"
    grants.write_text(settings.documented_grants())
    packaged.make(BINARY, folder, grants)
    for file, variables in settings.of_every_file().items():
        answered = set()
        for way, given in settings.as_deployed(variables):
            answered |= {name for name, value in given.items() if value}
            with packaged.started(folder / "scf", given) as function:
                status = function.healthz()
                assert status == 200, f"{file}, {way}: /healthz answered {status}"
                assert function.stop() == 0, f"{file}, {way}: SIGTERM did not end it well"
        assert variables.keys() <= answered, f"{file}: no way answers {variables.keys() - answered}"


def function_refuses_to_start_without_auth_or_grants(folder):
    packaged.make(BINARY, folder)
    for file, variables in settings.of_every_file().items():
        for way, given in settings.as_deployed(variables):
            # The grants file is named and was not packaged.
            grants = ["GRANTS_FILE"] if given["GRANTS_FILE"] else ["BUCKET", "REGION", "PREFIX", "ALLOW"]
            for missing in (["AUTH"], grants):
                empty = {} if missing == ["GRANTS_FILE"] else dict.fromkeys(missing, "")
                with packaged.started(folder / "scf", {**given, **empty}) as function:
                    assert function.wait() == 1, f"{file}, {way}: it runs without {missing}"
                    for name in missing:
                        assert f'"{name}"' in function.output(), f"{file}, {way}: it does not name {name}"


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
