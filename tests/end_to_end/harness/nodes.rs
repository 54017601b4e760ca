//! Several servers that are one registry: one database, one place in the bucket, and nothing between them.

use std::ops::{Index, IndexMut};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::postgres::{Database, node_on};
use super::{ADMIN_PASSWORD, Wharf, storage, wharf_command};

pub(crate) struct Nodes {
    // Before the database: they end first.
    nodes: Vec<Wharf>,
    pub(crate) database: Database,
    settings: Vec<(String, String)>,
}

impl Nodes {
    /// So many nodes, all started at once, unless this machine lacks PostgreSQL or an S3 server.
    pub(crate) async fn start(count: usize) -> Option<Self> {
        Self::start_with(count, &[]).await
    }

    /// The same, with these settings beside those that make them one.
    pub(crate) async fn start_with(count: usize, settings: &[(&str, &str)]) -> Option<Self> {
        let mut nodes = Self::none_yet(settings).await?;
        let started = (0..count).map(|_| nodes.start_one(&[]));
        nodes.nodes = futures_util::future::join_all(started).await;
        Some(nodes)
    }

    /// A registry that no node serves yet.
    pub(crate) async fn none_yet(settings: &[(&str, &str)]) -> Option<Self> {
        let bucket = storage::bucket("")?;
        let database = Database::fresh().await?;
        let mut all = node_on(&database.url());
        let shared = [("WHARF_STORAGE", bucket.as_str()), ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)];
        let more = shared.iter().chain(settings);
        all.extend(more.map(|&(name, value)| (name.to_owned(), value.to_owned())));
        Some(Self { nodes: Vec::new(), database, settings: all })
    }

    /// One more node, with settings of its own.
    pub(crate) async fn add(&mut self, settings: &[(&str, &str)]) {
        let node = self.start_one(settings).await;
        self.nodes.push(node);
    }

    async fn start_one(&self, settings: &[(&str, &str)]) -> Wharf {
        Wharf::start_with(&self.settings_with(settings)).await
    }

    /// What a node with these settings says that ends at its start.
    pub(crate) fn refused(&self, settings: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut command = wharf_command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
        let output = command.envs(self.settings_with(settings)).output().unwrap();
        assert!(!output.status.success(), "it started");
        String::from_utf8(output.stderr).unwrap()
    }

    fn settings_with<'a>(&'a self, own: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let shared = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        shared.chain(own.iter().copied()).collect()
    }

    /// One host and port for all of them, as a name in the DNS is: each connection meets the next node.
    pub(crate) async fn door(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let nodes: Vec<String> = self.nodes.iter().map(Wharf::host).collect();
        tokio::spawn(async move {
            for node in nodes.iter().cycle() {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut node = TcpStream::connect(node).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut client, &mut node).await });
            }
        });
        host
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Wharf> {
        self.nodes.iter()
    }
}

impl Index<usize> for Nodes {
    type Output = Wharf;

    fn index(&self, number: usize) -> &Wharf {
        &self.nodes[number]
    }
}

impl IndexMut<usize> for Nodes {
    fn index_mut(&mut self, number: usize) -> &mut Wharf {
        &mut self.nodes[number]
    }
}
