//! nginx with the fixture as static files under a registry's own paths: `sendfile`, no log, no cache of open files,
//! a worker for each processor.

use std::{fs, path::Path, process::Command};

use crate::{
    Result,
    fixture::{Fixture, MANIFEST_TYPE},
};

pub(super) fn command(folder: &Path, authority: &str, fixture: &Fixture) -> Result<Command> {
    fixture.write(&folder.join("root"))?;
    let folder_text = folder.display();
    let scratch: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|part| format!("{part}_temp_path {folder_text}/{part};\n"))
        .concat();
    // A master of root's hands its workers to another user, who may not read a private folder: unless told so.
    let configuration = format!(
        "user root;\ndaemon off;\nworker_processes auto;\npid {folder_text}/pid;\nerror_log /dev/null crit;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n{scratch}access_log off;\nsendfile on;\nkeepalive_requests 1000000000;\n\
         default_type {MANIFEST_TYPE};\n\
         server {{ listen {authority}; root {folder_text}/root; }}\n}}\n"
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, configuration)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).args(["-e", "/dev/null", "-c"]).arg(path);
    Ok(command)
}
