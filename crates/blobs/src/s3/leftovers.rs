//! What lies in a bucket: above all what uploads leave there, parts that were never joined and tails that were never
//! needed again.
//!
//! Parts are listed by a request of our own, for `object_store` has none. It goes to a URL signed for us.

use bytes::Bytes;
use object_store::{
    ObjectMeta,
    client::{HttpRequest, HttpRequestBody},
    list::PaginatedListOptions,
    path::Path,
};
use serde::Deserialize;
use tokio::time::timeout;
use wharf_core::{Error, ObjectKey, Result, Timestamp, UploadId};

use super::bucket::{Bucket, DEADLINE};

/// Where tails lie: apart from objects, so that a list of them is short.
const TAILS: &str = "tails/";

/// A list of leftovers is read no further than so many pages of a thousand: what lies behind them is for the next call.
const PAGES: usize = 10;

/// Parts that wait to be joined.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unjoined {
    key: String,
    upload_id: String,
    initiated: String,
}

/// S3's `ListMultipartUploadsResult`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    #[serde(rename = "Upload")]
    uploads: Vec<Unjoined>,
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
}

impl Bucket {
    /// The name of a tail that ends at this byte of an object. No two tails have one name: who finds it taken goes on
    /// to the next number.
    pub(super) fn tail_name(key: ObjectKey, end: u64, number: u32) -> String {
        format!("{TAILS}{}.{end}.{number}", key.name())
    }

    /// Objects with parts that were begun before this moment and wait to be joined.
    pub(super) async fn parts_begun(&self, before: Timestamp) -> Result<Vec<ObjectKey>> {
        let unjoined = self.unjoined("objects/").await?;
        let old =
            unjoined.iter().filter(|parts| moment(&parts.initiated).is_some_and(|begun| begun < before));
        Ok(old.filter_map(|parts| key_of(self.name_of(&parts.key)?.rsplit('/').next()?)).collect())
    }

    /// Objects with tails that were written before this moment.
    pub(super) async fn tails_left(&self, before: Timestamp) -> Result<Vec<ObjectKey>> {
        let tails = self.tails(TAILS).await?;
        let old = tails.into_iter().filter(|(_, written)| *written < before);
        Ok(old.filter_map(|(path, _)| key_of(path.filename()?.split('.').next()?)).collect())
    }

    /// Gives up all parts of an object that wait to be joined.
    pub(super) async fn abort_all(&self, key: ObjectKey) -> Result<()> {
        for parts in self.unjoined(&key.to_string()).await? {
            self.abort_parts(&self.object(key), &parts.upload_id).await?;
        }
        Ok(())
    }

    /// Removes all tails of an object.
    pub(super) async fn delete_tails(&self, key: ObjectKey) -> Result<()> {
        for (path, _) in self.tails(&format!("{TAILS}{}.", key.name())).await? {
            self.delete(&path).await?;
        }
        Ok(())
    }

    async fn tails(&self, name: &str) -> Result<Vec<(Path, Timestamp)>> {
        let written = |tail: &ObjectMeta| Timestamp::from_microseconds(tail.last_modified.timestamp_micros());
        let tails = self.pages_of(name, PAGES).await?;
        Ok(tails.into_iter().map(|tail| (tail.location.clone(), written(&tail))).collect())
    }

    /// What lies below a name, page by page; so many pages at most.
    pub(super) async fn pages_of(&self, name: &str, most: usize) -> Result<Vec<ObjectMeta>> {
        let (mut objects, mut options) = (Vec::new(), PaginatedListOptions::default());
        for _ in 0..most {
            let page = self.list(name, options.clone()).await?;
            objects.extend(page.result.objects);
            options.page_token = page.page_token;
            if options.page_token.is_none() {
                break;
            }
        }
        Ok(objects)
    }

    async fn unjoined(&self, name: &str) -> Result<Vec<Unjoined>> {
        let prefix = self.path(name);
        let (mut unjoined, mut last) = (Vec::new(), Page::default());
        for _ in 0..PAGES {
            let query = [
                ("uploads", ""),
                ("prefix", prefix.as_ref()),
                ("key-marker", &last.next_key_marker),
                ("upload-id-marker", &last.next_upload_id_marker),
            ];
            // A server that forgets the marker's meaning when it is empty must not see it.
            let query: Vec<_> =
                query.into_iter().filter(|(name, value)| *name == "uploads" || !value.is_empty()).collect();
            let mut page: Page =
                quick_xml::de::from_reader(self.meters.list_parts.run(self.ask(&query)).await?.as_ref())
                    .map_err(Error::unavailable)?;
            unjoined.append(&mut page.uploads);
            if !page.is_truncated {
                break;
            }
            last = page;
        }
        Ok(unjoined)
    }

    /// Asks the bucket a question, and yields the body of a good answer.
    async fn ask(&self, query: &[(&str, &str)]) -> Result<Bytes> {
        let request = HttpRequest::new(HttpRequestBody::empty());
        let (mut head, body) = request.into_parts();
        head.uri = self.question(query).await?.parse().map_err(Error::internal)?;
        let answer = async {
            let answer = self.http.execute(HttpRequest::from_parts(head, body)).await?;
            let status = answer.status();
            Ok((status, answer.into_body().bytes().await?))
        };
        let answered: Result<_, object_store::client::HttpError> =
            timeout(DEADLINE, answer).await.map_err(Error::unavailable)?;
        match answered.map_err(Error::unavailable)? {
            (status, body) if status.is_success() => Ok(body),
            (status, body) => {
                let words = format!("S3 answered {status}: {}", String::from_utf8_lossy(&body));
                Err(Error::unavailable(words))
            }
        }
    }
}

fn key_of(name: &str) -> Option<ObjectKey> {
    name.parse::<UploadId>().ok().map(UploadId::object_key)
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment = text.parse::<jiff::Timestamp>().ok()?;
    Some(Timestamp::from_microseconds(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_parts_is_read() {
        let page: Page = quick_xml::de::from_str(
            "<?xml version=\"1.0\"?><ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">
               <Bucket>wharf</Bucket><KeyMarker></KeyMarker><UploadIdMarker/><NextKeyMarker>objects/b</NextKeyMarker>
               <NextUploadIdMarker>2</NextUploadIdMarker><MaxUploads>2</MaxUploads><IsTruncated>true</IsTruncated>
               <Upload><Key>objects/a</Key><UploadId>1</UploadId><Initiated>2026-11-10T20:48:33.000Z</Initiated></Upload>
               <Upload><Key>objects/b</Key><UploadId>2</UploadId><Owner><ID>x</ID></Owner>
                 <Initiated>2026-11-10T20:48:34.000Z</Initiated></Upload>
             </ListMultipartUploadsResult>",
        )
        .unwrap();
        let seen: Vec<_> =
            page.uploads.iter().map(|parts| (parts.key.as_str(), parts.upload_id.as_str())).collect();
        assert_eq!(seen, [("objects/a", "1"), ("objects/b", "2")]);
        assert!(
            page.is_truncated && page.next_key_marker == "objects/b" && page.next_upload_id_marker == "2"
        );
        assert_eq!(moment(&page.uploads[0].initiated).unwrap().seconds(), 1_794_343_713);
    }

    #[test]
    fn an_empty_list_is_read() {
        let page: Page = quick_xml::de::from_str("<ListMultipartUploadsResult/>").unwrap();
        assert!(page.uploads.is_empty() && !page.is_truncated);
    }
}
