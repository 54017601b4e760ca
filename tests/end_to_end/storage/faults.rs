//! The calls to S3 of a push and a pull, and every way they can go wrong: nothing that was acknowledged is lost, nothing
//! else shows, a refusal says when to come again, and coming again helps.
//!
//! With `WHARF_TEST_FAULT_STEP=1` every call meets every fault; otherwise each meets some of them.

use bytes::Bytes;

use super::on;
use super::proxy::{Fault, JOIN, PART, Plan, Proxy};
use crate::harness::{
    Answer, Image, Repository, Upload, Wharf, media_type, noise, number_from_environment, sha256, storage,
};

const MEBIBYTE: usize = 1 << 20;

/// How often a client comes again.
const PATIENCE: usize = 5;

/// A server whose way to its bucket goes through a proxy.
struct House {
    wharf: Wharf,
    proxy: Proxy,
}

impl House {
    async fn new() -> Option<Self> {
        if !crate::harness::component("versitygw") {
            return None;
        }
        let proxy = Proxy::start(&storage::endpoint()).await;
        let wharf = on(&storage::bucket_through(&proxy.endpoint, "")?).await;
        Some(Self { wharf, proxy })
    }

    /// The script, with content that no other run has.
    async fn run(&self, number: usize, plan: Option<Plan>) -> Vec<String> {
        self.proxy.plan(plan);
        let context = format!("{plan:?}");
        let repository = self.wharf.admin().repository(&format!("acme/run-{number}"));
        let seed = number as u64 * 10;
        let pushed = [
            push_whole(&repository, &noise(seed, 2_000)).await,
            push_in_chunks(&repository, &noise(seed + 1, 3_000), &[3_000]).await,
            push_in_chunks(&repository, &noise(seed + 2, 7 * MEBIBYTE), &[6 * MEBIBYTE, 6 * MEBIBYTE + 1])
                .await,
        ];
        for (index, digest) in pushed.iter().enumerate() {
            let content = noise(seed + index as u64, [2_000, 3_000, 7 * MEBIBYTE][index]);
            let head = settled(|| repository.head_blob(digest), 200).await;
            head.has_header("content-length", &content.len().to_string());
            assert!(pull(&repository, digest).await == content, "other bytes came back: {context}");
        }
        let image = Image::oci(seed);
        for blob in &image.blobs {
            push_whole(&repository, blob).await;
        }
        let manifest = || repository.put_manifest("v1", media_type::OCI_MANIFEST, &image.manifest);
        settled(manifest, 201).await;
        let cancelled = settled(|| repository.open_upload(), 202).await.location();
        settled(|| repository.caller.delete(&cancelled), 204).await;
        self.proxy.calls()
    }

    /// The script once for each of its calls, which goes wrong in this way.
    async fn break_every_call(&self, fault: Fault) {
        let calls = self.run(0, None).await;
        assert!(calls.len() > 15, "{calls:?}");
        // Each kind of fault begins at another call, so that all of them together meet every call.
        let step = usize::try_from(number_from_environment("WHARF_TEST_FAULT_STEP", 3)).unwrap();
        let broken = || (fault as usize % step..calls.len()).step_by(step);
        for from in broken() {
            self.run(from + 1, Some(Plan { fault, from, times: 1 })).await;
        }
        // As if it had never been: no upload is left half-way, and what was pushed under faults is there without them.
        self.proxy.plan(None);
        for number in broken().map(|from| from + 1) {
            let repository = self.wharf.admin().repository(&format!("acme/run-{number}"));
            let digest = sha256(&noise(number as u64 * 10 + 2, 7 * MEBIBYTE));
            repository.head_blob(&digest).await.is(200);
        }
        // Whatever the faults left in the bucket, a row leads to it, if only to have it removed.
        let verified = self.wharf.try_command(&["verify", "--rate", "1000"], "");
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }
}

/// Does something again until it is done; each refusal must say that it may be.
async fn settled<F: Future<Output = Answer>>(attempt: impl Fn() -> F, status: u16) -> Answer {
    for _ in 0..PATIENCE {
        let answer = attempt().await;
        if answer.status == status {
            return answer;
        }
        expect_refusal(answer);
    }
    panic!("refused {PATIENCE} times, and still is");
}

fn expect_refusal(answer: Answer) {
    let answer = answer.is(503);
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    // An answer to HEAD has no body.
    if !answer.request.starts_with("HEAD") {
        answer.first_error();
    }
}

async fn push_whole(repository: &Repository, content: &Bytes) -> String {
    let digest = sha256(content);
    let path = repository.path(&format!("blobs/uploads/?digest={digest}"));
    settled(|| repository.caller.request("POST", &path).body(content.clone()).send(), 201).await;
    digest
}

/// Pushes up to each of these offsets with a request, and the rest with the closing one, as a client that asks how far
/// it came after each refusal.
async fn push_in_chunks(repository: &Repository, content: &Bytes, ends: &[usize]) -> String {
    let opened = settled(|| repository.open_upload(), 202).await;
    let mut upload = Upload::of(repository.caller.clone(), &opened);
    for end in ends {
        let mut start = offset(&upload).await;
        for _ in 0..PATIENCE {
            if start >= *end {
                break;
            }
            let answer = upload.append(content.slice(start..*end)).await;
            if answer.status != 202 {
                expect_refusal(answer);
            }
            start = offset(&upload).await;
        }
        assert_eq!(start, *end, "the upload does not move");
    }
    let digest = sha256(content);
    for _ in 0..PATIENCE {
        let rest = content.slice(offset(&upload).await..);
        let answer = upload.finish(&digest, rest).await;
        if answer.status == 201 {
            return digest;
        }
        expect_refusal(answer);
        repository.head_blob(&digest).await.is(404);
    }
    panic!("the upload does not end");
}

async fn offset(upload: &Upload) -> usize {
    usize::try_from(upload.offset().await).unwrap()
}

/// Fetches a blob as clients do that go on where an answer broke off.
async fn pull(repository: &Repository, digest: &str) -> Vec<u8> {
    let path = repository.path(&format!("blobs/{digest}"));
    for _ in 0..PATIENCE {
        match repository.caller.request("GET", &path).try_send().await {
            Ok(answer) if answer.status == 200 => return answer.body.to_vec(),
            Ok(answer) => expect_refusal(answer),
            // It broke off after its head: what came was not taken for the whole.
            Err(_) => {}
        }
    }
    panic!("it cannot be pulled");
}

macro_rules! every_call {
    ($($name:ident: $fault:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let Some(house) = House::new().await else { return };
                house.break_every_call(Fault::$fault).await;
            }
        )*
    };
}

every_call! {
    any_call_may_be_refused: Refused,
    any_call_may_go_unheard: Unheard,
    any_answer_may_be_lost: AnswerLost,
    any_answer_may_be_cut_off: AnswerCut,
    any_call_may_meet_an_internal_error: InternalError,
    any_call_may_be_told_to_slow_down: SlowDown,
    any_call_may_be_told_that_there_are_too_many: TooManyRequests,
    any_conditional_call_may_meet_another: Conflict,
    any_bit_may_flip_on_its_way: FlippedBit,
    any_call_may_be_denied: Denied,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_with_an_error_inside_is_none() {
    let Some(house) = House::new().await else { return };
    let calls = house.run(0, None).await;
    let joins = calls.iter().enumerate().filter(|(_, call)| call.starts_with(JOIN));
    let joins: Vec<usize> = joins.map(|(index, _)| index).collect();
    assert!(!joins.is_empty(), "{calls:?}");
    for join in joins {
        // A call more or less before it: the two runs are not the same to the last connection.
        for (times, number) in [(3, 1), (8, 1_001)] {
            let plan = Plan { fault: Fault::ErrorInside, from: join.saturating_sub(1), times };
            house.run(join + number, Some(plan)).await;
        }
    }
}

/// What the parts are called is what their upload is closed with: under a wrong name it cannot be, and who sends it once
/// more has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_under_a_wrong_name_is_never_acknowledged() {
    let Some(house) = House::new().await else { return };
    let repository = house.wharf.admin().repository("acme/app");
    let content = noise(1, 7 * MEBIBYTE);
    let digest = sha256(&content);
    let path = repository.path(&format!("blobs/uploads/?digest={digest}"));

    house.proxy.plan(Some(Plan { fault: Fault::WrongTag, from: 0, times: usize::MAX }));
    expect_refusal(repository.caller.request("POST", &path).body(content.clone()).send().await);
    repository.head_blob(&digest).await.is(404);
    assert!(house.proxy.calls().iter().any(|call| call == PART), "{:?}", house.proxy.calls());
    house.proxy.plan(None);

    push_whole(&repository, &content).await;
    repository.blob(&digest).await.is(200).has_body(&content);
}

/// Rows are believed, and not lists: what a list does not show yet is neither lost nor in anybody's way.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_up_to_date_changes_nothing() {
    let Some(house) = House::new().await else { return };
    let repository = house.wharf.admin().repository("acme/app");
    let image = Image::oci(1);
    repository.push_image(&image, "v1").await;

    house.proxy.plan(Some(Plan { fault: Fault::StaleList, from: 0, times: usize::MAX }));
    let verified = house.wharf.try_command(&["verify", "--repair"], "");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert!(house.proxy.calls().iter().any(|call| call.ends_with("list-type")), "nobody looked");
    house.wharf.command(&["gc", "--now"], "");
    house.proxy.plan(None);

    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    for blob in &image.blobs {
        repository.blob(&sha256(blob)).await.is(200).has_body(blob);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_node_died_between_its_bytes_and_its_row_is_ended_by_the_next_request() {
    let Some(mut house) = House::new().await else { return };
    let begun = async |house: &House, content: &Bytes| {
        let mut upload = house.wharf.admin().repository("acme/app").upload().await;
        upload.append(content.slice(..6 * MEBIBYTE)).await.is(202);
        (upload, sha256(content), content.slice(6 * MEBIBYTE..))
    };
    // The calls of such an end: a part, the join, and the tail of the chunk before, which goes.
    let (upload, digest, rest) = begun(&house, &noise(1, 7 * MEBIBYTE)).await;
    house.proxy.plan(None);
    upload.finish(&digest, rest).await.is(201);
    let calls = house.proxy.calls();
    let after_join = calls.iter().position(|call| call.starts_with(JOIN)).unwrap() + 1;

    let content = noise(2, 7 * MEBIBYTE);
    let (upload, digest, rest) = begun(&house, &content).await;
    house.proxy.plan(Some(Plan { fault: Fault::AnswerLost, from: after_join, times: usize::MAX }));
    let cut_off = upload.closing(&digest).body(rest.clone());
    let closing = tokio::spawn(async move { cut_off.try_send().await });
    while house.proxy.calls().len() < after_join + 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    house.wharf.kill();
    closing.await.unwrap().unwrap_err();
    house.proxy.plan(None);
    house.wharf.restart().await;

    upload.finish(&digest, rest).await.is(201);
    house.wharf.admin().repository("acme/app").blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_gone_from_the_bucket_is_unknown_and_the_next_push_heals_it() {
    let Some(house) = House::new().await else { return };
    let repository = house.wharf.admin().repository("acme/app");
    let digest = push_whole(&repository, &noise(1, 100)).await;
    let gone = |times| house.proxy.plan(Some(Plan { fault: Fault::Gone, from: 0, times }));

    gone(1);
    repository.head_blob(&digest).await.is(404);
    gone(2);
    repository.blob(&digest).await.is(404).error("BLOB_UNKNOWN");
    house.proxy.plan(None);
    push_whole(&repository, &noise(1, 100)).await;
    assert_eq!(
        house.proxy.calls(),
        ["PUT objects"],
        "stored anew, and nobody asks what the old object is worth"
    );
    repository.blob(&digest).await.is(200).has_body(&noise(1, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_storage_is_away_nothing_is_acknowledged_and_after_that_all_goes_on() {
    let Some(house) = House::new().await else { return };
    let repository = house.wharf.admin().repository("acme/app");
    let content = noise(1, 6 * MEBIBYTE);
    let known = push_whole(&repository, &noise(2, 100)).await;
    let mut upload = repository.upload().await;
    upload.append(content.slice(..100)).await.is(202);

    house.proxy.plan(Some(Plan { fault: Fault::Refused, from: 0, times: usize::MAX }));
    expect_refusal(repository.blob(&known).await);
    expect_refusal(repository.head_blob(&known).await);
    expect_refusal(upload.append(content.slice(100..)).await);
    assert_eq!(offset(&upload).await, 100, "what was acknowledged is all that counts");
    house.wharf.anonymous().get("/readyz").await.is(503);
    repository.push_empty_index(&["rows-need-no-bucket"]).await;

    house.proxy.plan(None);
    house.wharf.anonymous().get("/readyz").await.is(200);
    upload.append(content.slice(100..)).await.is(202);
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);
    repository.blob(&known).await.is(200);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_says_nothing_is_not_waited_for_without_end() {
    let Some(house) = House::new().await else { return };
    let repository = house.wharf.admin().repository("acme/app");
    let known = push_whole(&repository, &noise(1, 100)).await;

    house.proxy.plan(Some(Plan { fault: Fault::Silence, from: 0, times: usize::MAX }));
    let began = std::time::Instant::now();
    expect_refusal(repository.head_blob(&known).await);

    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
}
