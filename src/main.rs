//! The `valuestream` program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    valuestream::cli::main()
}
