# Two commands do everything: `make demo` and `make test`. CI calls `make test`.
CARGO ?= cargo

check: ## format, lints, unit tests: for every commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace --lib --bins --quiet

.PHONY: check
