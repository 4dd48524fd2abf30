"""Checks template.yaml with AWS SAM, and builds it: `sam validate --lint`, `sam build`.

    tests/interop/sam.py BINARY

# Guarantees
It needs no account, and no network once SAM is installed below target/. What is built is the
binary, in seconds.

# Not covered
Deploying.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "target/interop/sam"
SECONDS = 120


def main(binary):
    sam = installed()
    subprocess.run([ROOT / "scf/package", binary, ROOT / "dist"], check=True, timeout=SECONDS)
    run(sam, "validate", "--lint", "--template", "template.yaml")
    run(sam, "build", "--build-dir", str(HERE / "built"))
    built = (HERE / "built/template.yaml").read_text()
    (code,) = [line.split(": ")[1].strip() for line in built.splitlines() if line.strip().startswith("CodeUri: ")]
    found = (HERE / "built" / code / "bootstrap").resolve()
    assert found.read_bytes() == Path(binary).read_bytes(), f"sam build took another binary: {found}"
    print("sam: template.yaml is valid, and is built from the package")


def installed():
    """SAM of exactly these packages, below target/."""
    requirements = Path(__file__).with_name("sam.txt")
    stamp, fingerprint = HERE / "stamp", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != fingerprint:
        venv.create(HERE, with_pip=True, clear=True)
        # The list is complete, so pip has nothing to resolve.
        install = [HERE / "bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", requirements]
        subprocess.run(install, check=True, timeout=540)
        stamp.write_text(fingerprint)
    return HERE / "bin/sam"


def run(sam, *arguments):
    # The interpreter first: a path with blanks has no place in the script's first line.
    command = [HERE / "bin/python", sam, *arguments]
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        sys.exit(f"sam {arguments[0]} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(sys.argv[1])
