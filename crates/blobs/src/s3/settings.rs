//! `s3://bucket/prefix?endpoint=…&region=…` and the `AWS_…` variables: which bucket, and how.

use std::{str::FromStr, time::Duration};

use object_store::aws::AmazonS3ConfigKey;
use url::Url;
use wharf_core::{Error, Kind, Result, Secret};

const MEBIBYTE: u64 = 1 << 20;

/// S3 takes no smaller part, but for the last of an object.
pub(super) const SMALLEST_PART: u64 = 5 * MEBIBYTE;

/// A part is held in memory.
const LARGEST_PART: u64 = 1 << 30;

/// How long a client may follow a redirect, unless told otherwise …
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// … and how long at most, which is S3's own limit.
const LONGEST_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// The variables that say who we are and where; all others are left alone, so that none changes how objects are kept.
const VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
];

/// Which bucket, and how objects are kept in it.
#[derive(Clone, Debug)]
pub struct S3Settings {
    pub(super) bucket: String,
    /// Without slashes at its ends; may be empty.
    pub(super) prefix: String,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) style: Style,
    pub(super) part_size: u64,
    pub(super) encryption: Option<Encryption>,
    pub(super) redirect: Option<Redirect>,
    pub(super) variables: Vec<(AmazonS3ConfigKey, Secret<String>)>,
}

/// Where a bucket stands in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `https://endpoint/bucket/key`
    Path,
    /// `https://bucket.endpoint/key`
    VirtualHost,
}

/// Who encrypts objects, if the bucket's own default is not wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// SSE-S3.
    Aes256,
    /// SSE-KMS, with this key or the account's own.
    Kms(Option<String>),
}

/// That clients are sent to the store for bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) lifetime: Duration,
    /// Where clients reach the store, if not where we do.
    pub(super) endpoint: Option<String>,
}

impl S3Settings {
    /// Reads a storage URL, and what it needs of the environment.
    ///
    /// # Errors
    /// `Invalid` in words, without any value.
    pub fn parse(url: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let url = Url::parse(url).map_err(|_| wrong("it must look like s3://bucket/prefix?region=…"))?;
        if url.scheme() != "s3" || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "it must begin with s3:// and the bucket; keys come from AWS_ACCESS_KEY_ID and its kin",
            ));
        }
        let mut parameters = Parameters::of(&url)?;
        let endpoint = parameters.take("endpoint", endpoint)?;
        let region = parameters.take("region", |text| Some(text.to_owned()))?;
        let path_style = parameters.take("path_style", switch)?;
        let settings = Self {
            bucket: bucket(&url)?,
            prefix: prefix(&url)?,
            // A server of one's own rarely has a name for each bucket; Amazon wants no other.
            style: if path_style.unwrap_or(endpoint.is_some()) { Style::Path } else { Style::VirtualHost },
            part_size: parameters.take("part_size", part_size)?.unwrap_or(SMALLEST_PART),
            encryption: encryption(&mut parameters)?,
            redirect: redirect(&mut parameters, endpoint.as_deref())?,
            endpoint,
            region,
            variables: known(variables),
        };
        parameters.expect_none_left()?;
        Ok(settings)
    }

    /// How long a link that clients are given may be followed, if they are given any.
    pub fn redirect_lifetime(&self) -> Option<Duration> {
        self.redirect.as_ref().map(|redirect| redirect.lifetime)
    }
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, format!("the storage URL is wrong: {what}"))
}

/// The query of the URL, taken apart.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(url: &Url) -> Result<Self> {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.array_windows().find(|[one, next]| one == next) {
            Some([twice, _]) => Err(wrong(format_args!("{twice} stands in it twice"))),
            None => Ok(Self(pairs)),
        }
    }

    fn take<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(index) = self.0.iter().position(|(one, _)| one == name) else { return Ok(None) };
        let (_, value) = self.0.swap_remove(index);
        let bad = || wrong(format_args!("{name} must be {}", expected(name)));
        parse(&value).map(Some).ok_or_else(bad)
    }

    fn expect_none_left(&self) -> Result<()> {
        match self.0.first() {
            Some((name, _)) => Err(wrong(format_args!("there is no parameter {name}"))),
            None => Ok(()),
        }
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "endpoint" | "public_endpoint" => "http://host[:port] or https://host[:port]",
        "path_style" => "true or false",
        "part_size" => "between 5MiB and 1GiB, as a number of bytes or with MiB or GiB",
        "sse" => "AES256 or aws:kms",
        "redirect" => "on or off",
        "redirect_lifetime" => "a time like 90s, 5m, 2h or 7d, which is the longest",
        _ => "a text",
    }
}

fn known(variables: impl IntoIterator<Item = (String, String)>) -> Vec<(AmazonS3ConfigKey, Secret<String>)> {
    let ours =
        variables.into_iter().filter(|(name, value)| VARIABLES.contains(&name.as_str()) && !value.is_empty());
    ours.filter_map(|(name, value)| {
        let key = AmazonS3ConfigKey::from_str(&name.to_ascii_lowercase()).ok()?;
        Some((key, Secret::new(value)))
    })
    .collect()
}

fn bucket(url: &Url) -> Result<String> {
    let bucket = url.host_str().unwrap_or_default();
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-._".contains(&c);
    match (3..=63).contains(&bucket.len()) && bucket.bytes().all(plain) && url.port().is_none() {
        true => Ok(bucket.to_owned()),
        false => Err(wrong("a bucket has 3 to 63 lower-case letters, digits, dots and hyphens")),
    }
}

/// Plain enough that no server spells it in another way.
fn prefix(url: &Url) -> Result<String> {
    let prefix = url.path().trim_matches('/');
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_./".contains(&c);
    let steps = |step: &str| !step.is_empty() && step.bytes().any(|c| c != b'.');
    match prefix.is_empty() || (prefix.bytes().all(plain) && prefix.split('/').all(steps)) {
        true => Ok(prefix.to_owned()),
        false => {
            Err(wrong("the prefix may hold letters, digits, hyphens, underscores, dots and single slashes"))
        }
    }
}

fn endpoint(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let spoken = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    (bare && spoken && url.password().is_none()).then(|| url.as_str().trim_end_matches('/').to_owned())
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

fn part_size(text: &str) -> Option<u64> {
    let (number, unit) = match (text.strip_suffix("MiB"), text.strip_suffix("GiB")) {
        (Some(number), _) => (number, MEBIBYTE),
        (_, Some(number)) => (number, MEBIBYTE << 10),
        _ => (text, 1),
    };
    let bytes = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (SMALLEST_PART..=LARGEST_PART).contains(&bytes).then_some(bytes)
}

fn encryption(parameters: &mut Parameters) -> Result<Option<Encryption>> {
    let key = parameters.take("kms_key", |text| Some(text.to_owned()))?;
    let kind = parameters.take("sse", |text| match text {
        "AES256" => Some(Encryption::Aes256),
        "aws:kms" => Some(Encryption::Kms(None)),
        _ => None,
    })?;
    match (kind, key) {
        (Some(Encryption::Kms(_)), key) => Ok(Some(Encryption::Kms(key))),
        (_, Some(_)) => Err(wrong("kms_key goes with sse=aws:kms")),
        (kind, None) => Ok(kind),
    }
}

/// Clients reach Amazon, and a public endpoint. Whether they reach an endpoint that we were given for ourselves nobody
/// knows: then it takes a word.
fn redirect(parameters: &mut Parameters, ours: Option<&str>) -> Result<Option<Redirect>> {
    let wanted = parameters.take("redirect", switch)?;
    let lifetime = parameters.take("redirect_lifetime", lifetime)?.unwrap_or(LIFETIME);
    let endpoint = parameters.take("public_endpoint", endpoint)?;
    let reachable = endpoint.is_some() || ours.is_none();
    Ok(wanted.unwrap_or(reachable).then_some(Redirect { lifetime, endpoint }))
}

fn lifetime(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    let lifetime = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?);
    (Duration::from_secs(1)..=LONGEST_LIFETIME).contains(&lifetime).then_some(lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<S3Settings> {
        S3Settings::parse(url, [])
    }

    #[test]
    fn a_bucket_at_amazon_needs_no_more_than_its_name() {
        let settings = parse("s3://acme-registry").unwrap();
        assert_eq!((settings.bucket.as_str(), settings.prefix.as_str()), ("acme-registry", ""));
        assert_eq!((settings.style, settings.part_size), (Style::VirtualHost, 5 << 20));
        assert_eq!(settings.redirect, Some(Redirect { lifetime: LIFETIME, endpoint: None }));
    }

    #[test]
    fn a_server_of_ones_own_is_spoken_to_by_path_and_hidden_from_clients() {
        let settings = parse("s3://wharf/a/b/?endpoint=http://minio:9000/&part_size=16MiB").unwrap();
        assert_eq!(settings.endpoint.as_deref(), Some("http://minio:9000"));
        assert_eq!((settings.prefix.as_str(), settings.style), ("a/b", Style::Path));
        assert_eq!((settings.part_size, settings.redirect), (16 << 20, None));
    }

    #[test]
    fn clients_are_sent_where_they_reach_the_store() {
        let of =
            |query: &str| parse(&format!("s3://wharf?endpoint=http://minio:9000{query}")).unwrap().redirect;
        let minute = Duration::from_secs(60);
        assert_eq!(
            of("&redirect=on&redirect_lifetime=1m"),
            Some(Redirect { lifetime: minute, endpoint: None })
        );
        let public = Some("https://s3.example".to_owned());
        assert_eq!(
            of("&public_endpoint=https://s3.example"),
            Some(Redirect { lifetime: LIFETIME, endpoint: public })
        );
        assert_eq!(of("&public_endpoint=https://s3.example&redirect=off"), None);
    }

    #[test]
    fn encryption_is_set_by_two_words() {
        assert_eq!(parse("s3://wharf?sse=AES256").unwrap().encryption, Some(Encryption::Aes256));
        let kms = parse("s3://wharf?sse=aws:kms&kms_key=alias/one").unwrap().encryption;
        assert_eq!(kms, Some(Encryption::Kms(Some("alias/one".to_owned()))));
        assert!(parse("s3://wharf?kms_key=one").is_err());
    }

    #[test]
    fn a_mistake_is_named_and_no_value_told() {
        for (url, word) in [
            ("acme", "s3://"),
            ("s3:/x", "bucket"),
            ("https://bucket", "s3://"),
            ("s3://me:hunter2@bucket", "AWS_ACCESS_KEY_ID"),
            ("s3://ab", "bucket"),
            ("s3://bucket:9000", "bucket"),
            ("s3://Bucket", "bucket"),
            ("s3://bucket/a//b", "prefix"),
            ("s3://bucket/a%20b", "prefix"),
            ("s3://bucket/../b/.../c", "prefix"),
            ("s3://bucket?secret_key=hunter2", "no parameter secret_key"),
            ("s3://bucket?region=a&region=b", "twice"),
            ("s3://bucket?endpoint=minio:9000", "endpoint must be"),
            ("s3://bucket?endpoint=http://me:hunter2@minio", "endpoint must be"),
            ("s3://bucket?endpoint=http://minio/path", "endpoint must be"),
            ("s3://bucket?part_size=4MiB", "part_size must be"),
            ("s3://bucket?part_size=2GiB", "part_size must be"),
            ("s3://bucket?sse=aes", "sse must be"),
            ("s3://bucket?redirect=maybe", "redirect must be"),
            ("s3://bucket?redirect_lifetime=8d", "redirect_lifetime must be"),
            ("s3://bucket?redirect_lifetime=0s", "redirect_lifetime must be"),
        ] {
            let message = parse(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(word) && !message.contains("hunter2"), "{url}: {message}");
        }
    }

    #[test]
    fn of_the_environment_only_keys_and_places_count_and_none_prints() {
        let variables = [
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_REGION", "eu-north-1"),
            ("AWS_SKIP_SIGNATURE", "true"),
            ("AWS_SESSION_TOKEN", ""),
            ("PATH", "/bin"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = S3Settings::parse("s3://wharf", variables).unwrap();
        let names: Vec<_> = settings.variables.iter().map(|(key, _)| key.as_ref()).collect();
        assert_eq!(names, ["aws_secret_access_key", "aws_region"]);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
