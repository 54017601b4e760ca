//! What was said about what is listed.

use async_trait::async_trait;
use wharf_core::{Error, Result, Timestamp, gate::RepositoryId};
use wharf_registry::port::{About, NoticeRow, Notices, Says};

use super::SqlWork;
use crate::session::Row;

fn notice(mut row: Row) -> Result<NoticeRow> {
    let (about, name): (String, String) = (row.next()?, row.next()?);
    let about = About::of_row(&about, &name)
        .ok_or_else(|| Error::internal(format!("a notice is about {about} {name}")))?;
    Ok(NoticeRow {
        about,
        says: row.parse(|says: String| Says::of_word(&says))?,
        reason: row.next()?,
        at: Timestamp::from_microseconds(row.next()?),
        by: row.next()?,
    })
}

#[async_trait]
impl Notices for SqlWork<'_> {
    async fn notices(
        &mut self,
        repository: RepositoryId,
        format: &str,
        (last, most): (Option<&About>, u32),
    ) -> Result<Vec<NoticeRow>> {
        const LIST: &str = "
            SELECT n.about, n.name, n.says, n.reason, n.at, n.actor
            FROM repository p JOIN notice n ON n.registry_id = p.registry_id AND n.repository = p.name
            WHERE p.id = $1 AND n.format = $2 AND (n.about, n.name) > ($3, $4)
            ORDER BY n.about, n.name LIMIT $5";
        let (about, name) = last.map_or(("", ""), |last| (last.word(), last.name()));
        let values = [repository.0.into(), format.into(), about.into(), name.into(), i64::from(most).into()];
        let rows = self.session.query(LIST, &values).await?;
        rows.into_iter().map(notice).collect()
    }

    async fn notice(
        &mut self,
        repository: RepositoryId,
        format: &str,
        about: &About,
    ) -> Result<Option<NoticeRow>> {
        const FIND: &str = "
            SELECT n.about, n.name, n.says, n.reason, n.at, n.actor
            FROM repository p JOIN notice n ON n.registry_id = p.registry_id AND n.repository = p.name
            WHERE p.id = $1 AND n.format = $2 AND n.about = $3 AND n.name = $4";
        let values = [repository.0.into(), format.into(), about.word().into(), about.name().into()];
        self.session.query_first(FIND, &values).await?.map(notice).transpose()
    }

    async fn set_notice(&mut self, repository: RepositoryId, format: &str, new: &NoticeRow) -> Result<()> {
        const SET: &str = "
            INSERT INTO notice (registry_id, repository, format, about, name, says, reason, at, actor)
            SELECT p.registry_id, p.name, $1, $2, $3, $4, $5, $6, $7 FROM repository p WHERE p.id = $8
            ON CONFLICT (registry_id, repository, format, about, name) DO UPDATE
                SET says = excluded.says, reason = excluded.reason, at = excluded.at, actor = excluded.actor";
        let values = [
            format.into(),
            new.about.word().into(),
            new.about.name().into(),
            new.says.word().into(),
            new.reason.as_deref().into(),
            new.at.microseconds().into(),
            new.by.as_str().into(),
            repository.0.into(),
        ];
        self.session.execute(SET, &values).await.map(drop)
    }

    async fn remove_notice(&mut self, repository: RepositoryId, format: &str, about: &About) -> Result<bool> {
        const REMOVE: &str = "
            DELETE FROM notice
            WHERE registry_id = (SELECT p.registry_id FROM repository p WHERE p.id = $1)
                AND repository = (SELECT p.name FROM repository p WHERE p.id = $1)
                AND format = $2 AND about = $3 AND name = $4";
        let values = [repository.0.into(), format.into(), about.word().into(), about.name().into()];
        Ok(self.session.execute(REMOVE, &values).await? > 0)
    }
}
