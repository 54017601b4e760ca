//! Signing keys and values of the installation.

use async_trait::async_trait;
use wharf_auth::port::{KeyRow, Keys};
use wharf_core::{Error, Result, Timestamp};

use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Keys for Database {
    async fn keys(&self) -> Result<Vec<KeyRow>> {
        self.read(All).await
    }

    async fn add(&self, key: KeyRow) -> Result<()> {
        self.write(Add(key)).await
    }

    async fn remove_before(&self, before: Timestamp) -> Result<()> {
        self.write(RemoveBefore(before)).await
    }

    async fn keep(&self, name: &'static str, value: Vec<u8>) -> Result<Vec<u8>> {
        self.write(Keep { name, value }).await
    }
}

impl Database {
    /// A value of the installation, if it was ever kept.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn setting(&self, name: &'static str) -> Result<Option<Vec<u8>>> {
        self.read(FindSetting(name)).await
    }
}

struct All;

#[async_trait]
impl Step for All {
    type Output = Vec<KeyRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<KeyRow>> {
        const LIST: &str = "SELECT id, public_key, sealed_key, created_at FROM signing_key ORDER BY created_at DESC, id LIMIT 100";
        let key = |mut row: Row| {
            Ok(KeyRow {
                id: row.next()?,
                public: row.next()?,
                sealed: row.next()?,
                created_at: Timestamp::from_microseconds(row.next()?),
            })
        };
        session.query(LIST, &[]).await?.into_iter().map(key).collect()
    }
}

struct Add(KeyRow);

#[async_trait]
impl Step for Add {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO signing_key (id, algorithm, public_key, sealed_key, created_at)
            VALUES ($1, 'ES256', $2, $3, $4)";
        let KeyRow { id, public, sealed, created_at } = &self.0;
        let values = [
            id.as_str().into(),
            public.as_slice().into(),
            sealed.as_slice().into(),
            created_at.microseconds().into(),
        ];
        session.execute(INSERT, &values).await.map(drop)
    }
}

struct RemoveBefore(Timestamp);

#[async_trait]
impl Step for RemoveBefore {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let remove = "DELETE FROM signing_key WHERE created_at < $1";
        session.execute(remove, &[self.0.microseconds().into()]).await.map(drop)
    }
}

struct Keep {
    name: &'static str,
    value: Vec<u8>,
}

#[async_trait]
impl Step for Keep {
    type Output = Vec<u8>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<u8>> {
        const INSERT: &str =
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        session.execute(INSERT, &[self.name.into(), self.value.as_slice().into()]).await?;
        let found = FindSetting(self.name).run(session).await?;
        found.ok_or_else(|| Error::internal("a setting that was just kept is not there"))
    }
}

struct FindSetting(&'static str);

#[async_trait]
impl Step for FindSetting {
    type Output = Option<Vec<u8>>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<Vec<u8>>> {
        const FIND: &str = "SELECT value FROM setting WHERE name = $1";
        session.query_first(FIND, &[self.0.into()]).await?.map(|mut row| row.next()).transpose()
    }
}
