//! Referrers never answer 404, so an empty list must look the same wherever there is nothing to be known.

use crate::harness::{Answer, Image, Wharf, sha256};

/// A server with a referrer of `Image::oci(1)` in the private `acme/app`.
async fn acme() -> (Wharf, Image) {
    let wharf = Wharf::start().await;
    let (subject, repository) = (Image::oci(1), wharf.admin().repository("acme/app"));
    repository.push_image(&subject, "v1").await;
    repository.push_image(&Image::oci(2).about(&subject), "referrer").await;
    (wharf, subject)
}

fn listed(answer: &Answer) -> usize {
    answer.json()["manifests"].as_array().expect("a list of manifests").len()
}

#[tokio::test]
async fn a_private_list_looks_to_a_stranger_as_if_it_never_was() {
    let (wharf, subject) = acme().await;
    let stranger = wharf.add_user("sam", &[]);
    let bearer = stranger.with_token(&["repository:acme/app:pull"]).await;

    for caller in [stranger, bearer] {
        for query in ["", "?artifactType=application/vnd.example"] {
            let private = caller.repository("acme/app").referrers(&subject.digest(), query).await.is(200);
            let absent = caller.repository("acmf/app").referrers(&subject.digest(), query).await.is(200);
            assert_eq!(listed(&private), 0);
            assert_eq!(private.body, absent.body);
            let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&private), names(&absent));
        }
    }
}

#[tokio::test]
async fn nobody_in_particular_is_challenged_for_a_private_list_and_for_one_that_never_was() {
    let (wharf, subject) = acme().await;
    let anonymous = wharf.anonymous();
    let bearer = anonymous.with_token(&["repository:acme/app:pull"]).await;

    for caller in [anonymous, bearer] {
        for name in ["acme/app", "acme/none", "nobody/nothing"] {
            for digest in [subject.digest(), sha256(b"never pushed")] {
                let answer = caller.repository(name).referrers(&digest, "").await.is(401);
                assert!(answer.challenge().asks_for(name, "pull"), "{:?}", answer.challenge());
                answer.error("UNAUTHORIZED");
            }
        }
    }
}

#[tokio::test]
async fn a_list_is_read_by_who_may_pull() {
    let (wharf, subject) = acme().await;
    let viewer = wharf.add_user("vera", &["acme:viewer"]);
    assert_eq!(listed(&viewer.repository("acme/app").referrers(&subject.digest(), "").await.is(200)), 1);

    wharf.set_public("acme/main", true);

    for caller in [wharf.anonymous(), wharf.add_user("sam", &[])] {
        assert_eq!(listed(&caller.repository("acme/app").referrers(&subject.digest(), "").await.is(200)), 1);
    }
}

#[tokio::test]
async fn a_token_for_another_repository_does_not_read_the_list() {
    let (wharf, subject) = acme().await;
    let viewer = wharf.add_user("vera", &["acme:viewer"]);
    let bearer = viewer.with_token(&["repository:acme/other:pull"]).await;

    let answer = bearer.repository("acme/app").referrers(&subject.digest(), "").await.is(401);

    assert_eq!(answer.challenge().parameter("error"), "insufficient_scope");
    assert!(answer.challenge().asks_for("acme/app", "pull"));
}
