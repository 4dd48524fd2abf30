"""The compose file and the Kubernetes manifest: their settings start a server.

# Not covered
Docker and Kubernetes themselves.
"""

import contextlib
import re
import subprocess
import sys

import yaml
from world import EMULATOR, ROOT, check_sign, fail, free_port, run, started, wait_until_alive


@contextlib.contextmanager
def local_cloud(service, port):
    """The first service of the compose file, on another port and with the paths of this machine."""
    paths = {"/cloud/cos-issuer": EMULATOR, "/cloud/account.toml": ROOT / "deploy/container/account.toml"}
    mounted = {volume.split(":")[1] for volume in service["volumes"]}
    if mounted != set(paths):
        fail(f"compose.yaml mounts {mounted}")
    command = [str(paths.get(word, word)).replace("4430", str(port)) for word in service["command"]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()
        yield
    finally:
        process.terminate()
        process.wait(60)


def compose(binary):
    services = yaml.safe_load((ROOT / "deploy/container/compose.yaml").read_text())["services"]
    settings = services["cos-issuer"]["environment"]
    # HTTP is on the port after that of HTTPS.
    sts, server = free_port(), free_port()
    if settings["STS_ENDPOINTS"] != "http://127.0.0.1:4431":
        fail("compose.yaml has another STS")
    settings |= {"STS_ENDPOINTS": f"http://127.0.0.1:{sts + 1}", "HOST": "127.0.0.1", "PORT": str(server)}
    with local_cloud(services["local-cloud"], sts), started([binary], settings) as process:
        wait_until_alive(process, server)
        check_sign(server)


def kubernetes(binary):
    documents = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/cos-issuer.yaml").read_text()))
    kinds = {document["kind"]: document for document in documents}
    (container,) = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    settings = kinds["Secret"]["stringData"] | kinds["ConfigMap"]["data"]
    settings |= {pair["name"]: pair["value"] for pair in container["env"]}
    values = {
        "SECRET_ID": "AKIDexample",
        "SECRET_KEY": "example-secret-key-1",
        "API_KEYS": f"backend={'0123456789abcdef' * 4}",
        "BUCKET": "examplebucket-1250000000",
        "REGION": "ap-guangzhou",
        "PREFIX": "users/",
    }
    if {name for name, value in settings.items() if not value} != set(values):
        fail("the manifest leaves other settings empty")
    if run([binary, "--check"], env=settings | values).splitlines()[-1] != "The settings are valid.":
        fail("the settings of the manifest are not valid")
    routes = set(yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"])
    probes = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    if not probes <= routes:
        fail(f"the manifest probes {probes - routes}")
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    if not container["image"].endswith(f":{version}"):
        fail(f"the manifest has another version than {version}")


def main(binary):
    compose(binary)
    kubernetes(binary)
    print("manifests: the settings of compose.yaml issue a credential, those of Kubernetes are valid")


if __name__ == "__main__":
    main(sys.argv[1])
