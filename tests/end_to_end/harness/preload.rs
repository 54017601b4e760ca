//! Libraries of the tests' own, loaded before libc into a server: a disk that fails, a clock that is wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the library of a C source below `end_to_end/` into a directory, and says where it is.
pub(crate) fn preload(source: &str, directory: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end").join(source);
    let library = directory.join(source.file_name().unwrap()).with_extension("so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]).arg(source).arg("-o").arg(&library);
    let built = compiler.args(["-ldl", "-lpthread"]).status().unwrap();
    assert!(built.success(), "{compiler:?}");
    library
}
