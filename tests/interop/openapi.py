"""The server against docs/openapi.yaml, by schemathesis: every check that it has, no finding.

The deployment is one that accepts everything that the document permits: the longest lifetimes, and
API keys. The key of the requests is one of the local cloud's test, so credentials are issued.

# Not covered
Tokens and signed requests: the end-to-end tests send those.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from world import ROOT, WORK, fail, free_port, started, sts, wait_until_alive

KEY = "a-key-of-the-interface-test-0123456789abcdef"

# Each exception with its reason.
CONFIGURATION = "".join(
    f"""
[[operations]]
# Neither or both of `filename` and `ext`, or a key that is not one object, is a bad request, which
# no schema of a query can express.
include-path = "{path}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "403"]
"""
    for path in (
        "/getKeyAndCredentials",
        "/put-sign",
        "/sts-direct-sign",
        "/upload-sign",
        "/post-policy",
        "/download-sign",
    )
)


def main(binary):
    schemathesis = Path(sys.executable).with_name("schemathesis")
    if not schemathesis.exists():
        fail("schemathesis is not installed: run `make clients`")


    with sts() as settings:
        port = free_port()
        settings |= {
            "PORT": str(port),
            "AUTH": "api-key",
            "API_KEYS": f"schemathesis={hashlib.sha256(KEY.encode()).hexdigest()}",
            "MIN_REMAINING_SECONDS": "90",
            "DURATION_SECONDS": "129600",
            "LOG": "warn",
        }
        with started([binary], settings) as process:
            wait_until_alive(process, port)
            configuration = WORK / "schemathesis.toml"
            configuration.write_text(CONFIGURATION)
            done = subprocess.run(
                [
                    *(sys.executable, schemathesis, f"--config-file={configuration}", "run", ROOT / "docs/openapi.yaml"),
                    f"--url=http://127.0.0.1:{port}",
                    f"--header=Authorization: Bearer {KEY}",
                    *("--checks=all", "--mode=all", "--seed=1", "--max-examples=20", "--no-color"),
                ],
                cwd=WORK,
                env={"PATH": os.environ["PATH"], "HOME": str(WORK), "NO_PROXY": "127.0.0.1"},
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            (WORK / "schemathesis.log").write_text(done.stdout)
    if done.returncode:
        fail(f"schemathesis:\n{done.stdout[-6000:]}")
    cases = re.search(r"(\d+) generated", done.stdout)
    if not cases or int(cases[1]) < 500:
        fail(f"schemathesis sent too little:\n{done.stdout[-2000:]}")
    print(f"openapi: {cases[1]} requests, no finding")


if __name__ == "__main__":
    main(sys.argv[1])
