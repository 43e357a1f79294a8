# Two commands matter: `make up` and `make test`.
.PHONY: up test quick bench bench-store setup fmt-check clippy deny

up:
	cargo build --release -p lictor
	exec target/release/lictor up

test:
	scripts/test.sh

# The everyday check: minutes, not the whole stage.
quick: fmt-check clippy
	cargo test --workspace --quiet
	cargo build -p lictor -p lictor-proxy --bins --examples
	.venvs/test/bin/pytest e2e -q -m smoke

bench:
	bench/run.sh

bench-store:
	cargo build --release --quiet -p lictor
	python3 bench/store.py

setup:
	scripts/setup.sh

fmt-check:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets -- -D warnings

deny:
	scripts/deny.sh
