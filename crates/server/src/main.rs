//! The `wharf` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf_server::main()
}
