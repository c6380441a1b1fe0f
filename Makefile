# Two commands do everything: `make demo` and `make test`. CI calls `make test`.
CARGO ?= cargo

check: ## format, lints, unit tests: for every commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace --lib --bins --quiet
	$(CARGO) test -p evermod-core --test layers --quiet

.PHONY: check

# In one command and one profile, so that what both stand on is compiled once.
release:
	$(CARGO) build --release -p evermod-core -p xtask

.PHONY: release

deb: release ## evermod's own Debian package, into target/dist
	$(CARGO) run --release -p xtask -- deb

.PHONY: deb

rpm: release ## evermod's own RPM packages, into target/dist
	$(CARGO) run --release -p xtask -- rpm

arch: release ## evermod's own package for Arch, into target/dist
	$(CARGO) run --release -p xtask -- arch

packages: deb rpm arch ## all three

.PHONY: rpm arch packages

reader: deb ## a program on another library than ours reads the package
	$(CARGO) run --locked --manifest-path tests/debian-reader/Cargo.toml --target-dir target/debian-reader -- \
		target/dist/evermod_*.deb > target/dist/evermod.json

.PHONY: reader

setup: ## what the tests need, on Debian 12 or 13, as root
	tests/setup.sh

test: ## everything: format, lints, evermod's package, unit tests, tests in Debian roots and in a virtual machine
	tests/run.sh

corpus: ## all of Debian's dkms packages, with dkms and with evermod, then through apt; hours where nothing is cached
	tests/corpus/fetch.sh all
	wrong=0; \
	$(CARGO) run --quiet -p evermod-tests --bin corpus -- heavy || wrong=1; \
	$(CARGO) run --quiet -p evermod-tests --bin corpus -- apt all || wrong=1; \
	exit $$wrong

SEQUENCES ?= 1000
SEED ?= 7
oracle: deb ## so many sequences of commands of that SEED, with Debian 13's dkms and with evermod; what differs, in short
	$(CARGO) run --quiet -p evermod-tests --bin oracle -- $(SEQUENCES) $(SEED)

matrix: deb ## packages of all of Debian's dkms packages for three kernels, in three formats; a table and target/matrix/index.html
	tests/matrix.sh

FUZZ_SECONDS ?= 60
fuzz: ## each reader of strangers' bytes gets so many seconds of made-up input; needs g++
	tests/fuzz/run.sh --seconds $(FUZZ_SECONDS)

CORPUS ?= fast
bench: deb ## evermod beside Debian's dkms and the programs that write packages: CPU seconds, processes, goals; CORPUS=all takes hours
	tests/bench.sh $(if $(filter all,$(CORPUS)),--corpus)

demo: ## a Debian system of its own: two drivers follow a kernel upgrade, one fails, and what a person sees
	tests/demo.sh

.PHONY: setup test corpus oracle matrix fuzz bench demo
