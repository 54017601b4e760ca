//! A node whose clock is an hour off: it is no use while that lasts, and does no harm.
//!
//! S3 takes no request that was signed so far from its own time, and says so.

use crate::harness::{Clock, Image, Nodes, noise, sha256};

const HOUR: i64 = 3600;

#[tokio::test]
async fn a_node_whose_clock_is_an_hour_off_serves_no_bytes_and_harms_none() {
    // Every round of the housekeeping, of either node, may meet the wrong time.
    let hurry = [("WHARF_HOUSEKEEPING_INTERVAL", "1s")];
    for shift in [HOUR, -HOUR] {
        let clock = Clock::right();
        let Some(mut nodes) = Nodes::none_yet(&hurry).await else { return };
        let settings = clock.settings();
        nodes.add(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
        nodes.add(&[]).await;
        let (wrong, right) = (&nodes[0], &nodes[1]);
        let image = Image::oci(1);
        right.admin().repository("acme/app").push_image(&image, "v1").await;
        let content = noise(1, 1_000);
        let mut upload = right.admin().repository("acme/app").upload().await;
        upload.append(content.slice(..500)).await.is(202);

        clock.shift(shift);
        let layer = sha256(&image.blobs[1]);
        wrong.anonymous().get("/readyz").await.is(503);
        wrong.admin().repository("acme/app").blob(&layer).await.is(503);
        upload.as_seen_by(&wrong.admin()).append(content.slice(500..600)).await.is(503);
        wrong.admin().repository("acme/app").manifest("v1").await.is(200);
        let token = wrong.admin().token(&["repository:acme/app:pull"]).await;
        wrong.anonymous().bearing(&token).repository("acme/app").manifest("v1").await.is(200);
        right.anonymous().bearing(&token).repository("acme/app").manifest("v1").await.is(401);
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;

        right.admin().repository("acme/app").blob(&layer).await.is(200).has_body(&image.blobs[1]);
        assert_eq!(upload.offset().await, 500);
        clock.shift(0);
        let upload = upload.as_seen_by(&wrong.admin());
        upload.finish(&sha256(&content), content.slice(500..)).await.is(201);
        wrong.anonymous().get("/readyz").await.is(200);
        wrong.admin().repository("acme/app").blob(&sha256(&content)).await.is(200).has_body(&content);
    }
}

#[tokio::test]
async fn a_node_whose_clock_is_an_hour_off_refuses_to_start_in_words() {
    let clock = Clock::right();
    clock.shift(HOUR);
    let Some(nodes) = Nodes::none_yet(&[]).await else { return };
    let settings = clock.settings();
    let own = settings.each_ref().map(|(name, value)| (*name, value.as_str()));

    let said = nodes.refused(&own);

    assert!(said.contains("the clock of this machine is wrong"), "{said}");
}
