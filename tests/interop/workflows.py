"""The workflows, by actionlint."""

import subprocess
import sys

from world import ROOT, SECONDS, fail, tool


def main(_binary):
    go = [tool("go", "golang"), "run", "-mod=readonly", "github.com/rhysd/actionlint/cmd/actionlint"]
    files = sorted((ROOT / ".github/workflows").glob("*.yml"))
    # shellcheck reads what `make deploy-check` gives it.
    done = subprocess.run(
        [*go, "-no-color", "-shellcheck=", "-pyflakes=", *files],
        cwd=ROOT / "tests/interop/actionlint", text=True, capture_output=True, timeout=SECONDS * 9, check=False,
    )
    if done.returncode:
        fail(f"actionlint:\n{done.stdout}{done.stderr}")
    print(f"workflows: {len(files)} are clean for actionlint")


if __name__ == "__main__":
    main(sys.argv[1])
