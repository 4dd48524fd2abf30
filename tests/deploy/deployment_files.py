"""Checks template.yaml, scf/ and the packages. `check` is the only caller.

Guarantees: the packaged function gets the variables that a file sets, started as the platform
starts it. Not covered: what cfn-lint checks, and anything that needs an account.
"""

import base64
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import packaged
import runner
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


def every_setting_of_the_documents_can_be_deployed():
    for file, variables in settings.of_every_file().items():
        left_out = settings.NEVER_DEPLOYED.keys() | (settings.SERVER_ONLY if file == "template.yaml" else set())
        missing = settings.documented() - variables.keys()
        assert missing == left_out, f"{file}: differs in {sorted(missing ^ left_out)}"


def who_may_ask_and_what_they_get_has_no_default():
    for file, variables in settings.of_every_file().items():
        for name in ("AUTH", "SECRET_ID", "SECRET_KEY", "BUCKET", "REGION", "PREFIX", "ALLOW", "GRANTS_FILE", "POLICY"):
            assert variables[name].is_asked, f"{file}: {name} is not asked of the person who deploys"
    parameters = settings.template()["Parameters"]
    assert [parameters[name].get("MinLength") for name in ("Auth", "SecretId", "SecretKey")] == [1] * 3, "template.yaml"
    written = settings.serverless()["inputs"]["environment"]["variables"]
    assert {"AUTH", "SECRET_ID", "SECRET_KEY", "BUCKET", "REGION", "PREFIX", "ALLOW"} == written.keys(), "serverless.yml"
    # The calling key is a permanent one or that of a role: a precondition asks for one of them.
    assert "default" not in settings.terraform_variables()["auth"], "main.tf"


def grants_and_keys_are_given_in_one_way():
    """The tools refuse before they deploy; that the function does is shown below."""
    rules = settings.template()["Rules"]
    ref = lambda *names: [{"Ref": name} for name in names]
    is_empty = lambda name: {"Fn::Equals": [{"Ref": name}, ""]}
    four = ref("Bucket", "Region", "Prefix", "Allow")
    for rule, condition, asserted in (
        ("OneGrantWithoutFile", {"Fn::And": [is_empty("GrantsFile"), is_empty("Policy")]}, {"Fn::Not": [{"Fn::Contains": [four, ""]}]}),
        ("NoGrantNextToFile", {"Fn::Not": [is_empty("GrantsFile")]}, {"Fn::EachMemberEquals": [[*four, {"Ref": "Policy"}], ""]}),
        ("NoGrantNextToPolicy", {"Fn::Not": [is_empty("Policy")]}, {"Fn::EachMemberEquals": [ref("Bucket", "Prefix", "Allow"), ""]}),
    ):
        assert rules[rule]["RuleCondition"] == condition, f"template.yaml: {rule}"
        assert [found["Assert"] for found in rules[rule]["Assertions"]] == [asserted], f"template.yaml: {rule}"
    (lifecycle,) = settings.terraform_resource("tencentcloud_scf_function", "issuer")["lifecycle"]
    conditions = [found["condition"] for found in lifecycle["precondition"]]
    for part in ("? local.has_none : local.has_grant", "? local.has_key :", "setsubtract(keys(var.settings), local.settings)"):
        assert any(part in condition for condition in conditions), f"main.tf: no precondition with {part}"


def gateway_identities_come_only_from_the_authorizer():
    """A function URL would let everybody write them."""
    template = settings.template()
    is_gateway = {"Fn::Equals": [{"Ref": "Auth"}, "gateway"]}
    rules = template["Rules"]
    assert rules["NoGatewayAtTheUrl"]["RuleCondition"] == {"Fn::Equals": [{"Ref": "Entry"}, "function-url"]}
    assert rules["NoGatewayAtTheUrl"]["Assertions"][0]["Assert"] == {"Fn::Not": [is_gateway]}
    assert rules["GatewayChecksTokens"]["RuleCondition"] == {"Fn::Equals": [{"Ref": "Entry"}, "http-api"]}
    assert rules["GatewayChecksTokens"]["Assertions"][0]["Assert"] == is_gateway
    resources = template["Resources"]
    routes = {
        found["Properties"]["RouteKey"]: found["Properties"]["AuthorizationType"]
        for found in resources.values()
        if found["Type"] == "AWS::ApiGatewayV2::Route"
    }
    assert routes == {"$default": "JWT", "OPTIONS /{proxy+}": "NONE", "GET /readyz": "NONE"}, f"template.yaml: {routes}"
    for name, resource in resources.items():
        expected = {"IssuerUrl": "HasUrl", "IssuerI": "HasUrl", "Gateway": "HasGateway"}
        found = [condition for begin, condition in expected.items() if name.startswith(begin)]
        assert [resource.get("Condition")] == (found or [None]), f"template.yaml: {name} exists at the wrong entry"


def secrets_are_not_shown():
    for file, variables in settings.of_every_file().items():
        for name in settings.SECRETS:
            assert variables[name].is_hidden, f"{file}: {name} is shown by the tool"


def callers_meet_the_function_and_not_the_platform():
    url = settings.template()["Resources"]["IssuerUrl"]["Properties"]
    assert url == {"TargetFunctionArn": {"Ref": "Issuer.Alias"}, "AuthType": "NONE"}, f"template.yaml: {url}"
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
    for pattern in ("*.env", "*.tfstate*", "*.tfvars"):
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


def function_accepts_the_gateway_only_where_one_is():
    given = {**settings.ALWAYS, **settings.ONE_GRANT, "AUTH": "gateway"}
    on_lambda = {f"AWS_LAMBDA_FUNCTION_{name}": "128" for name in ("NAME", "VERSION", "MEMORY_SIZE")}
    for platform, status in ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9", **on_lambda}, 0), ({}, 1):
        check = subprocess.run([BINARY, "--check"], env={**given, **platform}, check=False, capture_output=True, timeout=60)
        assert check.returncode == status, f"{platform}: {check.stdout.decode()}"


def a_new_version_takes_over_step_by_step():
    properties = settings.template()["Resources"]["Issuer"]["Properties"]
    assert properties["AutoPublishAlias"] == "live" and properties["AutoPublishAliasAllProperties"] is True
    alarms = [alarm["Ref"] for alarm in properties["DeploymentPreference"]["Alarms"]]
    assert alarms == ["FunctionErrors", "ServerErrors"], f"template.yaml: {alarms}"


def alarms_are_what_the_provider_and_the_platform_document():
    # <https://registry.terraform.io/providers/tencentcloudstack/tencentcloud/latest/docs/resources/monitor_alarm_policy>
    policy = settings.terraform_resource("tencentcloud_monitor_alarm_policy", "function")
    known = {"count", "policy_name", "monitor_type", "namespace", "notice_ids", "enable", "conditions"}
    assert settings.arguments(policy) == known, f"main.tf: {settings.arguments(policy) ^ known}"
    assert policy["monitor_type"] == '"MT_QCE"', f"main.tf: {policy}"
    (conditions,) = policy["conditions"]
    assert conditions["is_union_rule"] == 0, "main.tf: all of the rules would have to be met"
    known = {"metric_name", "period", "operator", "value", "continue_period", "notice_frequency", "is_power_notice"}
    for rule in conditions["rules"]:
        assert settings.arguments(rule) == known, f"main.tf: {settings.arguments(rule) ^ known}"
        assert (rule["period"], rule["operator"], rule["value"]) == (60, '"gt"', '"0"'), f"main.tf: {rule}"
    # <https://www.tencentcloud.com/document/product/248/34638>; the page has the same two.
    minutes = {rule["metric_name"].strip('"'): rule["continue_period"] for rule in conditions["rules"]}
    rows = re.findall(r"(?m)^\| `(\w+)` \| above 0 for (\d) minute", (ROOT / "scf/README.md").read_text())
    assert minutes == {"Http432": 1, "Error": 5} == {name: int(count) for name, count in rows}, minutes
    bound = settings.terraform_resource("tencentcloud_monitor_policy_binding_object", "function")
    assert settings.arguments(bound) == {"count", "policy_id", "dimensions"}, f"main.tf: {settings.arguments(bound)}"


def alarms_of_the_stack_notify_and_are_documented():
    resources = settings.template()["Resources"].items()
    alarms = {name: found["Properties"] for name, found in resources if found["Type"] == "AWS::CloudWatch::Alarm"}
    page = (ROOT / "docs/lambda.md").read_text().split("## Alarms and log")[1]
    documented = set(re.findall(r"(?m)^\| `(\w+)` \| ", page))
    assert documented == alarms.keys(), f"docs/lambda.md: {documented ^ alarms.keys()}"
    # <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
    metrics = {alarm["MetricName"] for alarm in alarms.values() if alarm["Namespace"] == "AWS/Lambda"}
    assert metrics == {"Errors", "Throttles"}, f"template.yaml: {metrics}"
    for name, alarm in alarms.items():
        notified = {"If": ["IsNotified", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}
        assert alarm["AlarmActions"] == notified and alarm["TreatMissingData"] == "notBreaching", f"template.yaml: {name}"


def sam_takes_the_package_as_it_is(folder):
    function = settings.template()["Resources"]["Issuer"]
    assert function["Metadata"] == {"SkipBuild": True} and function["Properties"]["CodeUri"] == "dist/lambda"
    packaged.make(BINARY, folder / "dist")
    assert os.access(folder / "dist/lambda/bootstrap", os.X_OK), "it is not executable"


def function_starts_with_what_each_file_sets(folder):
    packaged.make(BINARY, folder, *written(settings.packaged_files(), folder / "files"))
    seen = []
    for file, variables in settings.of_every_file().items():
        answered = set()
        for way, given in settings.as_deployed(variables):
            answered |= {name for name, value in given.items() if value}
            if given in seen:
                continue
            seen.append(given)
            with packaged.started(folder / "scf", given) as function:
                status = function.healthz()
                assert status == 200, f"{file}, {way}: /healthz answered {status}"
                assert function.stop() == 0, f"{file}, {way}: SIGTERM did not end it well"
        assert variables.keys() <= answered, f"{file}: no way answers {variables.keys() - answered}"


def function_refuses_to_start_without_auth_or_grants(folder):
    # The grants file is named and was not packaged.
    files = {name: text for name, text in settings.packaged_files().items() if name != "grants.toml"}
    packaged.make(BINARY, folder, *written(files, folder / "files"))
    seen = []
    for file, variables in settings.of_every_file().items():
        for way, given in settings.as_deployed(variables):
            if given["POLICY"] or given in seen:
                continue
            seen.append(given)
            grants = ["GRANTS_FILE"] if given["GRANTS_FILE"] else ["BUCKET", "REGION", "PREFIX", "ALLOW"]
            for missing in (["AUTH"], grants):
                empty = {} if missing == ["GRANTS_FILE"] else dict.fromkeys(missing, "")
                with packaged.started(folder / "scf", {**given, **empty}) as function:
                    assert function.wait() == 1, f"{file}, {way}: it runs without {missing}"
                    for name in missing:
                        assert f'"{name}"' in function.output(), f"{file}, {way}: it does not name {name}"


def script_deploys_what_it_was_given(folder):
    """Against a stand-in for `tccli` that knows the vendor's models."""
    (way,) = [given for name, given in settings.WAYS.items() if name == "everything else"]
    given = {**way, "SECRET_ID": "", "SECRET_KEY": ""}
    script = packaged.Script(BINARY, folder, *written(settings.packaged_files(), folder / "files"))
    script.settings(given)
    options = ["--role", "cos-issuer", "--reserved-memory", "12800", "--logset", "l", "--topic", "t", "--init-timeout", "20"]
    printed = script.run("up", *options)
    assert "url: https://1250000000-abcdefgh.ap-shanghai.tencentscf.com\n" in printed, printed
    assert "/readyz" in printed and "version: 1 (published: 1)" in printed, printed
    created = script.calls("CreateFunction")[0]
    assert {variable["Key"]: variable["Value"] for variable in created["Environment"]["Variables"]} == given
    assert (created["Type"], created["Role"], created["InitTimeout"]) == ("HTTP", "cos-issuer", 20), created
    assert created["Code"]["ZipFile"] == base64.b64encode((folder / "dist/cos-issuer-scf.zip").read_bytes()).decode()
    assert created["InstanceConcurrencyConfig"] == {"DynamicEnabled": "FALSE", "MaxConcurrency": 20}
    assert (created["ClsLogsetId"], created["ClsTopicId"]) == ("l", "t")
    (trigger,) = script.calls("CreateTrigger")
    assert json.loads(trigger["TriggerDesc"])["AuthType"] == "NONE" and trigger["Qualifier"] == "$DEFAULT", trigger
    assert script.calls("PutReservedConcurrencyConfig")[0]["ReservedConcurrencyMem"] == 12800
    shown = printed + "".join(script.output)
    leaked = [name for name in settings.SECRETS & way.keys() if way[name] in shown]
    assert not leaked, f"scf/deploy printed {leaked}"


def script_switches_to_a_version_and_back(folder):
    script = packaged.Script(BINARY, folder)
    script.settings({**settings.ALWAYS, **settings.ONE_GRANT, "AUTH": "none"})
    for version in ("1", "2", "3"):
        assert f"version: {version} " in script.run("up", "--description", f"v{version}")
    assert len(script.calls("CreateFunction")) == 1 and len(script.calls("CreateTrigger")) == 1
    assert "version 2 (before: 3)" in script.run("rollback")
    assert "version 1 (before: 2)" in script.run("rollback", "--version", "1")
    assert "version: 1 " in script.run("show")
    assert "no such version: one before" in script.refusal("rollback")
    assert "no such version: 9" in script.refusal("rollback", "--version", "9")


def script_refuses_before_it_calls_anything(folder):
    script = packaged.Script(BINARY, folder)
    good = {**settings.ALWAYS, **settings.ONE_GRANT, "AUTH": "none"}
    assert "function.env does not exist" in script.refusal("up")
    script.settings({**good, "AUTH": ""})
    assert "would not start" in script.refusal("up")
    script.settings(good, mode=0o644)
    assert "chmod 600" in script.refusal("up")
    for line, reason in (("AUTH=jwt", "AUTH is set twice"), ("auth=jwt", "must be NAME=value"), ("AUTH", "must be NAME=value")):
        script.settings(good, line)
        assert reason in script.refusal("up"), line
    assert not script.calls(), script.calls()


def written(files, folder):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return [folder / name for name in files]


if __name__ == "__main__":
    own = [found for found in globals().values() if callable(found) and found.__module__ == __name__]
    runner.run([check for check in own if check is not written])
