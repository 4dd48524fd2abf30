"""What `cos-issuer lint` reports as SARIF, by the schema of SARIF 2.1.0 that Microsoft's matchers
for Jest contain: nothing found, and at least one finding of each kind of file.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

from world import EMULATOR, ROOT, SECONDS, fail

SCHEMA = ROOT / "target/clients/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
GRANT = '[[grant]]\nname = "a"\nmatch = "everyone"\nbucket = "examplebucket-1250000000"\nregion = "ap-guangzhou"\nprefix = "%s"\nallow = ["upload"]\n'
FILES = {
    "clean.toml": "#:schema grants.schema.json\n" + GRANT % "a/",
    "grants ü.toml": GRANT % "examplebucket-1250000000/a/",
    "invalid.toml": GRANT % "a",
    "policy.json": '{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:*","resource":"*"}]}',
    "production.env": "AUTH=nobody\n",
}


def main(_binary):
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            Path(folder, name).write_text(text)
            done = subprocess.run(
                [EMULATOR, "lint", "--format", "sarif", name], cwd=folder, text=True, capture_output=True, timeout=SECONDS, check=False
            )
            log = json.loads(done.stdout)
            errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(log)]
            if errors:
                fail(f"{name} is not SARIF 2.1.0:\n" + "\n".join(errors))
            found = len(log["runs"][0]["results"])
            if (found == 0) != (name == "clean.toml"):
                fail(f"{name} has {found} findings")
            count += found
    print(f"sarif: {count} findings of {len(FILES)} files fit the schema of SARIF 2.1.0")


if __name__ == "__main__":
    main(sys.argv[1])
