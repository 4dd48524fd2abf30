# Every command of the project. `make help` lists them; README and CI call nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

# The command line: the name of its binary.
cli := cos-issuer

host := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
# What is built for another machine: make build TARGET=aarch64-unknown-linux-gnu
export TARGET := $(host)
other := $(filter-out $(host),$(TARGET))
deploy := target/deploy$(addprefix /,$(other))
bootstrap := $(deploy)/bootstrap
quietly := tests/setup/quietly

# What `make run` starts: the tool and a function, in one build that takes as little time as it can.
quick := target/emulator

# What servers run: the binary that machines, packages and images get, and what builds it.
server := $(deploy)/cos-issuer-server
server_build := server

# What people install: the command line with the local cloud.
tool := $(deploy)/$(cli)
PREFIX := /usr/local
SYSCONFDIR := /etc
units := $(DESTDIR)$(PREFIX)/lib/systemd/system
settings := $(DESTDIR)$(SYSCONFDIR)/cos-issuer

# Cargo's folder cannot be written on some machines: a home that is read-only, a user without one.
cargo_home := $(or $(CARGO_HOME),$(HOME)/.cargo)
ifneq ($(HOME),)
ifeq ($(shell [ -d "$(cargo_home)/registry/cache" ] || [ -w "$(cargo_home)" ] || \
	{ [ ! -e "$(cargo_home)" ] && [ -w "$$(dirname "$(cargo_home)")" ]; } || echo read-only),read-only)
export CARGO_HOME := $(CURDIR)/target/cargo
cargo_home := $(CARGO_HOME)
endif
endif
# One folder, whatever the machine has set.
export CARGO_TARGET_DIR := $(CURDIR)/target

# Flags of the deployed binary, with `|` between them, since a path may hold blanks. It is static
# where that is possible, so that it runs whatever C library the platform has (SCF: glibc 2.17).
# Relative relocations are packed: a smaller file, less work at start. Rust's own linker on x86_64
# also folds equal functions, and puts code that is rarely run apart, so that less is mapped.
# Paths of this machine are cut off, here and in release/rustc, so that the same sources give the
# same bytes everywhere.
static := |-Ctarget-feature=+crt-static|-Clink-arg=-Wl,-z,pack-relative-relocs
folded := |-Clink-arg=-Wl,--icf=all|-Clink-arg=-Wl,-O2|-Clink-arg=-Wl,-T,release/rarely-run.ld
deploy_rustflags := --remap-path-prefix=$(cargo_home)=cargo$(if $(findstring linux-gnu,$(TARGET)),$(static)$(if $(findstring x86_64,$(TARGET)),$(folded)))
# Of the function and what it is compared with: LLVM inlines what is marked `#[inline]` up to a size
# of 325. With 150 the binary has 57 KB less, and a request runs a hundredth more instructions.
small := |-Cllvm-args=-inlinehint-threshold=150
deploy_env = $(if $(other),CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc )RUSTC_WRAPPER="$(CURDIR)/release/rustc" COS_ISSUER_REVISION="$(revision)" CARGO_ENCODED_RUSTFLAGS="$$(printf %s '$(deploy_rustflags)$(1)' | tr '|' '\037')"
deploy_build = $(call deploy_env,$(1)) cargo build --locked --target $(TARGET)
# Where cargo-auditable is installed, function and server contain the list of their crates, which
# scanners read. Not the tool, which maturin builds too.
auditable := $(if $(shell command -v cargo-auditable 2>/dev/null),auditable)
listed_build = $(subst cargo build,cargo $(auditable) build,$(call deploy_build,$(1)))

# `--version` and the start line name the last commit that changed the function. Without Git it is
# unknown. With COS_ISSUER_REVISION the same sources give the same bytes in any case.
sources := src tencent Cargo.toml Cargo.lock
revision = $(or $(COS_ISSUER_REVISION),$(shell git log -1 --abbrev=12 --format=%h -- $(sources) 2>/dev/null)$(if $(shell git status --porcelain -- $(sources) 2>/dev/null),-dirty),unknown)

# A program that is running cannot be written to, but it can be replaced.
replace = cp $(1) $(2).new && mv -f $(2).new $(2)

.PHONY: help run test lint advisories fmt fuzz build server tool tool-packages tool-check package dist release api notice deploy-check bench bench-cloud compare soak emulator install uninstall deb image interop suites tests clients pictures mutants clean listed ports ready

help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ports emulator ## Start the local cloud, issue a credential and show it (Ctrl-C ends it)
	@$(quick)/$(cli) run --function $(quick)/bootstrap $(ARGS)

test: clients build tests ## Run every test, real clients included
	@target/clients/bin/python3 tests/run $(bootstrap)

fuzz: ready ## Fuzz every target for two minutes under libFuzzer
	@fuzz/run $(ARGS)

# cargo-deny reads the crates of every platform, which a build does not fetch.
lint: ## Check formatting, lints, documentation and dependencies
	@tests/setup/check lint
	@cargo fmt --all --check
	@cargo clippy --quiet --locked --workspace --all-targets --features mimalloc -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	@if [ ! -e deny.toml ]; then :; \
	elif cargo deny --version >/dev/null 2>&1; then cargo fetch --quiet --locked && cargo deny --log-level error --offline --locked check bans licenses sources; \
	else echo "Not checked: dependencies, since cargo-deny is not installed (cargo install --locked cargo-deny)"; fi

# Apart from lint: what it finds changes without a change here, and it needs the network.
advisories: ready ## Look for known vulnerabilities of dependencies (cargo-deny, network)
	@cargo deny --locked check advisories

fmt: ready ## Format the sources
	@cargo fmt --all

build: ready ## Build the deployed binary: target/deploy/bootstrap
	@$(quietly) "Building the function" target/log/build \
		env $(call listed_build,$(small)) --release -p cos-issuer --bin bootstrap --target-dir target/deploy
	@$(call replace,target/deploy/$(TARGET)/release/bootstrap,$(bootstrap))

# The same program, optimised for speed instead of size, with an allocator of its own. That writes
# when it was compiled, which is the same moment everywhere.
server: ready ## Build the binary for servers: target/deploy/cos-issuer-server
	@$(quietly) "Building the server" target/log/server \
		env SOURCE_DATE_EPOCH=0 $(listed_build) --profile server --features mimalloc -p cos-issuer --bin bootstrap --target-dir target/deploy
	@$(call replace,target/deploy/$(TARGET)/server/bootstrap,$(server))

# maturin builds it again for the wheel, with this time in its environment, which a build script
# asks for: with another one here, everything would be compiled twice. A zip archive has none before
# 1980.
commit_time = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),315532800)

tool: ready ## Build the tool that people install: target/deploy/cos-issuer
	@$(quietly) "Building the tool" target/log/tool \
		env SOURCE_DATE_EPOCH=$(commit_time) $(deploy_build) --profile tool -p cos-issuer-cli --bin $(cli) --target-dir target/deploy
	@$(call replace,target/deploy/$(TARGET)/tool/$(cli),$(tool))

tool-packages: tool build ## Build the tool as tarball, wheel and npm package, below dist/
	@"$$(tests/setup/check python)" release/tools
	@$(deploy_env) SOURCE_DATE_EPOCH=$(commit_time) release/tool-packages $(tool) $(bootstrap) dist

# PACKAGE_FILES="grants.toml jwks.json" puts these next to the binary. No shell uses the name for
# something else.
package: build ## Build the packages dist/cos-issuer-*.zip; PACKAGE_FILES="grants.toml" goes in too
	@scf/package $(bootstrap) dist $(PACKAGE_FILES)

# VERSION=1.2.0
release: ready ## Commit and tag a release: VERSION=1.2.0
	@release/tag "$(VERSION)"

# What the tests install can read YAML.
api: clients ## Write docs/api.md from docs/openapi.yaml
	@target/clients/venv/bin/python3 release/api >docs/api.md.new && mv docs/api.md.new docs/api.md

notice: ready ## Write NOTICE: the licences of what the binaries are linked from
	@release/notice >NOTICE.new && mv NOTICE.new NOTICE

# As root, after a build as yourself.
install: ## Install the server and its systemd units; DESTDIR, PREFIX and SYSCONFDIR count
	@[ -x "$(server)" ] || { echo "$(server) is not built: run \`make $(server_build)\` first" >&2; exit 1; }
	@install -D -m 0755 "$(server)" "$(DESTDIR)$(PREFIX)/bin/cos-issuer-server"
	@install -d "$(units)" "$(settings)"
	@sed 's|/usr/bin/|$(PREFIX)/bin/|; s|/etc/|$(SYSCONFDIR)/|' deploy/systemd/cos-issuer.service >"$(units)/cos-issuer.service"
	@install -m 0644 deploy/systemd/cos-issuer.socket "$(units)/"
	@chmod 0644 "$(units)/cos-issuer.service"
	@[ -e "$(settings)/cos-issuer.env" ] || install -m 0600 deploy/systemd/cos-issuer.env "$(settings)/"
	@echo "Installed. Next: set $(SYSCONFDIR)/cos-issuer/cos-issuer.env, then systemctl enable --now cos-issuer.socket cos-issuer.service"

uninstall: ## Remove what `make install` installed, but for the settings
	@rm -f "$(DESTDIR)$(PREFIX)/bin/cos-issuer-server" "$(units)/cos-issuer.service" "$(units)/cos-issuer.socket"
	@echo "Removed. The settings are still in $(SYSCONFDIR)/cos-issuer"

deb: $(server_build) ## Build the Debian package dist/cos-issuer_*.deb
	@deploy/debian/build $(server) dist

image: $(server_build) ## Build the container image as an OCI layout: dist/oci
	@deploy/container/image $(server) dist

# The tool takes longer than all others: `make dist tool_packages=` goes without it.
tool_packages := tool-packages
dist: listed package deb image $(tool_packages) ## Build all that a release contains: dist/
	@release/check-crates $(bootstrap) $(server)
	@release/assets $(bootstrap) dist

listed:
	@[ -n "$(auditable)" ] || { echo "make dist needs cargo-auditable: cargo install --locked cargo-auditable" >&2; exit 1; }

interop: clients emulator $(server_build) ## Check what ships with other projects' tools
	@tests/setup/check interop
	@$(quietly) "Comparing pairs of policies" target/log/inclusion \
		cargo test --locked -p tencent --test cam_inclusion
	@tests/interop/run $(server)

# SUITES=FOLDER has checkouts of the vendor's repositories. Without it, only what packages contain.
suites: clients emulator ## Run the vendor's suites against the local COS: SUITES=FOLDER (minutes)
	@target/clients/bin/python3 tests/suites/run $(quick)/$(cli) $(quick)/bootstrap $(SUITES)

tool-check: clients tool-packages ## Install the packages of the tool, and run each
	@tests/interop/run $(tool) tool action

mutants: ready ## Break each rule about what is granted, and see its test fail (some minutes)
	@tests/containment/mutants

deploy-check: clients build ## Check the deployment files and the packages
	@tests/deploy/check $(bootstrap)

# One build of both, so that each crate is compiled once. Tests take the function of `make build`.
emulator: ready ## Build the local cloud and a function for it: target/emulator/
	@$(quietly) "Building the local cloud" target/log/emulator \
		env COS_ISSUER_REVISION="$(revision)" cargo build --locked --profile quick -p cos-issuer -p cos-issuer-cli --bins
	@mkdir -p $(quick)
	@$(call replace,target/quick/$(cli),$(quick)/$(cli))
	@$(call replace,target/quick/bootstrap,$(quick)/bootstrap)

tests:
	@$(quietly) "Building the tests" target/log/tests cargo test --locked --workspace --no-run

pictures: clients build emulator ## Draw docs/pictures from a real run
	@target/clients/bin/python3 tests/pictures/draw target/emulator/$(cli) $(bootstrap)

clients: ## Install what the tests need besides Rust below target/
	@tests/setup/install

# The reference is built as the server is, but for its allocator. LOAD_ARGS="--rounds 5" is for the
# second half.
bench: build $(server_build) ## Compare cold starts with hello-world, and load with a plain server
	@$(call deploy_build,$(small)) --release -p hello-lambda --bin hello --target-dir target/hello
	@$(call deploy_build,$(small)) --release -p reference-issuer --bin minimal --target-dir target/minimal
	@cargo build --locked --release -p cos-issuer-bench --target-dir target/bench
	@$(deploy_build) --profile server -p reference-issuer -p cos-issuer-load \
		--bin reference --bin bare --bin cos-issuer-load --target-dir target/deploy
	@target/bench/release/cos-issuer-bench --function $(bootstrap) --hello target/hello/$(host)/release/hello \
		--minimal target/minimal/$(host)/release/minimal $(ARGS)
	@target/deploy/$(host)/server/cos-issuer-load --function $(bootstrap) --server $(server) \
		--reference target/deploy/$(host)/server/reference --bare target/deploy/$(host)/server/bare $(LOAD_ARGS)

# The service under test has core 1, everything else core 0.
compare: clients build server ## Compare with the vendor's packages, in docs/comparison.md
	@benches/compare/install
	@cargo build --locked --release -p cos-issuer-compare --target-dir target/bench
	@taskset -c 0 target/bench/release/cos-issuer-compare $(bootstrap) $(server) $(ARGS) >target/comparison.md
	@mv target/comparison.md docs/comparison.md

# Of what people install. CLOUD_ARGS="--seconds 1" is shorter.
bench-cloud: clients tool build ## Compare the local COS with other local object storages
	@benches/cloud/install
	@benches/cloud/run $(tool) $(bootstrap) $(CLOUD_ARGS)

soak: clients build tests ## Ask for ten minutes, with faults, freezes and restarts of the store
	@COS_ISSUER_SOAK_SECONDS=600 COS_ISSUER_BOOTSTRAP=$(CURDIR)/$(bootstrap) \
		cargo test --locked -p cos-issuer-e2e --test soak -- --nocapture --test-threads 1

clean: ## Remove everything that was built or installed
	@rm -rf target dist

# Before the build, which takes minutes.
ports:
	@tests/setup/ports $(ARGS)

ready:
	@tests/setup/check $(or $(other),run)
