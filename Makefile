# Every command of the project. `make help` lists them; README and CI call nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

host := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

comma := ,
# The deployed binary is static where that is possible, so that it runs whatever C library the platform has (SCF: glibc 2.17).
# Relative relocations are packed: a smaller file, less work at start. Rust's own linker on x86_64 also folds equal functions.
static := -C target-feature=+crt-static -C link-arg=-Wl$(comma)-z$(comma)pack-relative-relocs
folded := -C link-arg=-Wl$(comma)--icf=all -C link-arg=-Wl$(comma)-O2
deploy_rustflags := $(if $(findstring linux-gnu,$(host)),$(static) $(if $(findstring x86_64,$(host)),$(folded)))
bootstrap := target/deploy/bootstrap
results := target/test

.PHONY: help run test lint fmt fuzz build package build-Issuer deploy-check bench emulator clients leak mutants clean tools

help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build emulator ## Start the local cloud, issue a credential and show it (Ctrl-C ends it)
	@target/emulator/cos-issuer run --function $(bootstrap) $(ARGS)

test: build clients deploy-check ## Run every test, real clients included
	@rm -rf $(results) && mkdir -p $(results)
	@COS_ISSUER_BOOTSTRAP="$(CURDIR)/$(bootstrap)" COS_EMULATOR_SECRET_LEDGER="$(CURDIR)/$(results)/secrets" \
		cargo test --locked --workspace --no-fail-fast -- --nocapture 2>&1 | tee $(results)/output
	@$(MAKE) leak

fuzz: tools ## Fuzz every target for two minutes under libFuzzer
	@fuzz/run $(ARGS)

leak:
	@cargo run --locked --quiet -p cos-issuer-e2e --bin leak-check -- $(results)/output $(results)/secrets

lint: tools ## Check formatting, lints and documentation
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet

fmt: tools ## Format the sources
	@cargo fmt --all

build: tools ## Build the deployed binary: target/deploy/bootstrap
	@RUSTFLAGS='$(deploy_rustflags)' cargo build --locked --release -p cos-issuer --bin bootstrap \
		--target $(host) --target-dir target/deploy
	@cp target/deploy/$(host)/release/bootstrap $(bootstrap)

# PACKAGE_FILES="grants.toml jwks.json" puts these beside the binary. Of a name that no shell has set for something else.
package: build ## Build the packages dist/cos-issuer-*.zip; PACKAGE_FILES="grants.toml" goes in too
	@scf/package $(bootstrap) dist $(PACKAGE_FILES)

# What `sam build` calls for the function `Issuer` of template.yaml; it says where the files go.
build-Issuer: package
	@cp dist/lambda/* "$${ARTIFACTS_DIR:?is set by sam build}/"

mutants: tools ## Break each rule about what is granted, and see its test fail (some minutes)
	@tests/containment/mutants

deploy-check: build
	@tests/deploy/check $(bootstrap)

emulator: tools
	@cargo build --locked -p cos-issuer-cli --target-dir target
	@mkdir -p target/emulator && cp target/debug/cos-issuer target/emulator/cos-issuer

clients:
	@tests/clients/install

bench: build ## Compare start, time and memory with a hello-world function, in ratios
	@RUSTFLAGS='$(deploy_rustflags)' cargo build --locked --release -p hello-lambda --bin hello \
		--target $(host) --target-dir target/hello
	@cargo build --locked --release -p cos-issuer-bench --target-dir target/bench
	@target/bench/release/cos-issuer-bench --function $(bootstrap) --hello target/hello/$(host)/release/hello $(ARGS)

clean: ## Remove everything that was built or installed
	@rm -rf target dist

tools:
	@command -v cargo >/dev/null || { echo "Rust is missing: see rustup.rs, then run this again." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing (Debian: apt-get install build-essential)." >&2; exit 1; }
