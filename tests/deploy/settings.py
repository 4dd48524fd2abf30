"""What the deployment files set, read as their tools read them.

Guarantees: one shape for all three (a name, and whether its value is asked for and hidden); what
cannot be read is an error. Not covered: what is right, which `deployment_files.py` decides.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import hcl2
import yaml

ROOT = Path(__file__).resolve().parents[2]

# What everybody who deploys might answer. The key is one of the local cloud, so that nothing can be
# reached with it.
ALWAYS = {
    "SECRET_ID": "AKIDEMUdeployment",
    "SECRET_KEY": "CANARY-secret-key-of-a-deployment",
    "ALLOWED_ORIGINS": "https://app.example.com",
}
ONE_GRANT = {
    "BUCKET": "examplebucket-1250000000",
    "REGION": "ap-guangzhou",
    "PREFIX": "uploads/",
    "ALLOW": "upload",
}
TOKENS = {"AUTH": "jwt", "JWT_ISSUER": "https://login.example.com/", "JWT_AUDIENCE": "uploads"}

# The rest, by what makes it another deployment. What is not answered is empty.
WAYS = {
    "keys of callers": {
        "AUTH": "api-key,hmac",
        "API_KEYS": "backend=1a3ad04080ffc9795728c0415285949fafb4abf38d91be0f7ec22f8ecd0fb314",
        "HMAC_KEYS": "backend=CANARY-hmac-key-of-a-deployment-0123456789",
        **ONE_GRANT,
    },
    "tokens and a grants file": {
        **TOKENS,
        "JWT_JWKS_URL": "https://login.example.com/keys",
        "JWT_ALGORITHMS": "ES256",
        "GRANTS_FILE": "grants.toml",
    },
    "tokens and a public key": {
        **TOKENS,
        # Of RFC 8410, section 10.1
        "JWT_PUBLIC_KEY": "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\\n"
        "-----END PUBLIC KEY-----",
        **ONE_GRANT,
    },
    "tokens and a shared secret": {**TOKENS, "JWT_HS_SECRET": "CANARY-secret-of-an-issuer-0123456789", **ONE_GRANT},
}


@dataclass
class Variable:
    # The person who deploys must set it: there is no value in the file, and no default.
    is_asked: bool
    # The tool does not print it.
    is_hidden: bool


def of_every_file():
    return {"template.yaml": of_template(), "scf/serverless.yml": of_serverless(), "scf/main.tf": of_terraform()}


def as_deployed(variables):
    """Each way with its answers in place; on loopback, with a cloud that need not answer."""
    loopback = {"HOST": "127.0.0.1", "PORT": "0", "STS_ENDPOINTS": "http://127.0.0.1:9"}
    for way, answers in WAYS.items():
        answers = {**ALWAYS, **answers}
        assert answers.keys() <= variables.keys(), f"{way} cannot be deployed: no {answers.keys() - variables.keys()}"
        yield way, {**{name: answers.get(name, "") for name in variables}, **loopback}


def documented_grants():
    """The file of docs/grants.md."""
    blocks = (ROOT / "docs/grants.md").read_text().split("\n```toml\n")[1:]
    (example,) = [block.split("\n```\n")[0] for block in blocks]
    return example + "\n"


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
    written = serverless()["inputs"]["environment"]["variables"]
    # Lines that somebody may take the `#` from are offers.
    text = (ROOT / "scf/serverless.yml").read_text()
    offered = yaml.safe_load(re.sub(r"(?m)^( +)# ([A-Z_]+: (\${env:|https:))", r"\1\2", text))["inputs"]["environment"]["variables"]
    # The tool prints none of them; a value from the environment is in no file that is kept.
    is_asked = lambda name: written.get(name) == f"${{env:{name}}}"
    return {name: Variable(is_asked(name), value.startswith("${env:")) for name, value in offered.items()}


def of_terraform():
    asked = terraform_variables()
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


def terraform_variables():
    return {unquoted(name): body for block in terraform()["variable"] for name, body in block.items()}


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
