# Two commands do everything: `make demo` and `make test`. CI calls `make test`.
CARGO ?= cargo

check: ## format, lints, unit tests: for every commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace --lib --bins --quiet

.PHONY: check

deb: ## evermod's own Debian package, into target/dist
	$(CARGO) build --release -p evermod-core
	$(CARGO) run -p xtask -- deb

.PHONY: deb

reader: deb ## an independent program reads the packages
	$(CARGO) run --locked --manifest-path tests/debian-reader/Cargo.toml --target-dir target/debian-reader -- \
		target/dist/evermod_*.deb > target/dist/evermod.json

.PHONY: reader
