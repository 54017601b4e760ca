//! Reads `access_table.txt`.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Private,
    Public,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
    Anonymous,
    Stranger,
    Viewer,
    Writer,
    Admin,
    Operator,
}

impl Caller {
    /// In the order of the columns.
    pub(super) const ALL: [Self; 6] =
        [Self::Anonymous, Self::Stranger, Self::Viewer, Self::Writer, Self::Admin, Self::Operator];

    pub(super) fn may_write(self) -> bool {
        matches!(self, Self::Writer | Self::Admin | Self::Operator)
    }
}

/// What a token is for that is for one thing alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Narrow {
    Pull,
    Push,
    Delete,
    /// Everything, in another repository.
    Elsewhere,
}

impl Narrow {
    pub(super) const ALL: [Self; 4] = [Self::Pull, Self::Push, Self::Delete, Self::Elsewhere];
}

pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) statuses: [u16; 6],
}

impl Row {
    /// Whether it is about a repository by the distribution API, and takes a right there.
    pub(super) fn takes_a_right(&self) -> bool {
        let below = ["/v2/{repository}/", "{upload}", "{foreign-upload}"];
        let is_below = below.iter().any(|beginning| self.path.starts_with(beginning));
        self.kind != Kind::Absent && is_below && !self.path.ends_with("/_oci/ext/discover")
    }

    /// What a caller gets under a token for one thing alone, whom the table promises this. What the role refuses is refused
    /// as ever, and a stranger finds nothing that is private; where another token would do, the caller is told so.
    pub(super) fn narrowed(&self, (caller, promised): (Caller, u16), token: Narrow) -> u16 {
        let is_refused = [401, 403].contains(&promised);
        let finds_nothing = self.kind == Kind::Private && caller == Caller::Stranger;
        if is_refused || finds_nothing || self.needs() == Some(token) { promised } else { 401 }
    }

    /// The one thing it takes; nothing where it takes two.
    fn needs(&self) -> Option<Narrow> {
        match self.method.as_str() {
            // A mount reads its source.
            _ if self.path.contains("?mount=") => None,
            _ if self.path.contains("upload") => Some(Narrow::Push),
            "PUT" => Some(Narrow::Push),
            "DELETE" => Some(Narrow::Delete),
            _ => Some(Narrow::Pull),
        }
    }
}

pub(super) fn rows() -> Vec<Row> {
    let lines = include_str!("../access_table.txt").lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect()
}

fn row(line: &str) -> Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    let kind = match words[0] {
        "private" => Kind::Private,
        "public" => Kind::Public,
        "absent" => Kind::Absent,
        other => panic!("{other} is no kind of registry: {line}"),
    };
    let statuses: Vec<u16> =
        words[3..].iter().map(|word| word.parse().expect("a status is a number")).collect();
    let statuses = statuses.try_into().unwrap_or_else(|_| panic!("not six statuses: {line}"));
    Row { kind, method: words[1].to_owned(), path: words[2].to_owned(), statuses }
}
