"""What the deployment files set, read as their tools read them.

Promises: one shape for all three (a name, and whether its value is asked for and hidden); what cannot be read is an error.
Leaves out: judging it, which is for `deployment_files.py`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import hcl2
import yaml

ROOT = Path(__file__).resolve().parents[2]

# What somebody who deploys might answer. The key is one of the local cloud, so that nothing can be reached with it.
ANSWERS = {
    "API_KEYS": "backend=1a3ad04080ffc9795728c0415285949fafb4abf38d91be0f7ec22f8ecd0fb314",
    "HMAC_KEYS": "backend=CANARY-hmac-key-of-a-deployment-0123456789",
    "SECRET_ID": "AKIDEMUdeployment",
    "SECRET_KEY": "CANARY-secret-key-of-a-deployment",
    "BUCKET": "examplebucket-1250000000",
    "REGION": "ap-guangzhou",
    "PREFIX": "uploads/",
    "ALLOW": "upload",
    "ALLOWED_ORIGINS": "https://app.example.com",
}


@dataclass
class Variable:
    # Whoever deploys must say it: there is no value in the file, and no default.
    is_asked: bool
    # The tool does not print it.
    is_hidden: bool


def of_every_file():
    return {"template.yaml": of_template(), "scf/serverless.yml": of_serverless(), "scf/main.tf": of_terraform()}


def as_deployed(variables):
    """With answers in place; and on loopback, with a cloud that nobody has to answer for."""
    loopback = {"HOST": "127.0.0.1", "PORT": "0", "STS_ENDPOINTS": "http://127.0.0.1:9"}
    kinds = [kind for kind, setting in (("api-key", "API_KEYS"), ("hmac", "HMAC_KEYS")) if setting in variables]
    answers = {**ANSWERS, "AUTH": ",".join(kinds) or "none"}
    return {**{name: answers[name] for name in variables}, **loopback}


def read_by_the_function():
    """The variables that src/config names."""
    sources = [ROOT / "src/config.rs", *sorted((ROOT / "src/config").glob("*.rs"))]
    names = {name for source in sources for name in re.findall(r'"([A-Z][A-Z0-9_]{2,})"', source.read_text())}
    assert {"AUTH", "SECRET_ID", "STS_DEADLINE_MS"} <= names, f"src/config is written in another way now: {sorted(names)}"
    return names


def of_template():
    parameters = template()["Parameters"]
    variables = {}
    for name, value in template()["Resources"]["Issuer"]["Properties"]["Environment"]["Variables"].items():
        parameter = parameters[value["Ref"]] if isinstance(value, dict) else {"Default": value}
        variables[name] = Variable("Default" not in parameter, parameter.get("NoEcho") is True)
    return variables


def of_serverless():
    variables = serverless()["inputs"]["environment"]["variables"]
    # The tool prints none of them; a value from the environment is in no file that is kept.
    return {name: Variable(value == f"${{env:{name}}}", value.startswith("${env:")) for name, value in variables.items()}


def of_terraform():
    asked = {unquoted(name): body for block in terraform()["variable"] for name, body in block.items()}
    environment = terraform_resource("tencentcloud_scf_function", "issuer")["environment"]
    variables = {}
    for name, value in re.findall(r"([A-Z][A-Z0-9_]+) = ([^,}]+)", environment):
        declared = asked[value.removeprefix("var.")] if value.startswith("var.") else {"default": value}
        variables[name] = Variable("default" not in declared, declared.get("sensitive") is True)
    return variables


def template():
    return yaml.load((ROOT / "template.yaml").read_text(), Loader=TemplateLoader)


def serverless():
    return yaml.safe_load((ROOT / "scf/serverless.yml").read_text())


def terraform():
    with open(ROOT / "scf/main.tf", encoding="utf-8") as file:
        return hcl2.load(file)


def terraform_resource(kind, name):
    for block in terraform()["resource"]:
        for found, bodies in block.items():
            if unquoted(found) == kind:
                (body,) = [body for key, body in bodies.items() if unquoted(key) == name]
                return body
    raise AssertionError(f"main.tf has no {kind} {name}")


def unquoted(text):
    return text.strip('"')


class TemplateLoader(yaml.SafeLoader):
    """Reads `!Ref X` as {"Ref": "X"}."""


TemplateLoader.add_multi_constructor("!", lambda loader, tag, node: {tag: loader.construct_scalar(node)})
