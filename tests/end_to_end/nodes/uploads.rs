//! Any node goes on with any upload.

use std::time::Duration;

use bytes::Bytes;

use crate::harness::raw::Exchange;
use crate::harness::{Nodes, noise, sha256};

const MEBIBYTE: usize = 1 << 20;

/// What does not fill a part lies in the bucket too, so that a death costs nothing.
#[tokio::test]
async fn an_upload_goes_on_at_any_node_also_when_the_one_before_it_died() {
    let Some(mut nodes) = Nodes::start(3).await else { return };
    let content = noise(1, 13 * MEBIBYTE);
    let mut upload = nodes[0].admin().repository("acme/app").upload().await;

    upload.append(content.slice(..6 * MEBIBYTE)).await.is(202);
    nodes[0].kill();
    let mut upload = upload.as_seen_by(&nodes[1].admin());
    assert_eq!(upload.offset().await, 6 * MEBIBYTE as u64);
    upload.append(content.slice(6 * MEBIBYTE..12 * MEBIBYTE + 7)).await.is(202);
    nodes[1].kill();
    let upload = upload.as_seen_by(&nodes[2].admin());
    upload.finish(&sha256(&content), content.slice(12 * MEBIBYTE + 7..)).await.is(201);

    nodes[0].restart().await;
    let pulled = nodes[0].admin().repository("acme/app").blob(&sha256(&content)).await;
    pulled.is(200).has_body(&content);
}

#[tokio::test]
async fn of_two_nodes_that_finish_one_upload_one_makes_the_blob() {
    let Some(nodes) = Nodes::start(2).await else { return };
    for (seed, length) in [(1, 100), (2, 6 * MEBIBYTE), (3, 100), (4, 6 * MEBIBYTE)] {
        let content = noise(seed, length);
        let digest = sha256(&content);
        let mut upload = nodes[0].admin().repository("acme/app").upload().await;
        upload.append(content.slice(..length - 50)).await.is(202);
        let here = upload.as_seen_by(&nodes[0].admin());
        let there = upload.as_seen_by(&nodes[1].admin());

        let both = tokio::join!(
            here.finish(&digest, content.slice(length - 50..)),
            there.finish(&digest, content.slice(length - 50..))
        );

        let mut statuses = [both.0.status, both.1.status];
        statuses.sort_unstable();
        // The other comes too late, or finds that the row moved: before it began, or meanwhile.
        assert!(matches!(statuses, [201, 404 | 409 | 416]), "{statuses:?}");
        for node in nodes.iter() {
            node.admin().repository("acme/app").blob(&digest).await.is(200).has_body(&content);
        }
        upload.status().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
    }
}

/// Each closes it with last bytes of its own, under the digest that these make: bytes of the two are never mixed.
#[tokio::test]
async fn of_two_nodes_that_finish_one_upload_with_other_bytes_one_makes_its_own_blob() {
    let Some(nodes) = Nodes::start(2).await else { return };
    for (seed, length) in [(5, 100), (6, 6 * MEBIBYTE), (7, 100), (8, 6 * MEBIBYTE)] {
        let begun = noise(seed, length);
        let contents =
            [b"the end of one", b"another's end!"].map(|end| Bytes::from([&begun[..], end].concat()));
        let mut upload = nodes[0].admin().repository("acme/app").upload().await;
        upload.append(begun).await.is(202);
        let close = async |node: usize| {
            let (upload, content) = (upload.as_seen_by(&nodes[node].admin()), &contents[node]);
            upload.finish(&sha256(content), content.slice(length..)).await.status
        };

        let (mut here, mut there) = tokio::join!(close(0), close(1));
        // One may move the row while the other's bytes become the object: then both are refused, and these end it.
        if [here, there] == [409, 409] {
            (here, there) = (close(0).await, close(1).await);
        }

        let winner = usize::from(there == 201);
        assert!(matches!([here, there], [201, 404 | 409 | 416] | [404 | 409 | 416, 201]), "{here} {there}");
        for node in nodes.iter() {
            let repository = node.admin().repository("acme/app");
            repository.blob(&sha256(&contents[winner])).await.is(200).has_body(&contents[winner]);
            repository.head_blob(&sha256(&contents[1 - winner])).await.is(404);
        }
        upload.status().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
    }
}

/// The lock on an upload is known to one node alone; what the others see is the row.
#[tokio::test]
async fn an_upload_whose_request_outlasts_its_expiry_is_not_given_up_by_another_node() {
    let hurry = [("WHARF_UPLOAD_EXPIRY", "1s"), ("WHARF_HOUSEKEEPING_INTERVAL", "1s")];
    // The first one to start does the housekeeping.
    let Some(mut nodes) = Nodes::start_with(1, &hurry).await else { return };
    nodes.add(&[]).await;
    let content = noise(1, 100_000);
    let sender = nodes[1].admin();
    let (going, left) =
        (sender.repository("acme/app").upload().await, sender.repository("acme/app").upload().await);

    let length = [("content-length", "100000")];
    let mut exchange = Exchange::begin(&sender, "PATCH", &going.location, &length).await;
    for piece in content.chunks(20_000) {
        exchange.send(piece).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let (status, text) = exchange.answer().await;
    assert_eq!(status, 202, "{text}");

    left.status().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
    going.finish(&sha256(&content), Bytes::new()).await.is(201);
}
