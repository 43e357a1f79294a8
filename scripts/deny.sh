#!/usr/bin/env bash
# Holds the dependencies to deny.toml. cargo-deny is built once, into .cache/.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=$(command -v cargo-deny || echo .cache/cargo/bin/cargo-deny)
if [ ! -x "$deny" ]; then
  echo '==> building cargo-deny into .cache/ (once)' >&2
  cargo install cargo-deny --locked --quiet --version 0.20.2 --root .cache/cargo --target-dir .cache/cargo/target
  rm -rf .cache/cargo/target
fi
exec "$deny" --workspace check bans licenses sources
