#!/usr/bin/env python3
"""Runs the vendor's Go and Java SDKs, and the examples in these languages, against the local cloud.

    tests/interop/cos_sdks.py BINARY

# Guarantees
The SDKs are unmodified packages of the versions in go.mod and pom.xml. A missing tool chain, a
program that does not build and a check that does not hold are failures. The last line counts.

# Not covered
The other SDKs, which `make test` runs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE, EXAMPLES = ROOT / "tests/interop", ROOT / "examples"
OUTPUT = ROOT / "target/interop"
BUILD_SECONDS, RUN_SECONDS = 900, 120
MAVEN = ["mvn", "-q", "-B"]


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, holds, detail=""):
        self.passed += holds
        self.failed += not holds
        print(f"  {'ok' if holds else 'FAILED'} {name}" + ("" if holds else f"\n{detail}"), flush=True)
        return holds


def main(function):
    missing = [tool for tool in ("go", "java", "mvn") if not shutil.which(tool)]
    if missing:
        sys.exit(f"tests/interop/cos_sdks.py: not installed: {', '.join(missing)}. Install Go 1.24, a JDK 17 and Maven.")
    report = Report()
    go, java = build(report)
    with cloud("run", "--function", function, "--port", "0", "--env", "ALLOW=upload,download,list") as run, cloud("sts") as sts:
        settings = {
            **os.environ,
            "ISSUER_URL": run["gatewayUrl"] + "/sts",
            "COS_ADDRESS": run["cosUrl"].removeprefix("http://"),
            "BUCKET": run["bucket"],
            "REGION": run["region"],
            "STS_URL": sts["stsHttpUrl"],
            "SECRET_ID": sts["secretId"],
            "SECRET_KEY": sts["secretKey"],
        }
        for name, commands in {"Go": go, "Java": java}.items():
            if commands:
                story(report, name, commands["story"], settings)
                example(report, name, commands["example"], settings)
    print(f"the SDKs for Go and Java: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def build(report):
    """The commands that run the programs, or None for a language that does not build."""
    commands = {}
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, folder in {"story": HERE / "go", "example": EXAMPLES / "go"}.items():
        program = OUTPUT / f"go-{name}"
        if builds(report, f"Go {name}", ["go", "build", "-mod=readonly", "-o", program, "."], folder):
            commands.setdefault("Go", {})[name] = [program]
    for name, folder in {"story": HERE / "java", "example": EXAMPLES / "java"}.items():
        copy = OUTPUT / f"java-{name}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("target"))
        command = [*MAVEN, "compile", "dependency:copy-dependencies", "-DoutputDirectory=target/packages"]
        if builds(report, f"Java {name}", command, copy):
            classes = f"{copy}/target/classes:{copy}/target/packages/*"
            main_class = {"story": "Story", "example": "Upload"}[name]
            commands.setdefault("Java", {})[name] = ["java", "-cp", classes, main_class]
    complete = {language: found for language, found in commands.items() if len(found) == 2}
    return complete.get("Go"), complete.get("Java")


def builds(report, name, command, folder):
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    return report.check(f"{name} builds", built.returncode == 0, built.stdout + built.stderr)


@contextmanager
def cloud(*arguments):
    """Starts a part of the local cloud and yields what it prints at its start."""
    with subprocess.Popen([ROOT / "target/emulator/cos-issuer", *arguments, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def story(report, name, command, settings):
    ran = run(command, settings)
    for line in ran.stdout.splitlines():
        state, _, text = line.partition(" ")
        if state in ("ok", "FAILED"):
            report.check(f"{name}: {text}", state == "ok")
    report.check(f"{name}: the story ends", ran.returncode == 0, ran.stdout + ran.stderr)


def example(report, name, command, settings):
    with tempfile.TemporaryDirectory() as folder:
        for size in (1000, 12 * 1024 * 1024):
            file = Path(folder, f"{size}.bin")
            file.write_bytes(os.urandom(size))
            ran = run([*command, file, f"users/1/example-{name}-{size}"], settings)
            report.check(f"{name} example: {size} bytes are uploaded", ran.returncode == 0, ran.stderr)
        ran = run([*command, file, "secret/a.bin"], settings)
        is_shown = ran.returncode == 1 and "AccessDenied" in ran.stderr
        report.check(f"{name} example: a refusal is shown", is_shown, ran.stderr)
        refused = {**settings, "ISSUER_URL": settings["ISSUER_URL"] + "/nope"}
        ran = run([*command, file, "users/1/refused"], refused)
        report.check(f"{name} example: a refusal of the function is shown", ran.returncode == 1 and ran.stderr != "", ran.stderr)


def run(command, settings):
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: tests/interop/cos_sdks.py BINARY")
    sys.exit(main(sys.argv[1]))
