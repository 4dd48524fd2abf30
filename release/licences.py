"""The licences of what the binaries contain, each text once, with what it belongs to.

Guarantees: no path of this machine. Not covered: the C library and Rust's standard library.
"""

import json
import re
from pathlib import Path

import components


def text(node_modules=None):
    """Of the crates, and of the Node packages in a folder."""
    texts, without = {}, []
    for id, licence, folder in [*crates(), *(packages(node_modules) if node_modules else ())]:
        named = [path for path in sorted(folder.rglob("*")) if re.match("(LICEN[CS]E|COPYING|NOTICE)", path.name) and path.is_file()]
        for path in named:
            texts.setdefault(path.read_text(errors="replace").strip(), []).append(id)
        if not named:
            without.append(f"{id}: {licence}\n")
    parts = [f"{', '.join(sorted(set(ids)))}\n\n{text}\n" for text, ids in sorted(texts.items(), key=lambda each: sorted(each[1]))]
    return f"\n{'=' * 80}\n\n".join(["".join(["What has no text in its archive:\n", *sorted(without)]), *parts])


def crates():
    checksums = components.checksums()
    # Those without a checksum are our own.
    found = {id for binary in components.BINARIES for id in components.linked(binary)[0] if checksums[id]}
    described = {f"{package['name']}@{package['version']}": package for package in components.metadata()["packages"]}
    for id in sorted(found):
        yield id, described[id]["license"], Path(described[id]["manifest_path"]).parent


def packages(node_modules):
    for path in sorted(node_modules.glob("*/package.json")):
        described = json.loads(path.read_text())
        yield f"{described['name']}@{described['version']} (npm)", described["license"], path.parent
