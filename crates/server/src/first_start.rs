//! The first start: an operator and a place to push to. There is no default password.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use wharf_auth::{Auth, KnownBy, NewUser, port::RegistryChange};
use wharf_core::{Actor, Entropy, Kind, OrganisationName, RegistryName, Result, Secret};

use crate::{data_dir::DataDir, output::say, world};

/// The first user.
pub(crate) const ADMIN: &str = "admin";
/// Where a password that was made up is kept until it is changed.
pub(crate) const PASSWORD_FILE: &str = "admin-password";
/// The variable that sets the first user's password.
pub(crate) const PASSWORD_VARIABLE: &str = "WHARF_ADMIN_PASSWORD";

/// Removes the file of the password that was made up once that opens nothing any more, however it was changed.
pub(crate) async fn forget_password(auth: &Auth, data_dir: &DataDir) -> Result<()> {
    let Some(text) = data_dir.read(PASSWORD_FILE)? else { return Ok(()) };
    let password = Secret::new(text.trim().to_owned());
    match auth.has_first_password(&ADMIN.parse()?, &password).await? {
        true => Ok(()),
        false => data_dir.remove(PASSWORD_FILE),
    }
}

/// Makes what a first start must make; does nothing on a later one.
#[expect(clippy::disallowed_methods, reason = "the first user is made by nobody but the first start")]
pub(crate) async fn prepare(auth: &Auth, data_dir: &DataDir, entropy: &dyn Entropy) -> Result<()> {
    let given = world::variable(PASSWORD_VARIABLE);
    if !auth.is_empty().await? {
        if given.is_some() {
            tracing::warn!(
                "{PASSWORD_VARIABLE} is ignored: the first user exists, change it by `wharf user passwd`"
            );
        }
        return Ok(());
    }
    let grant = auth.grant_operator(&Actor::job("first start")).await?;
    let (library, main) = (OrganisationName::library(), RegistryName::main());
    auth.set_registry(&grant, library, main, RegistryChange::default()).await?;
    let made_up = given.is_none();
    let password = given.unwrap_or_else(|| BASE64_URL_SAFE_NO_PAD.encode(entropy.bytes::<18>()));
    if made_up {
        // Written before the user exists: a password nobody knows would lock everyone out.
        data_dir.write_private(PASSWORD_FILE, &password)?;
    }
    let user = NewUser {
        name: ADMIN.parse()?,
        password: Secret::new(password.clone()),
        operator: true,
        memberships: Vec::new(),
        known_by: KnownBy::default(),
    };
    match auth.create_user(&grant, user).await {
        // Another node was first, on the database that both share: its password counts.
        Err(error) if error.kind() == Kind::Exists => return data_dir.remove(PASSWORD_FILE),
        made => made?,
    };
    if made_up {
        let file = data_dir.path().join(PASSWORD_FILE);
        let file = file.display();
        // The file has it too, so nobody is locked out where nobody reads.
        let _ =
            say(&format!("First start: log in as {ADMIN} with the password {password}\n(also in {file})\n"));
    }
    Ok(())
}
