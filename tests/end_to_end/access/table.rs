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

pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) statuses: [u16; 6],
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
