//! Traces reach a collector, and one that is away hurts nobody.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{ADMIN_PASSWORD, Image, Wharf};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

type Batches = Arc<Mutex<Vec<Vec<u8>>>>;

/// A collector that keeps what it is sent; yields its URL.
async fn collector() -> (String, Batches) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let batches = Batches::default();
    let kept = batches.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, kept.clone()));
        }
    });
    (url, batches)
}

async fn take(mut stream: TcpStream, batches: Batches) {
    let mut bytes = Vec::new();
    loop {
        while let Some((body, rest)) = first_body(&bytes) {
            batches.lock().unwrap().push(body);
            bytes = rest;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// The body of the first whole request, and what comes after it.
fn first_body(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
    let length: usize = length.trim().parse().unwrap();
    let body = bytes.get(end..end + length)?;
    Some((body.to_vec(), bytes[end + length..].to_vec()))
}

/// Every span that was sent, after a check that each batch says whose it is.
fn spans(batches: &Batches) -> Vec<Span> {
    let mut spans = Vec::new();
    for batch in batches.lock().unwrap().iter() {
        for resource in ExportTraceServiceRequest::decode(batch.as_slice()).unwrap().resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            let service = attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
            let service = service.value.clone().unwrap().value.unwrap();
            assert_eq!(service, Value::StringValue("wharf".to_owned()));
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    spans
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn the_spans_of_a_push_reach_a_collector() {
    let (url, batches) = collector().await;
    let mut wharf = Wharf::start_in_files(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())]).await;
    let (image, repository) = (Image::oci(1), wharf.admin().repository("acme/app"));

    repository.push_blobs_of(&image).await;
    let put = repository.caller.request("PUT", &repository.path("manifests/v1"));
    let put = put.header("content-type", image.media_type).body(image.manifest.clone());
    put.header("traceparent", &format!("00-{TRACE}-{PARENT}-01")).send().await.is(201);
    wharf.stop().await;

    let spans = spans(&batches);
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(named("POST upload").len(), image.blobs.len(), "{names:?}");
    assert_eq!(named("blob store write").len(), image.blobs.len());
    assert_eq!(named("blob store flush").len(), image.blobs.len());
    let [put] = named("PUT manifest")[..] else { panic!("not one push of a manifest") };
    assert_eq!((hex(&put.trace_id).as_str(), hex(&put.parent_span_id).as_str()), (TRACE, PARENT));
    for part in ["authentication", "database read", "database write"] {
        let of_put = |span: &&&Span| span.trace_id == put.trace_id;
        assert!(named(part).iter().any(|span| of_put(&span)), "the push has no {part}");
    }
    let [write] = named("blob store write")[..1] else { panic!() };
    let uploads: Vec<_> = named("PUT upload").iter().map(|span| span.span_id.clone()).collect();
    assert!(uploads.contains(&write.parent_span_id), "a write belongs to the request whose bytes it takes");
    let all = batches.lock().unwrap().concat();
    let all = String::from_utf8_lossy(&all).into_owned();
    let basic = wharf.admin().authorization().unwrap().to_owned();
    for secret in [ADMIN_PASSWORD, basic.trim_start_matches("Basic ")] {
        assert!(!all.contains(secret), "the traces hold {secret}");
    }
}

#[tokio::test]
async fn a_collector_that_is_away_hurts_nobody() {
    let environment =
        [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_TRACES_ENDPOINT", "http://127.0.0.1:1")];
    let mut wharf = Wharf::start_with(&environment).await;

    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    let asked = Instant::now();
    let ended = wharf.stop().await;

    assert!(ended.success(), "{ended}");
    assert!(asked.elapsed() < Duration::from_secs(5), "the stop took {:?}", asked.elapsed());
    let log = wharf.log();
    assert_eq!(log.matches("traces cannot be delivered").count(), 1, "{log}");
}
