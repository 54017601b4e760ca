//! The yardstick of pushes: no server and no socket, each blob hashed, written to a file and flushed, one after
//! the other on one thread.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::Instant,
};

use wharf_core::Algorithm;
use wharf_hash::Hasher;

use crate::{Result, form::Form, load::Load, operation::Operation, turn::Turn};

/// Takes a turn in a folder.
pub(crate) fn hash_and_write(turn: &Turn, folder: &Path) -> Result<Load> {
    let mut latencies = Vec::new();
    let path = folder.join("blob");
    while let Some(
        Operation::PushBlob(payload) | Operation::Upload { form: Form { file: payload, .. }, .. },
    ) = turn.next()
    {
        let begun = Instant::now();
        let (mut file, mut hasher) = (File::create_new(&path)?, Hasher::new(Algorithm::Sha256));
        for piece in payload.pieces() {
            hasher.update(piece);
            file.write_all(piece)?;
        }
        file.sync_data()?;
        if hasher.finish() != payload.digest {
            return Err("the yardstick's bytes have another digest".into());
        }
        latencies.push(begun.elapsed());
        fs::remove_file(&path)?;
    }
    let wall = latencies.iter().sum();
    Ok(Load { wall, latencies })
}
