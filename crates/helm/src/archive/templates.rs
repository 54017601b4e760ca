//! The templates of a packaged chart, with their text: what ChartMuseum tells of a version. They are read when somebody
//! asks, and kept nowhere.

use std::io::Read;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;
use wharf_registry::format::Refusal;

use super::{LARGEST_PACKAGED, broken, walk, wanted};

/// The most bytes that all templates have together.
const LARGEST: u64 = 8 * 1024 * 1024;
/// Where they lie below the chart's folder.
const FOLDER: &str = "templates/";

/// The templates of a chart, in the order of the package.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Templates(Vec<Template>);

/// A template, as Helm writes files in JSON.
#[derive(Debug, Serialize)]
struct Template {
    /// Its path below the chart's folder.
    name: String,
    /// Its bytes, in base64.
    data: String,
}

impl Templates {
    /// Reads those of a packaged chart of so many bytes.
    pub(crate) fn read(packaged: impl Read, size: u64) -> Result<Self, Refusal> {
        if size > LARGEST_PACKAGED {
            return Err(Refusal::new("the packaged chart is larger than 32 MiB"));
        }
        let (mut templates, mut left) = (Vec::new(), LARGEST);
        walk(packaged, |name, entry| {
            let Some(name) = template(name)? else { return Ok(()) };
            let mut bytes = Vec::new();
            entry.take(left + 1).read_to_end(&mut bytes).map_err(broken)?;
            let too_large = || Refusal::new("the templates of the chart are larger than 8 MiB");
            left = left.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
            templates.push(Template { name, data: BASE64_STANDARD.encode(bytes) });
            Ok(())
        })?;
        Ok(Self(templates))
    }
}

/// The path of a template of the chart itself; none of what is no such.
fn template(name: &[u8]) -> Result<Option<String>, Refusal> {
    // What could mean two is refused.
    wanted(name)?;
    let below = str::from_utf8(name).ok().and_then(|name| name.split_once('/')).map(|(_folder, rest)| rest);
    Ok(below.filter(|path| path.starts_with(FOLDER)).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;
    use tar::{Builder, Header};

    use super::*;

    fn packaged(files: &[(&str, usize)]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, size) in files {
            let mut header = Header::new_gnu();
            header.set_size(*size as u64);
            builder.append_data(&mut header, path, &vec![b'x'; *size][..]).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn read(files: &[(&str, usize)]) -> Result<Templates, Refusal> {
        Templates::read(&packaged(files)[..], 0)
    }

    #[test]
    fn templates_of_the_chart_are_told_and_those_of_others_are_not() {
        let files = [
            ("app/Chart.yaml", 1),
            ("app/templates/NOTES.txt", 3),
            ("app/templates/tests/one.yaml", 0),
            ("app/charts/other/templates/two.yaml", 1),
        ];
        let told = json!([
            { "name": "templates/NOTES.txt", "data": "eHh4" }, { "name": "templates/tests/one.yaml", "data": "" },
        ]);
        assert_eq!(json!(read(&files).unwrap()), told);
        assert_eq!(json!(read(&files[..1]).unwrap()), json!([]));
    }

    #[test]
    fn templates_that_are_too_large_together_are_refused() {
        let half = LARGEST as usize / 2;
        assert!(read(&[("app/templates/a", half), ("app/templates/b", half)]).is_ok());
        let refused = read(&[("app/templates/a", half), ("app/templates/b", half + 1)]).unwrap_err();
        assert!(refused.to_string().contains("larger than 8 MiB"));
        assert!(Templates::read(&[][..], LARGEST_PACKAGED + 1).is_err());
    }
}
