//! What was answered to requests that may be sent again.

use async_trait::async_trait;
use wharf_auth::port::{Known, Repeat, RepeatTimes, Repeats};
use wharf_core::{Result, Timestamp};

use crate::{
    database::{Database, Step},
    session::Session,
};

#[async_trait]
impl Repeats for Database {
    async fn begin_repeat(&self, repeat: Repeat, times: RepeatTimes) -> Result<Known> {
        self.write(Begin { repeat, times }).await
    }

    async fn end_repeat(&self, repeat: Repeat, answer: Option<Vec<u8>>) -> Result<()> {
        self.write(End { repeat, answer }).await
    }

    async fn forget_repeats(&self, before: Timestamp) -> Result<()> {
        self.write(Forget(before)).await
    }
}

struct Begin {
    repeat: Repeat,
    times: RepeatTimes,
}

#[async_trait]
impl Step for Begin {
    type Output = Known;

    async fn run(&self, session: &mut dyn Session) -> Result<Known> {
        const BEGIN: &str = "
            INSERT INTO repeat (account_id, key, fingerprint, at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (account_id, key) DO UPDATE
                SET fingerprint = excluded.fingerprint, answer = NULL, at = excluded.at
                WHERE repeat.at < $5 OR (repeat.answer IS NULL AND repeat.at < $6)";
        const FIND: &str = "SELECT fingerprint, answer FROM repeat WHERE account_id = $1 AND key = $2";
        let Repeat { account, key, fingerprint } = &self.repeat;
        let RepeatTimes { now, forgotten, abandoned } = self.times;
        let values = [
            account.0.into(),
            key.as_str().into(),
            fingerprint.as_slice().into(),
            now.microseconds().into(),
            forgotten.microseconds().into(),
            abandoned.microseconds().into(),
        ];
        if session.execute(BEGIN, &values).await? > 0 {
            return Ok(Known::Nothing);
        }
        let found = session.query_first(FIND, &[account.0.into(), key.as_str().into()]).await?;
        let Some(mut row) = found else { return Ok(Known::Running) };
        if row.next::<Vec<u8>>()? != fingerprint {
            return Ok(Known::Other);
        }
        Ok(row.next::<Option<Vec<u8>>>()?.map_or(Known::Running, Known::Answered))
    }
}

struct End {
    repeat: Repeat,
    answer: Option<Vec<u8>>,
}

#[async_trait]
impl Step for End {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const KEEP: &str = "
            UPDATE repeat SET answer = $1 WHERE account_id = $2 AND key = $3 AND fingerprint = $4";
        const FREE: &str = "
            DELETE FROM repeat WHERE account_id = $1 AND key = $2 AND fingerprint = $3 AND answer IS NULL";
        let Repeat { account, key, fingerprint } = &self.repeat;
        let (account, key, fingerprint) =
            (account.0.into(), key.as_str().into(), fingerprint.as_slice().into());
        match &self.answer {
            Some(answer) => {
                session.execute(KEEP, &[answer.as_slice().into(), account, key, fingerprint]).await.map(drop)
            }
            None => session.execute(FREE, &[account, key, fingerprint]).await.map(drop),
        }
    }
}

struct Forget(Timestamp);

#[async_trait]
impl Step for Forget {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const FORGET: &str = "
            DELETE FROM repeat WHERE (account_id, key) IN
                (SELECT r.account_id, r.key FROM repeat r WHERE r.at < $1 ORDER BY r.at LIMIT 5000)";
        session.execute(FORGET, &[self.0.microseconds().into()]).await.map(drop)
    }
}
