#!/usr/bin/env bash
# Everything that must pass: ./test.sh
#
# Nothing is installed. Each step is printed before it runs; the first that fails ends the run with its status.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

step() {
    printf '\n[%4ds] %s\n' "$SECONDS" "$*"
    "$@"
}

missing() {
    printf 'test.sh: %s\n' "$*" >&2
    exit 1
}

command -v cargo >/dev/null || missing 'cargo is missing: install Rust 1.89 or newer (https://rustup.rs)'
cargo fmt --version >/dev/null 2>&1 || missing 'rustfmt is missing: rustup component add rustfmt'
cargo clippy --version >/dev/null 2>&1 || missing 'clippy is missing: rustup component add clippy'
command -v "${CC:-cc}" >/dev/null || missing "a C compiler is missing: SQLite is built from source (Debian: apt-get install gcc libc6-dev)"
for tool in redis-server python3; do
    command -v "$tool" >/dev/null || echo "note: $tool is missing; what needs it is skipped and says so"
done

export RUST_BACKTRACE="${RUST_BACKTRACE:-1}"

step cargo fmt --check

# Each rung builds without the ones above it (the floors of src/lib.rs).
step cargo check --locked --lib --no-default-features
step cargo check --locked --lib --no-default-features --features client
step cargo check --locked --lib --no-default-features --features server
step cargo clippy --locked --all-targets -- -D warnings

if cargo nextest --version >/dev/null 2>&1; then
    step cargo nextest run --locked --no-fail-fast
else
    step cargo test --locked --tests --no-fail-fast
fi
step cargo test --locked --doc
RUSTDOCFLAGS='-D warnings' step cargo doc --locked --no-deps

printf '\n[%4ds] all passed\n' "$SECONDS"
