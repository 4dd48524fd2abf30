"""A plugin for pytest: each test as a line of JSON in RESULTS, with the parts of the files TRACE
and FOREIGN that were written while it ran.

It also calls `setUp` of a module, as the runner that the suites were written for does.
"""

import json
import os

import pytest

FILES = {name: os.environ[name.upper()] for name in ("trace", "foreign")}


def sizes():
    return {name: os.path.getsize(path) if os.path.exists(path) else 0 for name, path in FILES.items()}


@pytest.fixture(scope="module", autouse=True)
def set_up(request):
    getattr(request.module, "setUp", lambda: None)()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.reports, before = [], sizes()
    result = yield
    after = sizes()
    failed = [report for report in item.reports if report.failed]
    if failed or any(report.when == "call" and report.passed for report in item.reports):
        line = {
            "name": item.name,
            "outcome": "failed" if failed else "passed",
            "message": failed[0].longreprtext[-2000:] if failed else "",
            **{name: [before[name], after[name]] for name in FILES},
        }
        with open(os.environ["RESULTS"], "a", encoding="utf-8") as results:
            print(json.dumps(line), file=results)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.reports.append(report)
    return report
