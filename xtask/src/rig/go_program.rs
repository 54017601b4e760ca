//! Clients and servers written in Go, built from the one module `tests/clients` and kept until its versions change.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::failure::Failure;
use crate::program::{find, run};

/// Where the versions are pinned.
const MODULE: &str = "tests/clients";

/// One program of the module, and of the components.
pub(crate) struct GoProgram {
    pub(crate) name: &'static str,
    package: &'static str,
}

/// What the tests use. The small ones come first: the large share packages with them.
pub(crate) const ALL: &[GoProgram] = &[
    GoProgram { name: "crane", package: "github.com/google/go-containerregistry/cmd/crane" },
    GoProgram { name: "oras", package: "oras.land/oras/cmd/oras" },
    GoProgram { name: "regctl", package: "github.com/regclient/regclient/cmd/regctl" },
    // Two majors of one program, both called helm.
    GoProgram { name: "helm3", package: "helm.sh/helm/v3/cmd/helm" },
    GoProgram { name: "helm4", package: "helm.sh/helm/v4/cmd/helm" },
    // helm's plugin for ChartMuseum.
    GoProgram { name: "cm-push", package: "github.com/chartmuseum/helm-push/cmd/helm-cm-push" },
    GoProgram { name: "cosign", package: "github.com/sigstore/cosign/v2/cmd/cosign" },
    // distribution's third version; Debian's package has the second.
    GoProgram { name: "registry", package: "github.com/distribution/distribution/v3/cmd/registry" },
    GoProgram { name: "versitygw", package: "github.com/versity/versitygw/cmd/versitygw" },
];

impl GoProgram {
    /// Builds it unless the cache has it.
    pub(crate) fn build(&self) -> Result<(), Failure> {
        cache::keep(&directory()?.join(self.name), |part| {
            let mut go = Command::new(find("go").unwrap_or_else(|| "go".into()));
            // Without symbols: less to link and a third less to keep.
            go.args(["build", "-C", MODULE, "-mod=readonly", "-trimpath", "-ldflags=-s -w"]);
            run(go.arg("-o").arg(part).arg(self.package).env("CGO_ENABLED", "0"))
        })
    }
}

/// Where the built programs lie, each under its name.
pub(crate) fn directory() -> Result<PathBuf, Failure> {
    let module = Path::new(MODULE);
    let key = cache::key(&[&module.join("go.mod"), &module.join("go.sum")])?;
    cache::place(&format!("clients-{key}"))
}
