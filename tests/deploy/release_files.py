"""Checks what a release is made of: workflows, NOTICE, SBOM, and the tag. Only `check` calls it.

Guarantees: what a workflow runs is what people run. Not covered: GitHub itself, and what zizmor and
the schemas check.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

import runner

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(sys.argv[1])
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
# What a step may call, besides targets of the Makefile.
ALLOWED = (".ci/run", "release/tag --notes ", "cargo install --locked ", "cd dist && sha256sum --check ", "find dist -maxdepth 1 ")


def workflows_call_what_people_call():
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    steps = [step for name in WORKFLOWS for job in workflow(name)["jobs"].values() for step in job["steps"]]
    commands = [line for step in steps for line in step.get("run", "").splitlines()]
    assert len(commands) > 4, f"only {commands}"
    for command in commands:
        target = re.fullmatch("make ([a-z-]+)", command)
        assert target and target[1] in targets or command.startswith(ALLOWED), f"a workflow runs {command!r}"


def actions_are_pinned_with_their_version():
    pins = set()
    for name in WORKFLOWS:
        for line in re.findall(r"uses: (.*)", name.read_text()):
            found = re.fullmatch(r"([a-z/-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+", line)
            assert found, f"{name.name}: {line} is not pinned"
            pins.add(found.groups())
    assert len(dict(pins)) == len(pins) > 3, f"one action at two versions: {sorted(pins)}"


def rights_are_given_to_jobs():
    for name in WORKFLOWS:
        found = workflow(name)
        assert found["permissions"] == {}, f"{name.name}: rights for every job"
        for job in found["jobs"].values():
            writes = [right for right, level in job["permissions"].items() if level == "write"]
            assert not writes or job.get("environment") == "release", f"{name.name}: {writes} outside the environment"


def notice_is_current():
    made = subprocess.run([ROOT / "release/notice"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert made == (ROOT / "NOTICE").read_text(), "NOTICE is not current: run `make notice`"


def page_of_the_interface_is_current():
    made = subprocess.run([sys.executable, ROOT / "release/api"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert made == (ROOT / "docs/api.md").read_text(), "docs/api.md is not current: run `make api`"


def assets_are_complete_and_the_same_each_time(folder):
    listed = []
    for name in ("first", "second"):
        dist = folder / name
        dist.mkdir()
        (dist / "package.zip").write_bytes(b"zip")
        (dist / "oci").mkdir(mode=0o755 if name == "first" else 0o700)
        (dist / "oci/index.json").write_text("{}")
        os.utime(dist / "oci/index.json", (len(name), len(name)))
        subprocess.run([ROOT / "release/assets", BINARY, dist], check=True)
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True)
        listed.append((dist / "SHA256SUMS").read_text())
    assert listed[0] == listed[1], "another folder has other assets"
    names = [line.split("  ")[1] for line in listed[0].splitlines()]
    assert names == ["THIRD-PARTY-LICENSES.txt", "cos-issuer-linux-x86_64", "cos-issuer-oci.tar", "cos-issuer-server.cdx.json", "cos-issuer-tool.cdx.json", "cos-issuer.cdx.json", "package.zip"], names
    licences = (dist / "THIRD-PARTY-LICENSES.txt").read_text()
    assert "Microsoft Corporation" in licences and "libmimalloc-sys@" in licences, "the server's allocator has no licence"
    text = (dist / "cos-issuer.cdx.json").read_text()
    for path in (str(ROOT), os.path.expanduser("~"), "path+file"):
        assert path == "/" or path not in text, f"the SBOM contains {path}"


def sbom_names_what_is_linked(folder):
    subprocess.run([ROOT / "release/assets", BINARY, folder], check=True)
    sbom = json.loads((folder / "cos-issuer.cdx.json").read_text())
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.5")
    (compiler,) = sbom["metadata"]["tools"]["components"]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", compiler["version"]), compiler
    names = {component["name"] for component in sbom["components"]}
    assert {"tencent", "rustls", "ring", "tokio"} <= names, names
    assert not names & {"cos-emulator", "oracle", "proptest", "serde_derive", "cc"}, "more than what is linked"
    ids = {component["bom-ref"] for component in [sbom["metadata"]["component"], *sbom["components"]]}
    edges = {edge["ref"]: set(edge["dependsOn"]) for edge in sbom["dependencies"]}
    assert edges.keys() == ids and set().union(*edges.values()) <= ids, "dependencies of something else"
    without = [component["name"] for component in sbom["components"] if "purl" in component and len(component["hashes"][0]["content"]) != 64]
    assert not without, f"without a hash: {without}"
    server = json.loads((folder / "cos-issuer-server.cdx.json").read_text())
    assert {component["name"] for component in server["components"]} - names == {"libmimalloc-sys", "mimalloc"}
    tool = json.loads((folder / "cos-issuer-tool.cdx.json").read_text())
    assert {"cos-emulator", "rcgen", "tencent"} <= {component["name"] for component in tool["components"]}


def packages_have_the_sdk_that_tests_use():
    pins = [json.loads((ROOT / name / "package-lock.json").read_text())["packages"] for name in ("release/sdk", "tests/clients")]
    name = "node_modules/cos-js-sdk-v5"
    assert pins[0][name] == pins[1][name], "release/sdk has another SDK than tests/clients"


def release_is_one_commit_and_a_tag_with_its_notes(folder):
    tree = Tree(folder)
    tree.write("CHANGELOG.md", lambda text: text.replace("## Unreleased\n", "## Unreleased\n\n### Added\n\n- A canary.\n", 1))
    tree.git("commit", "--all", "--quiet", "--message", "a change")
    done = tree.tag("9.8.7")
    assert done.returncode == 0, done.stderr
    assert "### Added\n\n- A canary." in tree.git("tag", "--list", "--format=%(contents)", "v9.8.7")
    assert tree.git("status", "--porcelain") == "" and tree.git("log", "--format=%s", "-1") == "Release 9.8.7\n"
    for file, count in {"Cargo.toml": 1, "Cargo.lock": 5}.items():
        assert (folder / file).read_text().count('version = "9.8.7"') >= count, f"{file} has another version"
    for place in ("docs/en/deploy-on-a-vm.md", "docs/openapi.yaml", "deploy/kubernetes/cos-issuer.yaml"):
        assert "9.8.7" in (folder / place).read_text(), f"{place} names another version"
    assert re.search(r"## Unreleased\n\n## 9\.8\.7 - \d{4}-\d\d-\d\d\n", (folder / "CHANGELOG.md").read_text())
    assert "- A canary." in tree.tag("--notes", "9.8.7").stdout
    assert "has no section 1.1.1" in tree.tag("--notes", "1.1.1").stderr
    for version, reason in (("9.8.8", "nothing is written"), ("9.8.7", "exists"), ("v1", "must be MAJOR.MINOR.PATCH")):
        assert reason in tree.tag(version).stderr, version
    tree.write("README.md", lambda text: text + "\n")
    assert "the tree has changes" in tree.tag("9.9.0").stderr


class Tree:
    """A repository of its own with the files of this one."""

    def __init__(self, folder):
        self.folder = folder
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        for name in filter(None, files.split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        who = {f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "all")

    def git(self, *arguments):
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def tag(self, *arguments):
        return subprocess.run(
            [self.folder / "release/tag", *arguments], env=self.environment, check=False, capture_output=True, text=True
        )

    def write(self, name, change):
        path = self.folder / name
        path.write_text(change(path.read_text()))


def workflow(path):
    return yaml.safe_load(path.read_text())


if __name__ == "__main__":
    runner.run(
        [
            workflows_call_what_people_call,
            actions_are_pinned_with_their_version,
            rights_are_given_to_jobs,
            notice_is_current,
            assets_are_complete_and_the_same_each_time,
            sbom_names_what_is_linked,
            packages_have_the_sdk_that_tests_use,
            release_is_one_commit_and_a_tag_with_its_notes,
        ]
    )
