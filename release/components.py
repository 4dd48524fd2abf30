"""What a binary is linked from: its crates with their licences, as cargo resolves them.

Guarantees: only crates of the binary itself, with the features it is built with, without build
scripts' and macros' own; the same on every machine. Not covered: the C library and Rust's standard
library, which are linked as well.
"""

import json
import subprocess
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = "x86_64-unknown-linux-gnu"


@dataclass(frozen=True, order=True)
class Component:
    name: str
    version: str
    licence: str
    repository: str

    @property
    def id(self):
        return f"{self.name}@{self.version}"


# What a release contains, by name: the package that it is built from, and the features.
BINARIES = {"function": ("cos-issuer", ""), "server": ("cos-issuer", "mimalloc"), "tool": ("cos-issuer-cli", "")}


def linked(binary):
    """The components of a binary by id, its package first, and the ids that each depends on."""
    package, features = BINARIES[binary]
    tree = cargo(
        *("tree", "--package", package, "--features", features, "--edges", "normal,no-proc-macro", "--target", TARGET),
        *("--prefix", "depth", "--format", "|{p}|{l}|{r}"),
    )
    components, edges, path = {}, {}, []
    for line in tree.splitlines():
        depth, name, licence, repository = line.removesuffix(" (*)").split("|")
        name, version = name.split(" ")[:2]
        # An old form of OR.
        component = Component(name, version.removeprefix("v"), licence.replace("/", " OR "), repository.removesuffix(" (*)"))
        components[component.id] = component
        edges.setdefault(component.id, set())
        path[int(depth) :] = [component.id]
        if len(path) > 1:
            edges[path[-2]].add(component.id)
    return components, edges


def embedded(binary):
    """The ids of the crates that a binary lists, in the section that cargo-auditable adds; none if
    it has no such section. <https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md>"""
    section = subprocess.run(
        ("objcopy", "--dump-section", ".dep-v0=/dev/stdout", binary, "/dev/null"), check=True, capture_output=True
    ).stdout
    if not section:
        return set()
    return {f"{found['name']}@{found['version']}" for found in json.loads(zlib.decompress(section))["packages"]}


def metadata():
    """Of the crates of all binaries."""
    features = ",".join(f"{package}/{feature}" for package, feature in BINARIES.values() if feature)
    return json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET, "--features", features))


def checksums():
    """SHA-256 of each crate's archive; crates of the workspace have none."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {f"{found['name']}@{found['version']}": found.get("checksum") for found in lock["package"]}


def compiler():
    """The version of Rust: another one builds other bytes."""
    return run("rustc", "--version").split()[1]


def cargo(*arguments):
    return run("cargo", *arguments, "--locked")


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
