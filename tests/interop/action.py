"""The GitHub Actions of this project, run as a runner runs them, and the script of the page on CI,
with the packages of the tool.

GitHub itself is not here: a `gh` that copies from dist/ takes the place of the download, and checks
that the attestation is verified first; it also keeps the comments of a pull request, in files.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from world import ROOT, SECONDS, WORK, fail, free_port, run

ACTION = ROOT / "actions/local-cloud"
COMPARE = ROOT / "actions/compare"
PAGE = ROOT / "docs/en/test-in-ci.md"
PYTHON = Path(os.path.realpath(ROOT / "target/clients/bin/python3"))
GH = """#!/bin/sh
echo "$@" >>"$RUNNER_TEMP/gh"
case "$1 $2" in
"release download")
    while [ "$1" != --pattern ]; do shift; done
    pattern=$2
    while [ "$1" != --dir ]; do shift; done
    cp "$DIST/$pattern" "$2/" ;;
"api "*)
    [ ! -e "$RUNNER_TEMP/forbidden" ] || { echo "HTTP 403" >&2; exit 1; }
    method=GET
    for word in "$@"; do
        case $last in --method) method=$word ;; --field) file=${word#body=@} ;; esac
        last=$word
    done
    case $method in
    GET) [ ! -e "$RUNNER_TEMP/comment" ] || echo 7 ;;
    POST) [ ! -e "$RUNNER_TEMP/comment" ] && cp "$file" "$RUNNER_TEMP/comment" ;;
    PATCH) cp "$file" "$RUNNER_TEMP/comment" ;;
    esac ;;
esac
"""
GRANTS = """[[grant]]
name = "pictures"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "pictures/"
allow = ["upload"]
"""


def main(program):
    blocks = [yaml.safe_load(part.partition("\n")[2]) for part in PAGE.read_text().split("```")[1::2] if part.startswith("yaml\n")]
    (workflow,) = (block["jobs"]["test"] for block in blocks if "jobs" in block)
    (script,) = (block["test"]["script"] for block in blocks if "test" in block)
    action(workflow)
    compare(program)
    other_ci(script)


def action(workflow):
    """Each step as the runner starts it, with the inputs of the page."""
    described = yaml.safe_load((ACTION / "action.yml").read_text())
    (used,) = (step for step in workflow["steps"] if "uses" in step)
    if not used["uses"].split("@")[0].endswith("/actions/local-cloud") or not used["with"].keys() <= described["inputs"].keys():
        fail(f"{PAGE.name} uses {used}")
    port = free_port()
    inputs = {name: given["default"] for name, given in described["inputs"].items()}
    inputs |= used["with"] | {"arguments": used["with"]["arguments"].replace("5000", str(port))}
    with tempfile.TemporaryDirectory() as folder:
        gh = Path(folder, "programs/gh")
        gh.parent.mkdir()
        gh.write_text(GH)
        gh.chmod(0o755)
        runner = Runner(Path(folder), inputs)
        try:
            for step in described["runs"]["steps"]:
                runner.step(step)
            outputs = {name: runner.value(given["value"]) for name, given in described["outputs"].items()}
            if not all(outputs.values()):
                fail(f"an output is empty: {outputs}")
            if outputs["gateway-url"] != f"http://127.0.0.1:{port}":
                fail(f"the action ignores its arguments: {outputs}")
            variables = dict(line.split("=", 1) for line in Path(folder, "env").read_text().splitlines())
            if variables.get("LOCAL_CLOUD_GATEWAY_URL") != outputs["gateway-url"]:
                fail(f"the variables are {variables}")
            if not set(variables) <= set(PAGE.read_text().replace("`", " ").replace(",", " ").split()):
                fail(f"{PAGE.name} does not name all of {sorted(variables)}")
            (asked,) = (step for step in workflow["steps"] if "run" in step)
            answer = run(["bash", "-ec", asked["run"]], env={**os.environ, "GATEWAY_URL": outputs["gateway-url"]})
            if '"codeDesc":"Success"' not in answer.replace(" ", ""):
                fail(f"no credential: {answer}")
            calls = [line.split()[:2] for line in Path(folder, "gh").read_text().splitlines()]
            if calls != [["release", "download"], ["attestation", "verify"]]:
                fail(f"gh was called with {calls}")
        finally:
            runner.stop()
    print("action: it starts the local cloud of a release, whose attestation it verifies")


def compare(program):
    """A pull request that narrows the grants, then widens them, then cannot be compared."""
    described = yaml.safe_load((COMPARE / "action.yml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        gh = Path(folder, "programs/gh")
        gh.parent.mkdir()
        gh.write_text(GH)
        gh.chmod(0o755)
        file, comment = Path(folder, "grants.toml"), Path(folder, "comment")
        git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com"]
        run([*git, "init", "--quiet"])
        file.write_text(GRANTS)
        run([*git, "add", "grants.toml"])
        run([*git, "commit", "--quiet", "--message", "Grants"])
        base = run([*git, "rev-parse", "HEAD"]).strip()
        inputs = {"file": "grants.toml", "base": base, "comment": "true", "fail": "false", "version": "", "program": str(program)}
        if inputs.keys() != described["inputs"].keys():
            fail(f"actions/compare has other inputs than {sorted(inputs)}")

        def compared(text, expected, **changes):
            file.write_text(text)
            runner = Runner(Path(folder), inputs | changes, COMPARE)
            for step in described["runs"]["steps"]:
                if not runner.step(step, may_fail=True):
                    return "failed"
            found = runner.value(described["outputs"]["newly-allowed"]["value"])
            if found != expected:
                fail(f"actions/compare reports {found}, not {expected}")
            return found

        wide = GRANTS.replace('prefix = "pictures/"', 'prefix = "/"')
        compared(GRANTS.replace("pictures/", "pictures/new/"), "false")
        if comment.exists():
            fail("a comment about a change that allows nothing new")
        Path(folder, "forbidden").touch()
        compared(wide, "true")
        if "newly allows" not in Path(folder, "step_summary").read_text():
            fail("no summary without the right to comment")
        Path(folder, "forbidden").unlink()
        compared(wide.replace('"pictures"', '"pictures"  # ``` <!--'), "true")
        if "name/cos:" not in comment.read_text() or comment.read_text().count("```") != 2:
            fail(f"the comment is {comment.read_text()}")
        compared(GRANTS, "false")
        if "nothing" not in comment.read_text():
            fail("the comment is not brought up to date")
        for text, changes in [(wide, {"fail": "true"}), ("[[grant", {}), (GRANTS, {"base": "--help"}), (GRANTS, {"file": "$(id)"})]:
            if compared(text, None, **changes) != "failed":
                fail(f"actions/compare accepts {text} with {changes}")
    print("action: a comment on a pull request has what its change newly allows")


class Runner:
    def __init__(self, folder, inputs, action=ACTION):
        self.folder, self.outputs = folder, {}
        self.contexts = {f"inputs.{name}": value for name, value in inputs.items()}
        self.contexts |= {"github.action_path": str(action), "github.action_repository": "owner/cos-issuer", "github.token": "none"}
        self.contexts |= {"github.repository": "owner/app", "github.event.pull_request.number": "12"}

    def value(self, text):
        for name, value in self.contexts.items():
            text = text.replace("${{ " + name + " }}", value)
        if "${{" in text:
            fail(f"action.yml: {text} is unknown")
        return text

    def step(self, step, may_fail=False):
        """Whether it succeeded, if it may fail."""
        output = self.folder / "output"
        output.write_text("")
        environment = {
            "PATH": f"{self.folder}/programs:/usr/bin:/bin",
            "RUNNER_TEMP": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "DIST": str(ROOT / "dist"),
            **{f"GITHUB_{name}": str(self.folder / name.lower()) for name in ("ENV", "OUTPUT", "PATH", "STEP_SUMMARY")},
            **{name: self.value(value) for name, value in step["env"].items()},
        }
        # No pipe: what it leaves running would keep it open.
        with (self.folder / "log").open("w") as log:
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                env=environment, cwd=self.folder, timeout=SECONDS, stdout=log, stderr=log, check=False,
            )
        if done.returncode and may_fail:
            return False
        if done.returncode:
            fail(f"action.yml: the step {step['id']} failed:\n{(self.folder / 'log').read_text()}")
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.contexts[f"steps.{step['id']}.outputs.{name}"] = value
        return True

    def stop(self):
        """As the runner does at the end of a job: what has its folder in the environment."""
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                ours = f"RUNNER_TEMP={self.folder}\0".encode() in path.read_bytes()
            except OSError:
                continue
            if ours:
                os.kill(int(path.parent.name), signal.SIGTERM)


def other_ci(script):
    """Unchanged but for the port, in a folder and a virtual environment of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        run([PYTHON, "-m", "venv", f"{folder}/venv"])
        environment = {
            "PATH": f"{folder}/venv/bin:/usr/bin:/bin",
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            # The wheel that was built, in place of the registry.
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(ROOT / "dist"),
        }
        commands = "\n".join(script).replace("5000", str(port))
        answer = run(["bash", "-ec", f"trap 'kill $(jobs -p)' EXIT\n{commands}"], env=environment, cwd=folder)
    if '"codeDesc":"Success"' not in answer.replace(" ", ""):
        fail(f"the script of {PAGE.name} gets no credential:\n{answer}")
    print(f"action: the script of {PAGE.name} works")


if __name__ == "__main__":
    WORK.mkdir(parents=True, exist_ok=True)
    main(sys.argv[1])
