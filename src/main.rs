//! The one binary; it answers to many names (see `seatkeeper::cli`).

fn main() -> std::process::ExitCode {
    seatkeeper::cli::main(std::env::args_os())
}
