-- Ids are never used twice (AUTOINCREMENT): a grant or a token may outlive its row.
-- Times are microseconds since 1970, digests one byte for the algorithm and the raw value, truth values 0 or 1.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- removed_at: since when it is gone. The row stays, so that nobody else gets the name.
-- quota_bytes: how much it may store; NULL: as much as it likes.
CREATE TABLE organisation (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    settings   TEXT NOT NULL,
    quota_bytes INTEGER,
    created_at INTEGER NOT NULL,
    removed_at INTEGER
);

-- kind: hosted, proxy or virtual
CREATE TABLE registry (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    public          INTEGER NOT NULL,
    settings        TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (organisation_id, name)
);
CREATE INDEX registry_public ON registry (id) WHERE public = 1;

-- Where a registry has its content from that is not hosted. upstream: what a proxy fetches from, as JSON; login: its password,
-- sealed. guard: what is not let through, as JSON.
CREATE TABLE source (
    registry_id INTEGER PRIMARY KEY REFERENCES registry (id),
    upstream    TEXT,
    login       BLOB,
    guard       TEXT NOT NULL
);

-- The registries that a virtual one shows, in the order in which they are asked.
CREATE TABLE registry_member (
    registry_id INTEGER NOT NULL REFERENCES registry (id),
    position    INTEGER NOT NULL,
    member_id   INTEGER NOT NULL REFERENCES registry (id),
    PRIMARY KEY (registry_id, position)
) WITHOUT ROWID;
CREATE INDEX registry_member_of ON registry_member (member_id);

-- What an upstream said, as the format of the registry keeps it. checked_at: when it was last found to stand; version moves
-- when it was found to have changed. Without it a proxy shows nothing while its upstream is away.
CREATE TABLE fetched (
    registry_id INTEGER NOT NULL REFERENCES registry (id),
    name        TEXT NOT NULL,
    etag        TEXT,
    checked_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    payload     BLOB NOT NULL,
    PRIMARY KEY (registry_id, name)
);
CREATE INDEX fetched_age ON fetched (registry_id, checked_at, name);

-- How many bytes of payload a registry has of that.
CREATE TABLE fetched_size (
    registry_id INTEGER PRIMARY KEY REFERENCES registry (id),
    bytes       INTEGER NOT NULL
);

-- What was set about a registry, as JSON. kind: immutability or retention.
CREATE TABLE rule (
    registry_id INTEGER NOT NULL REFERENCES registry (id),
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    body        TEXT NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (registry_id, kind, name)
) WITHOUT ROWID;
CREATE INDEX rule_kind ON rule (kind, registry_id);

-- path: the canonical OCI name. shown: it holds or held a manifest. sequence: the number of its newest event. grown: of its
-- newest one that was no removal. looked_at: when it was made or last looked at for being empty.
CREATE TABLE repository (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    registry_id INTEGER NOT NULL REFERENCES registry (id),
    name        TEXT NOT NULL,
    path        TEXT NOT NULL UNIQUE,
    shown       INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    grown       INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    looked_at   INTEGER NOT NULL,
    UNIQUE (registry_id, name)
);
CREATE INDEX repository_shown ON repository (path) WHERE shown = 1;
CREATE INDEX repository_registry ON repository (registry_id, path) WHERE shown = 1;
CREATE INDEX repository_empty ON repository (looked_at) WHERE shown = 0;

-- kind: user or robot. version moves when credentials are to end. organisation_id: whose robot it is. removed_at: since when
-- it is gone. The row stays, so that nobody else gets the name. first_login_at: NULL until a user logs in.
-- second_factor_at: since when a code is asked for beside the password.
CREATE TABLE account (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT NOT NULL UNIQUE,
    kind             TEXT NOT NULL,
    password_hash    TEXT,
    operator         INTEGER NOT NULL,
    disabled         INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    home_registry_id INTEGER REFERENCES registry (id),
    created_at       INTEGER NOT NULL,
    organisation_id  INTEGER REFERENCES organisation (id),
    removed_at       INTEGER,
    first_login_at   INTEGER,
    second_factor_at INTEGER
);

CREATE INDEX account_user ON account (name) WHERE kind = 'user' AND removed_at IS NULL;
CREATE INDEX account_robot ON account (organisation_id, name) WHERE organisation_id IS NOT NULL AND removed_at IS NULL;
CREATE INDEX account_operator ON account (id) WHERE operator = 1;
CREATE INDEX account_workload ON account (disabled, id) WHERE kind = 'workload';

-- What a user is known by beside the login. email_key: the address in lower case. verified_at: since when the address is known
-- to be the user's; only then is it nobody else's, for anybody may say what he likes.
CREATE TABLE person (
    account_id  INTEGER PRIMARY KEY REFERENCES account (id),
    email       TEXT,
    email_key   TEXT,
    verified_at INTEGER,
    given_name  TEXT,
    family_name TEXT
);
CREATE UNIQUE INDEX person_proven ON person (email_key) WHERE verified_at IS NOT NULL;

CREATE TABLE membership (
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    account_id      INTEGER NOT NULL REFERENCES account (id),
    role            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (organisation_id, account_id)
) WITHOUT ROWID;
CREATE INDEX membership_account ON membership (account_id);

CREATE TABLE signing_key (
    id         TEXT PRIMARY KEY,
    algorithm  TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sealed_key BLOB NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE refresh_token (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    hash            BLOB NOT NULL UNIQUE,
    account_id      INTEGER NOT NULL REFERENCES account (id),
    account_version INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
);
CREATE INDEX refresh_token_expiry ON refresh_token (expires_at);
CREATE INDEX refresh_token_account ON refresh_token (account_id, id);

-- access: how far it reaches, as JSON; NULL: as far as its account. parent: the hash of the token it was made with, and
-- ends with. workload: of a job's token what its issuer said of the job, as JSON.
CREATE TABLE api_token (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    hash            BLOB NOT NULL UNIQUE,
    account_id      INTEGER NOT NULL REFERENCES account (id),
    account_version INTEGER NOT NULL,
    name            TEXT NOT NULL,
    access          TEXT,
    parent          BLOB,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    workload        TEXT
);
CREATE INDEX api_token_account ON api_token (account_id, id);
CREATE INDEX api_token_parent ON api_token (parent) WHERE parent IS NOT NULL;
CREATE INDEX api_token_expiry ON api_token (expires_at) WHERE expires_at IS NOT NULL;

-- Who is known by a cookie. used_at: to the minute or so.
CREATE TABLE login (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    hash            BLOB NOT NULL UNIQUE,
    account_id      INTEGER NOT NULL REFERENCES account (id),
    account_version INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    used_at         INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    address         TEXT,
    user_agent      TEXT
);
CREATE INDEX login_account ON login (account_id, id);
CREATE INDEX login_used ON login (used_at);
CREATE INDEX login_expiry ON login (expires_at);

-- What codes are made of. seed: sealed. step: the latest half minute whose code was used. It asks nothing of anybody before
-- its account says so.
CREATE TABLE second_factor (
    account_id INTEGER PRIMARY KEY REFERENCES account (id),
    seed       BLOB NOT NULL,
    step       INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

-- What stands in for a code that cannot be had, each once.
CREATE TABLE recovery_code (
    account_id INTEGER NOT NULL REFERENCES account (id),
    hash       BLOB NOT NULL,
    PRIMARY KEY (account_id, hash)
) WITHOUT ROWID;

-- By which a user sets another password, once, while the account has this version. way: how it comes to the user, handed by
-- the operator or sent; one of each.
CREATE TABLE link (
    account_id      INTEGER NOT NULL REFERENCES account (id),
    way             TEXT NOT NULL,
    account_version INTEGER NOT NULL,
    hash            BLOB NOT NULL UNIQUE,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (account_id, way)
);
CREATE INDEX link_expiry ON link (expires_at);

-- Letters. sealed: whom to and what, for it holds a link; NULL once it was brought or given up, when it stays for a while to be
-- counted. rank: what is brought first has the lesser one. recipient: what stands for the address. due_at: NULL as sealed is.
CREATE TABLE letter (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    rank       INTEGER NOT NULL,
    recipient  BLOB NOT NULL,
    sealed     BLOB,
    created_at INTEGER NOT NULL,
    due_at     INTEGER,
    attempts   INTEGER NOT NULL
);
CREATE INDEX letter_due ON letter (rank, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX letter_recipient ON letter (recipient, rank, created_at);
CREATE INDEX letter_settled ON letter (created_at) WHERE due_at IS NULL;

-- What is done when a letter is answered, once: whoever signs up becomes a user, or the address of an account is known to be
-- its own. sealed: who signs up, or which address.
CREATE TABLE promise (
    hash       BLOB PRIMARY KEY,
    account_id INTEGER REFERENCES account (id),
    sealed     BLOB NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX promise_account ON promise (account_id);
CREATE INDEX promise_expiry ON promise (expires_at);

-- A role in an organisation for who comes with its text, once. note: whom it is for, in words of who invited.
CREATE TABLE invitation (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    hash            BLOB NOT NULL UNIQUE,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    role            TEXT NOT NULL,
    note            TEXT NOT NULL,
    invited_by      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
);
CREATE INDEX invitation_organisation ON invitation (organisation_id, id);
CREATE INDEX invitation_expiry ON invitation (expires_at);

-- When a token was last used: apart from it, for that is no change of what anybody may do.
CREATE TABLE api_token_use (
    token_id INTEGER PRIMARY KEY REFERENCES api_token (id),
    used_at  INTEGER NOT NULL
);

-- Where what issuers say is read: each once, whoever believes it, and gone with the last who does. url: to the letter. keys_url:
-- where its keys are, if not where its own document says. authorities: PEM. fingerprint: of the three.
CREATE TABLE issuer_source (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint BLOB NOT NULL UNIQUE,
    url         TEXT NOT NULL,
    keys_url    TEXT,
    authorities TEXT
);
CREATE INDEX issuer_source_url ON issuer_source (url, id);

-- Issuers that organisations believe. audience: one that its tokens may have beside this Wharf's own.
CREATE TABLE issuer (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    source_id       INTEGER NOT NULL REFERENCES issuer_source (id),
    name            TEXT NOT NULL,
    audience        TEXT,
    created_at      INTEGER NOT NULL,
    UNIQUE (organisation_id, name)
);
CREATE INDEX issuer_source_id ON issuer (source_id, id);

-- What an issuer's word is good for. source_id: of the issuer. claims: what it must say, as JSON. access: what may be done, as of
-- an API token.
CREATE TABLE claim_rule (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer_id  INTEGER NOT NULL REFERENCES issuer (id),
    source_id  INTEGER NOT NULL REFERENCES issuer_source (id),
    name       TEXT NOT NULL,
    claims     TEXT NOT NULL,
    access     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (issuer_id, name)
);
CREATE INDEX claim_rule_source ON claim_rule (source_id, id);

-- The accounts that stand for rules, each for some of one organisation together. It ends with any of them, and is forgotten once it
-- holds no token.
CREATE TABLE workload (
    rule_id    INTEGER NOT NULL REFERENCES claim_rule (id),
    account_id INTEGER NOT NULL REFERENCES account (id),
    PRIMARY KEY (rule_id, account_id)
) WITHOUT ROWID;
CREATE INDEX workload_account ON workload (account_id);

-- Tokens of issuers that were used, until they could not be again.
CREATE TABLE spent_token (
    fingerprint BLOB PRIMARY KEY,
    expires_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX spent_token_expiry ON spent_token (expires_at);

-- Issuers that users of the platform log in at. client_secret: sealed. exchange: off, grant or cognito; how passwords are shown
-- to it. is_asked: 1 where they are, so that it is one at most; else NULL. endpoint: where, if not where its own document or its name says. browser: off or code;
-- how browsers log in at it. scope: what it is asked to tell. user_claim, groups_claim: which are the login and
-- the groups.
CREATE TABLE provider (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    url           TEXT NOT NULL,
    keys_url      TEXT,
    authorities   TEXT,
    client_id     TEXT NOT NULL,
    client_secret BLOB,
    exchange      TEXT NOT NULL,
    is_asked      INTEGER UNIQUE,
    endpoint      TEXT,
    browser       TEXT NOT NULL,
    scope         TEXT NOT NULL,
    user_claim    TEXT NOT NULL,
    groups_claim  TEXT NOT NULL,
    created_at    INTEGER NOT NULL
);

-- What membership in a provider's group means.
CREATE TABLE group_role (
    provider_id     INTEGER NOT NULL REFERENCES provider (id),
    group_name      TEXT NOT NULL,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    role            TEXT NOT NULL,
    PRIMARY KEY (provider_id, group_name, organisation_id)
) WITHOUT ROWID;
CREATE INDEX group_role_organisation ON group_role (organisation_id);

-- Users who came by a provider, and who they are there. provider_id: NULL where it was removed since; one that is added anew lets
-- nobody into what was made by it. url: the provider's, by which those are known again who may not log in.
CREATE TABLE outsider (
    account_id  INTEGER PRIMARY KEY REFERENCES account (id),
    provider_id INTEGER REFERENCES provider (id),
    url         TEXT NOT NULL,
    subject     TEXT NOT NULL,
    UNIQUE (provider_id, subject)
);
CREATE INDEX outsider_subject ON outsider (subject, url);

-- The memberships that groups gave. The others were given by hand, and no group takes them. beneath: the role that was given by
-- hand beside, and stays when that of the groups goes.
CREATE TABLE given_role (
    account_id      INTEGER NOT NULL REFERENCES account (id),
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    beneath         TEXT,
    PRIMARY KEY (account_id, organisation_id)
) WITHOUT ROWID;
CREATE INDEX given_role_organisation ON given_role (organisation_id);

-- What was answered to a request that carried a key, so that it can be sent again. fingerprint: of what was asked.
-- answer: sealed; NULL while it is not known.
CREATE TABLE repeat (
    account_id  INTEGER NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer      BLOB,
    at          INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) WITHOUT ROWID;
CREATE INDEX repeat_at ON repeat (at);

-- object_key: where the bytes lie. epoch moves whenever the blob is named anew.
CREATE TABLE blob (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    digest     BLOB NOT NULL UNIQUE,
    size       INTEGER NOT NULL,
    object_key BLOB NOT NULL UNIQUE,
    epoch      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE repository_blob (
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    blob_id       INTEGER NOT NULL REFERENCES blob (id),
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    epoch         INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, blob_id)
) WITHOUT ROWID;
CREATE INDEX repository_blob_blob ON repository_blob (blob_id, repository_id);
CREATE INDEX repository_blob_organisation ON repository_blob (organisation_id, blob_id);

-- What an organisation stores: its blobs, each once, and its manifests, in each repository. Spread over some rows, so that
-- pushes do not wait for one another.
CREATE TABLE organisation_usage (
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    shard           INTEGER NOT NULL,
    blob_bytes      INTEGER NOT NULL,
    manifest_bytes  INTEGER NOT NULL,
    PRIMARY KEY (organisation_id, shard)
) WITHOUT ROWID;

-- The collector's time, which moves only while a server runs: a jump of the clock collects nothing. moved_at: when it
-- last moved, by the wall clock, so that several nodes do not move it faster.
CREATE TABLE collection_clock (
    id       INTEGER PRIMARY KEY,
    time     INTEGER NOT NULL,
    moved_at INTEGER NOT NULL
);
INSERT INTO collection_clock (id, time, moved_at) VALUES (1, 0, 0);

-- While one stands, by the collector's time, no object is removed: somebody copies what the rows name.
CREATE TABLE collection_hold (
    holder   TEXT PRIMARY KEY,
    until_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Memberships that may have come to nothing, to be looked at when due by the collector's time. epoch: the membership's
-- when the review was asked for; if it moved since, somebody named the blob.
CREATE TABLE review (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL,
    blob_id       INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    -- 1 where a deletion asked for it, 0 where an upload or a mount did.
    after_deletion INTEGER NOT NULL CHECK (after_deletion IN (0, 1)),
    UNIQUE (repository_id, blob_id)
);
CREATE INDEX review_due ON review (due_at, id);

-- Objects no row leads to any more, kept until due by the collector's time.
CREATE TABLE condemned_object (
    object_key BLOB PRIMARY KEY,
    due_at     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX condemned_object_due ON condemned_object (due_at);

-- reread_own, reread_other: the digests of the bytes when they were read once more, in the algorithm of the upload and in
-- one that nobody had announced. touched_at, aged_from: when somebody last worked on it, by the clock and by the
-- collector's time.
CREATE TABLE upload (
    id            BLOB PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    account_id    INTEGER REFERENCES account (id),
    object_key    BLOB NOT NULL UNIQUE,
    algorithm     TEXT NOT NULL,
    byte_offset   INTEGER NOT NULL,
    hash_state    BLOB NOT NULL,
    store_state   BLOB NOT NULL,
    incarnation   TEXT NOT NULL,
    version       INTEGER NOT NULL,
    reread_own    BLOB,
    reread_other  BLOB,
    created_at    INTEGER NOT NULL,
    touched_at    INTEGER NOT NULL,
    aged_from     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX upload_aged ON upload (aged_from);
CREATE INDEX upload_repository ON upload (repository_id);
CREATE INDEX upload_organisation ON upload (organisation_id);

-- annotations: the JSON object of them, of a manifest that has some and is about another one. What may be long stands
-- last, so that nobody reads past it.
CREATE TABLE manifest (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    digest        BLOB NOT NULL,
    media_type    TEXT NOT NULL,
    artifact_type TEXT,
    subject       BLOB,
    size          INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    annotations   TEXT,
    payload       BLOB NOT NULL,
    UNIQUE (repository_id, digest)
);
CREATE INDEX manifest_subject ON manifest (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifest_subject_type ON manifest (repository_id, subject, (coalesce(artifact_type, '')), digest)
    WHERE subject IS NOT NULL;

-- role: config, layer or manifest. digest: as written when it is of an algorithm that is not served.
CREATE TABLE manifest_edge (
    manifest_id   INTEGER NOT NULL REFERENCES manifest (id),
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    position      INTEGER NOT NULL,
    role          TEXT NOT NULL,
    digest        BLOB NOT NULL,
    size          INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, position)
) WITHOUT ROWID;
CREATE INDEX manifest_edge_digest ON manifest_edge (repository_id, digest);

-- previous_id: the manifest it pointed to before, which may be gone.
CREATE TABLE tag (
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    name          TEXT NOT NULL,
    manifest_id   INTEGER NOT NULL REFERENCES manifest (id),
    previous_id   INTEGER,
    version       INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name)
) WITHOUT ROWID;
CREATE INDEX tag_manifest ON tag (manifest_id, name);
CREATE INDEX tag_age ON tag (repository_id, updated_at, name);

-- from_digest: what the tag pointed to before; NULL where it was not there. digest: what it pointed to from then on; NULL
-- where it was removed.
CREATE TABLE tag_history (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    tag           TEXT NOT NULL,
    from_digest   BLOB,
    digest        BLOB,
    at            INTEGER NOT NULL,
    actor         TEXT NOT NULL
);
CREATE INDEX tag_history_at ON tag_history (at);
CREATE INDEX tag_history_tag ON tag_history (repository_id, tag, id);
CREATE INDEX tag_history_from ON tag_history (repository_id, from_digest) WHERE from_digest IS NOT NULL;

-- A name only one manifest of a repository may hold, with the digest it stands for; a tombstone has no manifest. It goes by
-- the repository's path, and so outlives it: who makes a repository of that name anew finds the names taken.
CREATE TABLE claim (
    path        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    digest      BLOB NOT NULL,
    manifest_id INTEGER REFERENCES manifest (id),
    PRIMARY KEY (path, kind, name)
) WITHOUT ROWID;
CREATE INDEX claim_manifest ON claim (manifest_id);

-- The public keys whose signatures a registry believes. pem: SubjectPublicKeyInfo.
CREATE TABLE believed_key (
    registry_id INTEGER NOT NULL REFERENCES registry (id),
    name        TEXT NOT NULL,
    pem         TEXT NOT NULL,
    is_primary  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER,
    PRIMARY KEY (registry_id, name),
    UNIQUE (registry_id, pem)
) WITHOUT ROWID;

-- What a format read of a manifest, and its place in the index: by subject, within it by sort_key, the newest first.
-- release: the tag of the release it belongs to; NULL where its format has none. listed: whether it is listed there.
-- shown_as: the tag under which the page of the registry shows it, as long as that points to its manifest; NULL where none
-- does.
CREATE TABLE fact (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    registry_id   INTEGER NOT NULL REFERENCES registry (id),
    manifest_id   INTEGER NOT NULL REFERENCES manifest (id),
    format        TEXT NOT NULL,
    subject       TEXT NOT NULL,
    sort_key      BLOB NOT NULL,
    attributes    TEXT NOT NULL,
    repository_id INTEGER NOT NULL REFERENCES repository (id),
    release       TEXT,
    listed        INTEGER NOT NULL,
    shown_as      TEXT
);
CREATE INDEX fact_order ON fact (registry_id, format, subject, sort_key, id);
CREATE INDEX fact_manifest ON fact (manifest_id);
CREATE INDEX fact_release ON fact (repository_id, format, release, id) WHERE listed = 1;
CREATE INDEX fact_beside ON fact (repository_id, format, id) WHERE release IS NULL;

-- A pair by which a fact is found. The order of the facts is repeated, so that one index serves filter and page.
CREATE TABLE fact_pair (
    registry_id INTEGER NOT NULL REFERENCES registry (id),
    format      TEXT NOT NULL,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    subject     TEXT NOT NULL,
    sort_key    BLOB NOT NULL,
    fact_id     INTEGER NOT NULL REFERENCES fact (id),
    PRIMARY KEY (registry_id, format, name, value, subject, sort_key, fact_id)
) WITHOUT ROWID;
CREATE INDEX fact_pair_fact ON fact_pair (fact_id, name, value);

CREATE TABLE fact_document (
    fact_id    INTEGER NOT NULL REFERENCES fact (id),
    name       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    payload    BLOB NOT NULL,
    PRIMARY KEY (fact_id, name)
);

-- What somebody said about what is listed in a repository. It stands until it is taken back, whatever comes and goes there.
-- about: part, release or all; says: yanked of the first two, deprecated, archived or quarantined of all.
CREATE TABLE notice (
    registry_id INTEGER NOT NULL REFERENCES registry (id),
    repository  TEXT NOT NULL,
    format      TEXT NOT NULL,
    about       TEXT NOT NULL,
    name        TEXT NOT NULL,
    says        TEXT NOT NULL,
    reason      TEXT,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    PRIMARY KEY (registry_id, repository, format, about, name)
) WITHOUT ROWID;

-- What is listed in a repository, as a page of it shows; in the row of repository 0, what subjects are listed in the
-- registry. revision moves with every change of that. listed: whether anything is.
CREATE TABLE page (
    registry_id   INTEGER NOT NULL REFERENCES registry (id),
    repository_id INTEGER NOT NULL,
    format        TEXT NOT NULL,
    subject       TEXT NOT NULL,
    listed        INTEGER NOT NULL,
    revision      INTEGER NOT NULL,
    PRIMARY KEY (registry_id, repository_id, format)
) WITHOUT ROWID;
CREATE INDEX page_subject ON page (registry_id, format, subject) WHERE listed = 1;

-- A page as it was rendered of a revision, in one encoding. It may be thrown away, and is then rendered again.
CREATE TABLE page_body (
    registry_id   INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    format        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    encoding      TEXT NOT NULL,
    revision      INTEGER NOT NULL,
    media_type    TEXT NOT NULL,
    etag          TEXT NOT NULL,
    payload       BLOB NOT NULL,
    PRIMARY KEY (registry_id, repository_id, format, kind, encoding)
);

CREATE TABLE audit (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    actor_kind   TEXT NOT NULL,
    actor_id     INTEGER,
    actor_name   TEXT NOT NULL,
    credential   TEXT NOT NULL,
    address      TEXT,
    request_id   TEXT NOT NULL,
    action       TEXT NOT NULL,
    organisation TEXT,
    place        TEXT,
    target       TEXT,
    digest       BLOB,
    times        INTEGER NOT NULL,
    month        INTEGER,
    number       INTEGER,
    leaf         BLOB
);
-- Each search has an index, an organisation's apart from those of the platform: who looks for something rare, or for what
-- others have much of, reads no more than he is shown. "times > 0" is true of all: only a search that says so is answered from
-- there, so that none is answered from a list that is longer than it must be.
CREATE INDEX audit_at ON audit (at, id) WHERE times > 0;
CREATE INDEX audit_actor ON audit (actor_name, at, id) WHERE times > 0;
CREATE INDEX audit_action ON audit (action, at, id) WHERE times > 0;
CREATE INDEX audit_digest ON audit (digest, at, id) WHERE digest IS NOT NULL AND times > 0;
CREATE INDEX audit_place ON audit (place, at, id) WHERE place IS NOT NULL;
CREATE INDEX audit_organisation ON audit (organisation, at, id) WHERE times > 0;
CREATE INDEX audit_organisation_actor ON audit (organisation, actor_name, at, id);
CREATE INDEX audit_organisation_action ON audit (organisation, action, at, id);
CREATE INDEX audit_organisation_digest ON audit (organisation, digest, at, id) WHERE digest IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (id) WHERE number IS NULL;
CREATE UNIQUE INDEX audit_number ON audit (month, number) WHERE number IS NOT NULL;

-- The signed head of each month's tree of records. month: 202611 for November 2026; peaks: what the tree goes on from.
CREATE TABLE audit_head (
    month       INTEGER PRIMARY KEY,
    size        INTEGER NOT NULL,
    root        BLOB NOT NULL,
    previous    BLOB NOT NULL,
    at          INTEGER NOT NULL,
    signature   BLOB NOT NULL,
    peaks       BLOB NOT NULL,
    exported_at INTEGER,
    export      BLOB,
    removed_at  INTEGER,
    removal     BLOB
);

-- The repository may be gone by then.
CREATE TABLE event (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    tag           TEXT,
    digest        BLOB,
    actor         TEXT NOT NULL,
    path          TEXT NOT NULL,
    organisation_id INTEGER NOT NULL,
    waits         INTEGER NOT NULL,
    UNIQUE (repository_id, sequence)
);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_waits ON event (id) WHERE waits = 1;

-- Who is told of an organisation's events. secret: sealed; events: a list of kinds in JSON, empty for all; failures: how
-- many attempts in a row it failed at; waiting: how many of its deliveries are pending; spared: how many of those do not
-- count against its bound; due_at: when something is due for it, NULL while it is off or nothing waits; removed_at: since
-- when it is gone. The row stays until its deliveries have gone after it.
CREATE TABLE webhook (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id INTEGER NOT NULL REFERENCES organisation (id),
    url             TEXT NOT NULL,
    secret          BLOB NOT NULL,
    events          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    failing_since   INTEGER,
    failures        INTEGER NOT NULL DEFAULT 0,
    paused_until    INTEGER NOT NULL,
    disabled_at     INTEGER,
    disabled_why    TEXT,
    waiting         INTEGER NOT NULL DEFAULT 0,
    spared          INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER,
    removed_at      INTEGER
);
CREATE INDEX webhook_organisation ON webhook (organisation_id, id);
CREATE INDEX webhook_due ON webhook (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_removed ON webhook (id) WHERE removed_at IS NOT NULL;

-- Messages for webhooks: on their way, taken, or given up. state: pending, delivered, failed; due_at: when it is sent next,
-- NULL for what ended and for what an earlier one of its repository is pending before. The repository may be gone.
CREATE TABLE delivery (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id    INTEGER NOT NULL REFERENCES webhook (id),
    repository_id INTEGER NOT NULL,
    message       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    body          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    due_at        INTEGER,
    last_at       INTEGER,
    last_status   INTEGER,
    last_error    TEXT
);
CREATE INDEX delivery_webhook ON delivery (webhook_id, id);
CREATE INDEX delivery_due ON delivery (webhook_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_order ON delivery (webhook_id, repository_id, id) WHERE state = 'pending';
CREATE INDEX delivery_created ON delivery (created_at) WHERE state <> 'pending';

-- The round of the scrub that is under way, in one row. last_digest: the blob that was looked at last; NULL before the
-- first. ended_at: when the last round ended that went through all blobs.
CREATE TABLE scrub (
    id            INTEGER PRIMARY KEY,
    began_at      INTEGER NOT NULL,
    planned_bytes INTEGER NOT NULL,
    last_digest   BLOB,
    blobs         INTEGER NOT NULL,
    damaged       INTEGER NOT NULL,
    ended_at      INTEGER
);

-- What only one node does at a time: who has it, and until when.
CREATE TABLE lease (
    name     TEXT PRIMARY KEY,
    holder   TEXT NOT NULL,
    until_at INTEGER NOT NULL
) WITHOUT ROWID;
