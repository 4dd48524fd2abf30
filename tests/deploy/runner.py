"""Runs checks: functions without an argument, or with a folder of their own.

Guarantees: every check runs, and every one that fails is reported with its reason.
"""

import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(checks):
    broken = [check.__name__ for check in checks if not passes(check)]
    if broken:
        sys.exit(f"deployment files: broken: {', '.join(broken)}")


def passes(check):
    what = check.__name__.replace("_", " ")
    try:
        if check.__code__.co_argcount:
            with tempfile.TemporaryDirectory(dir=ROOT / "target/deploy-check") as folder:
                check(Path(folder))
        else:
            check()
    except Exception:  # every check runs, whatever another one met
        traceback.print_exc()
        print(f"deployment files: NOT: {what}", flush=True)
        return False
    print(f"deployment files: {what}", flush=True)
    return True
