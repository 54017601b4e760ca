//! A slow line to a server that breaks again and again: what a lossy network is to those who speak over it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Random;

/// So often in a second something is carried.
const TICKS: u64 = 50;

#[derive(Clone, Copy)]
pub(crate) struct Line {
    /// Bytes in a second, each way.
    pub(crate) rate: u64,
    /// A connection breaks after no more than so many bytes of the client's.
    pub(crate) breaks_within: u64,
}

impl Line {
    /// Lays it before the server at `host:port`, and says at which it begins.
    pub(crate) async fn lay(self, server: String, mut random: Random) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, carries) = (server.clone(), 1 + random.below(self.breaks_within));
                tokio::spawn(async move { self.connect(client, &server, carries).await });
            }
        });
        host
    }

    async fn connect(self, client: TcpStream, server: &str, carries: u64) -> io::Result<()> {
        let server = TcpStream::connect(server).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // Whichever ends first ends both directions.
        tokio::select! {
            ended = self.carry(from_client, to_server, carries) => ended,
            ended = self.carry(from_server, to_client, u64::MAX) => ended,
        }
    }

    async fn carry(
        self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        mut carries: u64,
    ) -> io::Result<()> {
        let mut buffer = vec![0; usize::try_from(self.rate / TICKS).unwrap()];
        while carries > 0 {
            let most = buffer.len().min(usize::try_from(carries).unwrap_or(usize::MAX));
            let read = from.read(&mut buffer[..most]).await?;
            if read == 0 {
                break;
            }
            to.write_all(&buffer[..read]).await?;
            carries -= read as u64;
            tokio::time::sleep(Duration::from_millis(1_000 / TICKS)).await;
        }
        Ok(())
    }
}
