//! Where the content of registries comes from: kinds, upstreams, members, and what upstreams said.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wharf_auth::port::{Refused, Source, SourceChange};
use wharf_core::{
    Error, Guard, Protocol, RegistryKind, RegistryName, Result, SealedLogin, Timestamp, Upstream,
    UpstreamUrl, gate::RegistryId,
};
use wharf_registry::port::{Fetched, FetchedState, Member, SourceRow, Sources};

use super::SqlWork;
use crate::session::{Row, Session};

/// The column of an upstream.
#[derive(Serialize, Deserialize)]
struct UpstreamColumn {
    url: UpstreamUrl,
    protocol: Protocol,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authorities: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
}

impl UpstreamColumn {
    fn write(upstream: &Upstream) -> Result<String> {
        let Upstream { url, protocol, authorities, login } = upstream.clone();
        let username = login.map(|login| login.username);
        serde_json::to_string(&Self { url, protocol, authorities, username }).map_err(Error::internal)
    }

    fn read(column: &str, sealed: Option<Vec<u8>>) -> Result<Upstream> {
        let column: Self = serde_json::from_str(column).map_err(Error::internal)?;
        let Self { url, protocol, authorities, username } = column;
        let login = username.zip(sealed).map(|(username, sealed)| SealedLogin { username, sealed });
        Ok(Upstream { url, protocol, authorities, login })
    }
}

/// What a proxy fetches from, and what is not let through.
async fn find_row(session: &mut dyn Session, id: i64) -> Result<SourceRow> {
    const FIND: &str = "SELECT s.upstream, s.login, s.guard FROM source s WHERE s.registry_id = $1";
    let Some(mut row) = session.query_first(FIND, &[id.into()]).await? else {
        return Ok(SourceRow::default());
    };
    let (upstream, login): (Option<String>, Option<Vec<u8>>) = (row.next()?, row.next()?);
    let guard: Guard = serde_json::from_str(&row.next::<String>()?).map_err(Error::internal)?;
    let upstream = upstream.map(|column| UpstreamColumn::read(&column, login)).transpose()?;
    Ok(SourceRow { upstream, guard })
}

async fn find_members(session: &mut dyn Session, id: i64) -> Result<Vec<Member>> {
    const LIST: &str = "
        SELECT r.id, r.name, r.kind FROM registry_member m JOIN registry r ON r.id = m.member_id
        WHERE m.registry_id = $1 ORDER BY m.position";
    let member = |mut row: Row| {
        Ok(Member {
            id: RegistryId(row.next()?),
            name: row.parse(|name: String| name.parse().ok())?,
            kind: row.parse(|kind: String| kind.parse().ok())?,
        })
    };
    session.query(LIST, &[id.into()]).await?.into_iter().map(member).collect()
}

async fn find_kind(session: &mut dyn Session, id: i64) -> Result<RegistryKind> {
    const FIND: &str = "SELECT r.kind FROM registry r WHERE r.id = $1";
    let row = session.query_first(FIND, &[id.into()]).await?;
    let mut row = row.ok_or_else(|| Error::internal("a registry that was just found is not there"))?;
    row.parse(|kind: String| kind.parse().ok())
}

/// Where a registry has its content from.
pub(super) async fn find_source(session: &mut dyn Session, id: i64) -> Result<Source> {
    let kind = find_kind(session, id).await?;
    if kind == RegistryKind::Hosted {
        return Ok(Source::default());
    }
    let SourceRow { upstream, guard } = find_row(session, id).await?;
    let members = find_members(session, id).await?.into_iter().map(|member| member.name).collect();
    Ok(Source { kind, upstream, members, guard })
}

/// Changes where a registry has its content from. The registry's row is held.
pub(super) async fn change_source(session: &mut dyn Session, id: i64, change: &SourceChange) -> Result<()> {
    if *change == SourceChange::default() {
        return Ok(());
    }
    let before = find_source(session, id).await?;
    let after = change.applied_to(before.clone());
    after.expect_sound()?;
    if after.kind != before.kind {
        change_kind(session, id, after.kind).await?;
    }
    write_row(session, id, &after).await?;
    if change.members.is_some() || after.members != before.members {
        write_members(session, id, &after.members).await?;
    }
    Ok(())
}

/// Changes the kind of a registry that holds nothing. Its row is held, and so does who makes the first repository there hold
/// it: of two at once one comes too late.
async fn change_kind(session: &mut dyn Session, id: i64, kind: RegistryKind) -> Result<()> {
    const HOLDS: &str = "SELECT p.id FROM repository p WHERE p.registry_id = $1 LIMIT 1";
    const SHOWN: &str = "SELECT m.position FROM registry_member m WHERE m.member_id = $1 LIMIT 1";
    const SET: &str = "UPDATE registry SET kind = $1 WHERE id = $2";
    if session.query_first(HOLDS, &[id.into()]).await?.is_some() {
        return Err(Refused::KindStands.into());
    }
    if session.query_first(SHOWN, &[id.into()]).await?.is_some() {
        return Err(Refused::IsMember.into());
    }
    session.execute(SET, &[kind.word().into(), id.into()]).await.map(drop)
}

async fn write_row(session: &mut dyn Session, id: i64, source: &Source) -> Result<()> {
    const WRITE: &str = "
        INSERT INTO source (registry_id, upstream, login, guard) VALUES ($1, $2, $3, $4)
        ON CONFLICT (registry_id) DO UPDATE
            SET upstream = excluded.upstream, login = excluded.login, guard = excluded.guard";
    let upstream = source.upstream.as_ref();
    let column = upstream.map(UpstreamColumn::write).transpose()?;
    let login = upstream.and_then(|upstream| upstream.login.as_ref());
    let guard = serde_json::to_string(&source.guard).map_err(Error::internal)?;
    let values = [
        id.into(),
        column.as_deref().into(),
        login.map(|login| login.sealed.as_slice()).into(),
        guard.as_str().into(),
    ];
    session.execute(WRITE, &values).await.map(drop)
}

async fn write_members(session: &mut dyn Session, id: i64, members: &[RegistryName]) -> Result<()> {
    const FORGET: &str = "DELETE FROM registry_member WHERE registry_id = $1";
    const ADD: &str = "INSERT INTO registry_member (registry_id, position, member_id) VALUES ($1, $2, $3)";
    // The organisation is held, so that two changes at once make no circle together.
    const HOLD: &str = "
        UPDATE organisation SET settings = settings WHERE id =
            (SELECT r.organisation_id FROM registry r WHERE r.id = $1)";
    const FIND: &str = "
        SELECT r.id FROM registry r WHERE r.name = $1 AND r.organisation_id =
            (SELECT o.organisation_id FROM registry o WHERE o.id = $2)";
    session.execute(HOLD, &[id.into()]).await?;
    session.execute(FORGET, &[id.into()]).await?;
    for (position, name) in (0_i64..).zip(members) {
        let unknown = || Refused::MemberUnknown(name.clone());
        let found = session.query_first(FIND, &[name.as_str().into(), id.into()]).await?;
        let member: i64 = found.ok_or_else(unknown)?.next()?;
        session.execute(ADD, &[id.into(), position.into(), member.into()]).await?;
    }
    expect_no_circle(session, id).await
}

/// Refuses a virtual registry that shows itself, at whatever depth, and one that lies too deep or has others too deep in it.
async fn expect_no_circle(session: &mut dyn Session, id: i64) -> Result<()> {
    const ABOVE: &str = "SELECT m.registry_id FROM registry_member m WHERE m.member_id = $1";
    const BELOW: &str = "SELECT m.member_id FROM registry_member m WHERE m.registry_id = $1";
    let above = walk(session, ABOVE, id).await?;
    // Of what is below only virtual ones count, and every step down leads out of one.
    let below = walk(session, BELOW, id).await?;
    Source::expect_depth(above + below)
}

/// How many steps lead on from a registry.
async fn walk(session: &mut dyn Session, step: &'static str, id: i64) -> Result<usize> {
    let (mut reached, mut steps) = (vec![id], 0);
    loop {
        let mut next: Vec<i64> = Vec::new();
        for from in reached {
            for mut row in session.query(step, &[from.into()]).await? {
                next.push(row.next()?);
            }
        }
        next.sort_unstable();
        next.dedup();
        if next.contains(&id) {
            return Err(Refused::ShowsItself.into());
        }
        if next.is_empty() || steps > Source::DEEPEST {
            return Ok(steps);
        }
        (reached, steps) = (next, steps + 1);
    }
}

#[async_trait]
impl Sources for SqlWork<'_> {
    async fn source(&mut self, registry: RegistryId) -> Result<SourceRow> {
        find_row(self.session, registry.0).await
    }

    async fn members_of(&mut self, registry: RegistryId) -> Result<Vec<Member>> {
        find_members(self.session, registry.0).await
    }

    async fn fetched(&mut self, registry: RegistryId, name: &str) -> Result<Option<FetchedState>> {
        const FIND: &str = "
            SELECT d.etag, d.checked_at, d.version FROM fetched d WHERE d.registry_id = $1 AND d.name = $2";
        let state = |mut row: Row| {
            Ok(FetchedState {
                etag: row.next()?,
                checked_at: Timestamp::from_microseconds(row.next()?),
                version: row.next()?,
            })
        };
        self.session.query_first(FIND, &[registry.0.into(), name.into()]).await?.map(state).transpose()
    }

    async fn fetched_payload(&mut self, registry: RegistryId, name: &str) -> Result<Option<bytes::Bytes>> {
        const FIND: &str = "SELECT d.payload FROM fetched d WHERE d.registry_id = $1 AND d.name = $2";
        let found = self.session.query_first(FIND, &[registry.0.into(), name.into()]).await?;
        Ok(found.map(|mut row| row.next::<Vec<u8>>()).transpose()?.map(bytes::Bytes::from))
    }

    async fn keep_fetched(
        &mut self,
        (registry, name): (RegistryId, &str),
        fetched: &Fetched,
        now: Timestamp,
    ) -> Result<()> {
        const KEEP: &str = "
            INSERT INTO fetched (registry_id, name, etag, checked_at, version, payload)
            VALUES ($1, $2, $3, $4, $4, $5)
            ON CONFLICT (registry_id, name) DO UPDATE
                SET etag = excluded.etag, checked_at = excluded.checked_at, payload = excluded.payload,
                    version = CASE WHEN excluded.version > fetched.version THEN excluded.version
                                   ELSE fetched.version + 1 END";
        let values = [
            registry.0.into(),
            name.into(),
            fetched.etag.as_deref().into(),
            now.microseconds().into(),
            fetched.payload.as_ref().into(),
        ];
        let before = kept_bytes(self.session, (registry, name)).await?;
        self.session.execute(KEEP, &values).await?;
        let after = i64::try_from(fetched.payload.len()).map_err(Error::internal)?;
        count_kept(self.session, registry, after - before).await
    }

    async fn touch_fetched(&mut self, (registry, name): (RegistryId, &str), now: Timestamp) -> Result<()> {
        const TOUCH: &str = "UPDATE fetched SET checked_at = $1 WHERE registry_id = $2 AND name = $3";
        let values = [now.microseconds().into(), registry.0.into(), name.into()];
        self.session.execute(TOUCH, &values).await.map(drop)
    }

    async fn forget_fetched(&mut self, registry: RegistryId, name: &str) -> Result<()> {
        const FORGET: &str = "DELETE FROM fetched WHERE registry_id = $1 AND name = $2";
        let before = kept_bytes(self.session, (registry, name)).await?;
        self.session.execute(FORGET, &[registry.0.into(), name.into()]).await?;
        count_kept(self.session, registry, -before).await
    }

    async fn fetched_bytes(&mut self, registry: RegistryId) -> Result<u64> {
        const FIND: &str = "SELECT s.bytes FROM fetched_size s WHERE s.registry_id = $1";
        let row = self.session.query_first(FIND, &[registry.0.into()]).await?;
        row.map(|mut row| row.next()).transpose().map(Option::unwrap_or_default)
    }

    async fn oldest_fetched(&mut self, registry: RegistryId, most: u32) -> Result<Vec<String>> {
        const LIST: &str = "
            SELECT d.name FROM fetched d WHERE d.registry_id = $1 ORDER BY d.checked_at, d.name LIMIT $2";
        let rows = self.session.query(LIST, &[registry.0.into(), i64::from(most).into()]).await?;
        rows.into_iter().map(|mut row| row.next()).collect()
    }
}

/// How many bytes something has that was kept; none where it was not.
async fn kept_bytes(session: &mut dyn Session, (registry, name): (RegistryId, &str)) -> Result<i64> {
    const FIND: &str = "
        SELECT CAST(length(d.payload) AS BIGINT) FROM fetched d WHERE d.registry_id = $1 AND d.name = $2";
    let row = session.query_first(FIND, &[registry.0.into(), name.into()]).await?;
    row.map(|mut row| row.next()).transpose().map(Option::unwrap_or_default)
}

async fn count_kept(session: &mut dyn Session, registry: RegistryId, more: i64) -> Result<()> {
    const COUNT: &str = "
        INSERT INTO fetched_size (registry_id, bytes) VALUES ($1, $2)
        ON CONFLICT (registry_id) DO UPDATE SET bytes = fetched_size.bytes + excluded.bytes";
    if more == 0 {
        return Ok(());
    }
    session.execute(COUNT, &[registry.0.into(), more.into()]).await.map(drop)
}
