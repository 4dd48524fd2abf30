# Every command of the project. `make help` lists them; README and CI call nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

# The command line: the name of its binary.
cli := cos-issuer

host := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
bootstrap := target/deploy/bootstrap
server := target/deploy/cos-issuer-server
quietly := tests/setup/quietly

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
# also folds equal functions. Paths of this machine are cut off, so that the same sources give the
# same bytes everywhere.
static := |-Ctarget-feature=+crt-static|-Clink-arg=-Wl,-z,pack-relative-relocs
folded := |-Clink-arg=-Wl,--icf=all|-Clink-arg=-Wl,-O2
deploy_rustflags := --remap-path-prefix=$(cargo_home)=cargo$(if $(findstring linux-gnu,$(host)),$(static)$(if $(findstring x86_64,$(host)),$(folded)))
deploy_build = CARGO_ENCODED_RUSTFLAGS="$$(printf %s '$(deploy_rustflags)' | tr '|' '\037')" cargo build --locked --target $(host)

# A program that is running cannot be written to, but it can be replaced.
replace = cp $(1) $(2).new && mv -f $(2).new $(2)

.PHONY: help run test lint advisories fmt fuzz build server package build-Issuer deploy-check bench soak emulator tests clients mutants clean ready

help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build emulator ## Start the local cloud, issue a credential and show it (Ctrl-C ends it)
	@target/emulator/$(cli) run --function $(bootstrap) $(ARGS)

test: clients build tests ## Run every test, real clients included
	@target/clients/bin/python3 tests/run $(bootstrap)

fuzz: ready ## Fuzz every target for two minutes under libFuzzer
	@fuzz/run $(ARGS)

# cargo-deny reads the crates of every platform, which a build does not fetch.
lint: ## Check formatting, lints, documentation and dependencies
	@tests/setup/check lint
	@cargo fmt --all --check
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
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
		env $(deploy_build) --release -p cos-issuer --bin bootstrap --target-dir target/deploy
	@$(call replace,target/deploy/$(host)/release/bootstrap,$(bootstrap))

# The same program, optimised for speed instead of size.
server: ready ## Build the binary for servers: target/deploy/cos-issuer-server
	@$(quietly) "Building the server" target/log/server \
		env $(deploy_build) --profile server -p cos-issuer --bin bootstrap --target-dir target/deploy
	@$(call replace,target/deploy/$(host)/server/bootstrap,$(server))

# PACKAGE_FILES="grants.toml jwks.json" puts these next to the binary. No shell uses the name for
# something else.
package: build ## Build the packages dist/cos-issuer-*.zip; PACKAGE_FILES="grants.toml" goes in too
	@scf/package $(bootstrap) dist $(PACKAGE_FILES)

# What `sam build` calls for the function `Issuer` of template.yaml; ARTIFACTS_DIR is its target.
build-Issuer: package
	@cp dist/lambda/* "$${ARTIFACTS_DIR:?is set by sam build}/"

mutants: ready ## Break each rule about what is granted, and see its test fail (some minutes)
	@tests/containment/mutants

deploy-check: clients build ## Check the deployment files and the packages
	@tests/deploy/check $(bootstrap)

# With the features that the tests build too, so that nothing is compiled twice.
emulator: ready ## Build the local cloud: target/emulator/cos-issuer
	@$(quietly) "Building the local cloud" target/log/emulator cargo build --locked --workspace --bin $(cli)
	@mkdir -p target/emulator
	@$(call replace,target/debug/$(cli),target/emulator/$(cli))

tests:
	@$(quietly) "Building the tests" target/log/tests cargo test --locked --workspace --no-run

clients: ## Install what the tests need besides Rust below target/
	@tests/setup/install

bench: build ## Compare start, time and memory with a hello-world function, in ratios
	@$(deploy_build) --release -p hello-lambda --bin hello --target-dir target/hello
	@cargo build --locked --release -p cos-issuer-bench --target-dir target/bench
	@target/bench/release/cos-issuer-bench --function $(bootstrap) --hello target/hello/$(host)/release/hello $(ARGS)

soak: clients build tests ## Ask for ten minutes, with faults, freezes and restarts of the store
	@COS_ISSUER_SOAK_SECONDS=600 COS_ISSUER_BOOTSTRAP=$(CURDIR)/$(bootstrap) \
		cargo test --locked -p cos-issuer-e2e --test soak -- --nocapture --test-threads 1

clean: ## Remove everything that was built or installed
	@rm -rf target dist

ready:
	@tests/setup/check run
