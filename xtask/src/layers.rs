//! `cargo xtask layers`: fails when the picture of the crates lies, or when something has grown past its maximum.
//!
//! `picture` is the one table of allowed arrows; `arrows` compares the manifests with it. `measure` reads the sizes
//! of files, functions and traits, and `sizes` compares them with the maxima. `exceptions` lists by name what may
//! stand outside; an exception that nothing needs any more is itself a fault.

mod arrows;
mod exceptions;
mod fault;
mod measure;
mod picture;
mod sizes;
mod spread;

use crate::failure::Failure;
use crate::workspace::Workspace;

use self::exceptions::EXCEPTIONS;
use self::fault::Fault;
use self::measure::Measured;

/// Prints medians and ninth deciles, then fails with every fault there is.
pub(crate) fn run() -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let measured = measure::every_file(&workspace)?;
    println!("{}", spread::report(&measured));
    let faults = faults(&workspace, &measured);
    if faults.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
    Err(Failure::Broken(format!("{} faults\n{}", told.len(), told.join("\n"))))
}

fn faults(workspace: &Workspace, measured: &[Measured]) -> Vec<Fault> {
    let mut faults = arrows::faults(&workspace.members);
    faults.extend(sizes::faults(measured));
    faults.extend(sizes::misplaced(measured, &workspace.roots()));
    exceptions::apply(EXCEPTIONS, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_of_this_workspace_tells_the_truth() {
        let workspace = Workspace::load().unwrap();
        let measured = measure::every_file(&workspace).unwrap();
        let told: Vec<String> = faults(&workspace, &measured).iter().map(Fault::to_string).collect();
        assert!(told.is_empty(), "\n{}", told.join("\n"));
    }
}
