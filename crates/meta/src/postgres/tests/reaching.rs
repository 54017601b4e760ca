//! Ways to the server: several hosts, TLS of every strictness, a password from a file.

use std::{path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use wharf_core::{Kind, Secret};

use super::{Fresh, Insert, PostgresSettings, numbers, open, settings};

#[tokio::test]
async fn of_several_hosts_the_one_that_answers_is_taken() {
    let Some(fresh) = Fresh::make().await else { return };
    let observer = fresh.observer().await;
    let (login, host) = fresh.server.rsplit_once('@').unwrap();
    let url = format!("{login}@127.0.0.1:1,{host}{}", fresh.name);

    let postgres = open(settings(url)).await.unwrap();

    postgres.write(Insert::number(1)).await.unwrap();
    assert_eq!(numbers(&observer).await, [1]);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named_and_the_password_is_not() {
    let refused = open(settings("postgres://me:hunter2@127.0.0.1:1/wharf".to_owned())).await;

    let refused = refused.err().unwrap();
    assert_eq!(refused.kind(), Kind::Unavailable);
    let said = format!("{refused:?}");
    assert!(said.contains("127.0.0.1:1") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the password is a file")]
async fn the_password_is_read_from_its_file_for_each_connection() {
    let Some(fresh) = Fresh::make().await else { return };
    let observer = fresh.observer().await;
    let role = format!("{}_role", fresh.name);
    observer.batch_execute(&format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'first'")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let (_, host) = fresh.server.rsplit_once('@').unwrap();
    let url = |password: &str| Secret::new(format!("postgres://{role}{password}@{host}{}", fresh.name));
    let settings =
        |password| PostgresSettings { url: url(password), password_file: Some(file.clone()), connections: 1 };

    let missing = open(settings("")).await.err().unwrap();
    std::fs::write(&file, "first\n").unwrap();
    let both = open(settings(":first")).await.err().unwrap();
    let postgres = open(settings("")).await.unwrap();
    std::fs::write(&file, "second\n").unwrap();
    observer.batch_execute(&format!("ALTER ROLE {role} PASSWORD 'second'")).await.unwrap();
    postgres.pool.retain(|_, _| false);
    let written = postgres.write(Insert::number(1)).await;
    drop(postgres);
    observer.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();

    assert!(format!("{missing:?}").contains("database_password_file"), "{missing:?}");
    assert_eq!(both.kind(), Kind::Invalid);
    written.unwrap();
}

#[tokio::test]
async fn tls_is_as_strict_as_its_mode() {
    let Some(fresh) = Fresh::make().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(folder.path(), "ours"), Authority::new(folder.path(), "theirs"));
    let named = front(&fresh, &ours, "localhost").await;
    let elsewhere = front(&fresh, &ours, "elsewhere").await;
    let opens = async |port: u16, words: &str| {
        let (login, _) = fresh.server.rsplit_once('@').unwrap();
        let url = format!("{login}@localhost:{port}/{}?{words}", fresh.name);
        open(settings(url)).await.is_ok()
    };
    let root = |mode: &str, authority: &Authority| format!("sslmode={mode}&sslrootcert={}", authority.file);

    assert!(!opens(named, "sslmode=disable").await, "the front speaks nothing but TLS");
    assert!(opens(elsewhere, "sslmode=prefer").await);
    assert!(opens(elsewhere, "sslmode=require").await);
    assert!(!opens(elsewhere, &root("require", &theirs)).await);
    assert!(opens(elsewhere, &root("verify-ca", &ours)).await);
    assert!(!opens(elsewhere, &root("verify-ca", &theirs)).await);
    assert!(!opens(elsewhere, &root("verify-full", &ours)).await);
    assert!(opens(named, &root("verify-full", &ours)).await);
    assert!(!opens(named, &root("verify-full", &theirs)).await);
    assert!(!opens(named, "sslmode=verify-full&sslrootcert=system").await);
}

/// Someone who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: String,
}

impl Authority {
    #[expect(clippy::disallowed_methods, reason = "an authority is named by its file")]
    fn new(folder: &Path, name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let file = folder.join(name);
        std::fs::write(&file, certificate.pem()).unwrap();
        Self { issuer: Issuer::new(parameters, key), file: file.display().to_string() }
    }
}

/// A door to the server that takes nothing but TLS, under a certificate for this name; its port.
async fn front(fresh: &Fresh, authority: &Authority, name: &str) -> u16 {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority.issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (_, server) = fresh.server.trim_end_matches('/').rsplit_once('@').unwrap();
    let (listener, server) = (TcpListener::bind("localhost:0").await.unwrap(), server.to_owned());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(lead_through(client, acceptor.clone(), server.clone()));
        }
    });
    port
}

#[expect(clippy::disallowed_methods, reason = "the front stands in the world")]
async fn lead_through(mut client: TcpStream, acceptor: TlsAcceptor, server: String) -> std::io::Result<()> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    let mut asked = [0; 8];
    client.read_exact(&mut asked).await?;
    if asked != SSL_REQUEST {
        return Ok(());
    }
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    copy_bidirectional(&mut client, &mut TcpStream::connect(server).await?).await.map(drop)
}
