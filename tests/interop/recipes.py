"""The lines for tests of other projects: those of docs/en/test-in-ci.md for Go and JUnit, and of
docs/emulator.md for pytest and Node.js, run as they are, in a project of a user.

Guarantees: what runs is the text of the pages, which is equal in both languages; `cos-issuer` is
what an installed package is. Not covered: the packages themselves, which the part `tool` installs.
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from world import EMULATOR, ROOT, fail, run, tool

HERE, CLIENTS = ROOT / "tests/interop/recipes", ROOT / "target/clients"
PAGE, TRANSLATION, MANUAL = (ROOT / "docs" / page for page in ("en/test-in-ci.md", "zh/test-in-ci.md", "emulator.md"))


def main(_binary):
    if not EMULATOR.exists():
        fail(f"{EMULATOR} is not built: run `make emulator`")
    with tempfile.TemporaryDirectory() as folder:
        package = installed(Path(folder) / "package")
        environment = {**os.environ, "PATH": f"{package.parent}:{os.environ['PATH']}", "COS_ISSUER": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
        for name, recipe in {"Go": go, "JUnit": junit, "pytest": pytest, "Node.js": node}.items():
            project = Path(folder) / name
            project.mkdir()
            recipe(project, environment)
            print(f"recipes: {name}: the lines of the page start, reset and stop the local cloud")


def installed(folder):
    """The program and its function, where a package has them."""
    program, function = folder / "bin/cos-issuer", folder / "lib/cos-issuer/bootstrap"
    for source, target in ((EMULATOR, program), (EMULATOR.parent / "bootstrap", function)):
        target.parent.mkdir(parents=True)
        shutil.copy(source, target)
    return program


def block(page, language):
    """The only block of this language below the headings about tests."""
    blocks = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page.read_text())
    if page == MANUAL:
        blocks = [text for text in blocks if "fresh_local_cloud" in text or "startLocalCloud" in text]
    if len(blocks) != 1:
        fail(f"{page.name} has {len(blocks)} blocks of {language}, and must have one")
    return blocks[0]


def translated(language):
    recipe = block(PAGE, language)
    if recipe != block(TRANSLATION, language):
        fail(f"the block of {language} differs in the two languages of {PAGE.name}")
    return recipe


def go(project, environment):
    (project / "cloud_test.go").write_text(translated("go"))
    shutil.copy(HERE / "app_test.go", project)
    (project / "go.mod").write_text("module example.com/app\n\ngo 1.19\n")
    printed = run([tool("go", "golang"), "test", "-count=1", "-v", "."], cwd=project, env=environment)
    expect(printed, "--- PASS", 2)


def junit(project, environment):
    sources = project / "src/test/java"
    sources.mkdir(parents=True)
    (sources / "LocalCloud.java").write_text(translated("java"))
    shutil.copy(HERE / "AppTest.java", sources)
    shutil.copy(HERE / "pom.xml", project)
    printed = run([tool("mvn", "maven"), "-B", "test"], cwd=project, env=environment)
    expect(printed, "Tests run: 2, Failures: 0, Errors: 0, Skipped: 0", 2)


def pytest(project, environment):
    shutil.copy(HERE / "app.py", project)
    (project / "test_app.py").write_text("from app import App\n\n\n" + block(MANUAL, "python"))
    environment = environment | {"PYTHONPATH": f"{ROOT / 'clients/python'}:{project}"}
    printed = run([CLIENTS / "venv/bin/python", "-m", "pytest", "-q", "-p", "cos_issuer.pytest_plugin"], cwd=project, env=environment)
    expect(printed, "1 passed", 1)


def node(project, environment):
    modules = project / "node_modules"
    shutil.copytree(ROOT / "clients/node", modules / "cos-issuer")
    kept = project / "fixtures/examplebucket-1250000000"
    kept.mkdir(parents=True)
    (kept / "a.txt").write_text("a")
    (project / "app.mjs").write_text(block(MANUAL, "js") + 'console.log("stopped", cloud.addresses.cosUrl);\n')
    printed = run([CLIENTS / "bin/node", "app.mjs"], cwd=project, env=environment)
    expect(printed, "stopped http://127.0.0.1:", 1)


def expect(printed, text, times):
    if printed.count(text) != times:
        fail(f"must print {times} times `{text}`, but printed:\n{printed}")


if __name__ == "__main__":
    main(sys.argv[1])
