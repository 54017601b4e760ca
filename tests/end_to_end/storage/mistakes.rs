//! A storage that cannot be used: said at the start, in words, without a secret.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::harness::{storage, wharf_command};

/// What a server says that ends at its start.
fn refused(url: &str) -> String {
    refused_with(url, &[])
}

/// The same with these variables in its environment.
fn refused_with(url: &str, environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = wharf_command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--storage", url, "--data-dir"]).arg(folder.path());
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{url} was taken for right");
    for made in ["wharf.sqlite", "secret-key"] {
        assert!(!folder.path().join(made).exists(), "{url}: {made} was left behind");
    }
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_storage_url_that_is_wrong_is_refused_in_words_that_tell_no_secret() {
    for (url, word) in [
        ("s3://bucket?acess_key=hunter2", "there is no parameter acess_key"),
        ("s3://me:hunter2@bucket", "AWS_ACCESS_KEY_ID"),
        ("s3://bucket?endpoint=http://127.0.0.1:1&redirect=hunter2", "redirect must be on or off"),
        (
            "s3://bucket?redirect_lifetime=1h",
            "redirect_lifetime is 3600 s and must be shorter than object_grace",
        ),
        ("hunter2", "storage (from --storage) must be file or s3://"),
    ] {
        let said = refused(url);
        assert!(said.contains(word) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_bucket_that_cannot_be_used_is_refused_in_words() {
    let Some(url) = storage::bucket("") else { return };
    for (url, word) in [
        (url.replacen("s3://", "s3://no-such-bucket-as-", 1), "there is no such bucket"),
        (format!("{url}&region=nowhere-1"), "the bucket lies in another region"),
        (storage::bucket_through("http://127.0.0.1:1", "").unwrap(), "nothing answers at its endpoint"),
    ] {
        let said = refused(&url);
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_start_without_its_bucket_leaves_neither_a_database_nor_a_key() {
    let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let said = refused_with("s3://bucket?endpoint=http://127.0.0.1:1&region=here", &keys);
    assert!(said.contains("nothing answers at its endpoint"), "{said}");
    assert_eq!(said.to_lowercase().matches("connection refused").count(), 1, "its cause once: {said}");
}

#[test]
fn an_endpoint_that_speaks_the_other_of_http_and_https_is_named_as_that() {
    let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    // What a port says that speaks plain HTTP, and the alert of one that speaks TLS.
    let plain: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let tls: &[u8] = &[0x15, 3, 3, 0, 2, 2, 70];
    for (scheme, answer, words) in
        [("https", plain, "does not speak TLS (endpoint=http://…)"), ("http", tls, "(endpoint=https://…)")]
    {
        let url = format!("s3://bucket?endpoint={scheme}://{}&region=here", answering(answer));
        let said = refused_with(&url, &keys);
        assert!(said.contains(words), "{said}");
    }
}

/// A port that answers whatever comes with these bytes, as long as the tests run.
fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    address
}
