"""What the deployment files set, read as their tools read them, and the settings that the documents
list.

Guarantees: one shape for all files (a name, and whether its value is asked for and hidden); what
cannot be read is an error. Not covered: what is right, which `deployment_files.py` decides.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import certifi
import hcl2
import yaml

ROOT = Path(__file__).resolve().parents[2]

# Settings that no deployment file sets, with the reason.
NEVER_DEPLOYED = {
    "HOST": "the platform decides where it listens",
    "METRICS_ADDRESS": "nothing reaches a second address of an instance",
    "PORT": "the platform decides where it listens",
    "ROLE_KEYS": "only for functions with an image",
    "SESSION_TOKEN": "a temporary key ends; a deployment has a permanent one, or an execution role",
    "THREADS": "a function has one thread",
    "TKE_PROVIDER_ID": "a cluster of TKE sets it",
    "TKE_REGION": "a cluster of TKE sets it",
    "TKE_ROLE_ARN": "a cluster of TKE sets it",
    "TKE_WEB_IDENTITY_TOKEN_FILE": "a cluster of TKE sets it",
}
# Settings of a server, which Lambda never starts.
SERVER_ONLY = {"ALLOWED_HOSTS", "CONNECTIONS_MAX", "SHUTDOWN_DELAY_MS", "SHUTDOWN_GRACE_MS"}

SECRETS = {"API_KEYS", "EXTERNAL_ID", "HMAC_KEYS", "JWT_HS_SECRET", "SECRET_ID", "SECRET_KEY", "SHARED_STORE", "STS_PROXY", "WECHAT_SECRET"}

# What everybody who deploys might answer. The key is one of the local cloud, so that nothing can be
# reached with it, and such a cloud need not answer.
ALWAYS = {
    "SECRET_ID": "AKIDEMUdeployment",
    "SECRET_KEY": "CANARY-secret-key-of-a-deployment",
    "STS_ENDPOINTS": "http://127.0.0.1:9",
    "ALLOWED_ORIGINS": "https://app.example.com",
}
ONE_GRANT = {
    "BUCKET": "examplebucket-1250000000",
    "REGION": "ap-guangzhou",
    "PREFIX": "uploads/",
    "ALLOW": "upload",
}
TOKENS = {"AUTH": "jwt", "JWT_ISSUER": "https://login.example.com/", "JWT_AUDIENCE": "uploads"}
# Of RFC 8410, section 10.1
PUBLIC_KEY = ["-----BEGIN PUBLIC KEY-----", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=", "-----END PUBLIC KEY-----"]

# The rest, by what makes it another deployment. What is not answered is empty.
WAYS = {
    "keys of callers": {
        "AUTH": "api-key,hmac",
        "API_KEYS": "backend=1a3ad04080ffc9795728c0415285949fafb4abf38d91be0f7ec22f8ecd0fb314",
        "API_KEY_HEADER": "X-Api-Key",
        "HMAC_KEYS": "backend=CANARY-hmac-key-of-a-deployment-0123456789",
        **ONE_GRANT,
        "EXTENSIONS": "jpg,png",
    },
    "tokens and a grants file": {
        **TOKENS,
        "JWT_JWKS_URL": "https://login.example.com/keys",
        "JWT_ALGORITHMS": "ES256",
        "GRANTS_FILE": "grants.toml",
    },
    "tokens and a file of keys": {**TOKENS, "JWT_JWKS_FILE": "jwks.json", "JWT_ALGORITHMS": "EdDSA", **ONE_GRANT},
    "tokens and a public key": {**TOKENS, "JWT_PUBLIC_KEY": r"\n".join(PUBLIC_KEY), **ONE_GRANT},
    "tokens and a file with a public key": {**TOKENS, "JWT_PUBLIC_KEY_FILE": "issuer.pem", **ONE_GRANT},
    "tokens and a shared secret": {**TOKENS, "JWT_HS_SECRET": "CANARY-secret-of-an-issuer-0123456789", **ONE_GRANT},
    "logins of a mini-program": {
        "AUTH": "wechat",
        "WECHAT_APPID": "wx0123456789abcdef",
        "WECHAT_SECRET": "CANARY0wechat1secret2of3a4deployment",
        "WECHAT_SUBJECT": "openid",
        "WECHAT_ENDPOINTS": "api.weixin.qq.com",
        **ONE_GRANT,
    },
    "a raw policy": {
        "AUTH": "none",
        "POLICY": '{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:*"],"resource":["*"]}]}',
        "ALLOW_FULL_ACCESS": "true",
    },
    "everything else": {
        **TOKENS,
        "JWT_JWKS_URL": "https://login.example.com/keys",
        "JWT_LEEWAY_SECONDS": "10",
        "JWT_MAX_AGE_SECONDS": "3600",
        **ONE_GRANT,
        "KEY_OWNER": "sub-account",
        "ROLE_ARN": "qcs::cam::uin/100000000001:roleName/upload",
        "EXTERNAL_ID": "CANARY-external-id-of-a-deployment",
        "DURATION_SECONDS": "1200",
        "MIN_REMAINING_SECONDS": "120",
        "STS_DEADLINE_MS": "2000",
        "STS_CONCURRENCY_MAX": "8",
        "STS_CA_FILE": "ca.pem",
        "STS_PROXY": "http://proxy.example.com:3128",
        "CACHE": "on",
        "CACHE_ENTRIES_MAX": "100",
        "RATE_LIMIT": "60/1m",
        "RATE_LIMIT_BLOCK": "5m",
        "CLIENT_ADDRESS": "connection",
        "DENY": "sub:user-7",
        "DENY_FILE": "deny.txt",
        "SHARED_STORE": "rediss://:CANARY-password-of-a-store@store.example.com:6379/0",
        "SHARED_STORE_CA_FILE": "ca.pem",
        "SHARED_STORE_PREFIX": "cos-issuer:",
        "BASE_PATH": "/credentials",
        "LOG": "debug",
        "LOG_FORMAT": "json",
        "AUDIT": "required",
        "AUDIT_SUBJECT": "clear",
        "AUDIT_CLIENT": "off",
        "METRICS": "off",
        "ALLOWED_HOSTS": "credentials.example.com",
        "CONNECTIONS_MAX": "64",
        "SHUTDOWN_DELAY_MS": "0",
        "SHUTDOWN_GRACE_MS": "5000",
    },
}


def packaged_files():
    """What the answers name, by its name in the package."""
    certificate = Path(certifi.where()).read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    # The key is that of RFC 8037, appendix A.
    key = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"1"}'
    return {
        "grants.toml": documented_grants(),
        "jwks.json": f'{{"keys":[{key}]}}',
        "issuer.pem": "\n".join([*PUBLIC_KEY, ""]),
        "ca.pem": certificate,
        "deny.txt": "sub:user-8\n",
    }


@dataclass
class Variable:
    # The person who deploys must set it, or something in its place: the file has no value for it.
    is_asked: bool
    # The tool does not print it.
    is_hidden: bool


def of_every_file():
    return {
        "template.yaml": of_template(),
        "scf/serverless.yml": of_serverless(),
        "scf/main.tf": of_terraform(),
        "scf/deploy": of_script(),
    }


def as_deployed(variables):
    """Each way with its answers in place, on loopback."""
    loopback = {"HOST": "127.0.0.1", "PORT": "0", "SHUTDOWN_DELAY_MS": "0"}
    for way, answers in WAYS.items():
        answers = {name: value for name, value in {**ALWAYS, **answers}.items() if name in variables or name not in SERVER_ONLY}
        assert answers.keys() <= variables.keys(), f"{way} cannot be deployed: no {answers.keys() - variables.keys()}"
        yield way, {**{name: answers.get(name, "") for name in variables}, **loopback}


def documented():
    """The variables of the tables of settings."""
    names = set()
    for page in ("README.md", "docs/jwt.md"):
        table = (ROOT / page).read_text().split("\n## Settings\n")[1].split("\n## ")[0]
        cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        names |= {name for cell in cells for name in re.findall("`([A-Z][A-Z0-9_]+)`", cell)}
    assert len(names) > 50, f"the tables are written in another way now: {sorted(names)}"
    return names


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
        parameter = parameters[in_camel_case(name)]
        own = {"Ref": in_camel_case(name)}
        assert value == own or in_secrets_manager(name) == value, f"template.yaml: {name} is {value}"
        variables[name] = Variable(not parameter.get("Default"), parameter.get("NoEcho") is True)
    return variables


def in_camel_case(name):
    return "".join(part.capitalize() for part in name.split("_"))


def in_secrets_manager(name):
    """The value of a variable that may be in the secret."""
    reference = f"{{{{resolve:secretsmanager:${{SecretName}}:SecretString:{name}::${{SecretVersion}}}}}}"
    return {"If": [f"{in_camel_case(name)}InManager", {"Sub": reference}, {"Ref": in_camel_case(name)}]}


def of_serverless():
    # Lines that somebody may take the `#` from are offers.
    text = (ROOT / "scf/serverless.yml").read_text()
    offered = yaml.safe_load(re.sub(r"(?m)^( +)# ([A-Z_]+: \${env:)", r"\1\2", text))["inputs"]["environment"]["variables"]
    # The tool prints none of them; a value from the environment is in no file that is kept.
    return {name: Variable(value == f"${{env:{name}}}", value.startswith("${env:")) for name, value in offered.items()}


def of_terraform():
    asked = terraform_variables()
    values = {name: value for block in terraform()["locals"] for name, value in block.items()}
    environment = terraform_resource("tencentcloud_scf_function", "issuer")["environment"]
    for part in ("local.has_grant ? local.grant : {}", "var.settings", "var.secrets", "if value != null"):
        assert part in environment, f"main.tf: no {part} in environment"
    variables = {unquoted(name): Variable(True, False) for name in values["settings"]}
    variables |= {unquoted(name): Variable(True, asked["secrets"]["sensitive"]) for name in values["secrets"]}
    grant = {name: value.removeprefix("${").removesuffix("}") for name, value in values["grant"].items()}
    for name, value in [*re.findall(r"([A-Z][A-Z0-9_]+) = ([^,}]+)", environment), *grant.items()]:
        declared = asked[value.removeprefix("var.")] if value.startswith("var.") else {"default": value}
        variables[name] = Variable(declared.get("default") in (None, "null"), declared.get("sensitive") is True)
    return variables


def of_script():
    """It passes on what is in the file of settings, and prints nothing of it."""
    return {name: Variable(True, True) for name in documented() - NEVER_DEPLOYED.keys()}


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


def arguments(body):
    """Their names, without what the parser adds."""
    return {name for name in body if not name.startswith("__")}


def unquoted(text):
    return text.strip('"')


class TemplateLoader(yaml.SafeLoader):
    """Reads `!Ref X` as {"Ref": "X"}."""


def tagged(loader, tag, node):
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_scalar(node)}


TemplateLoader.add_multi_constructor("!", tagged)
