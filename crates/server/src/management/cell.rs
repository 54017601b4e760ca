//! A value of the API in a cell of a table.

use serde_json::Value;

use crate::output::printable;

/// The cell of a column. What is nothing is a dash, but for what a token reaches: there it is everything its owner does.
pub(super) fn cell(column: &str, value: Option<&Value>) -> String {
    match (column, value) {
        ("access", None | Some(Value::Null)) => "as its owner".to_owned(),
        (_, None) => "-".to_owned(),
        (_, Some(value)) => written(value),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => {
            let between = if items.iter().any(Value::is_object) { " " } else { "," };
            items.iter().map(written).collect::<Vec<_>>().join(between)
        }
        Value::Object(_) => of_object(value).unwrap_or_else(|| printable(&value.to_string())),
        Value::Number(_) => value.to_string(),
    }
}

/// An object as the command line writes it: what a token reaches, and where a proxy fetches from.
fn of_object(object: &Value) -> Option<String> {
    let text = |name| object.get(name).and_then(Value::as_str).map(printable);
    if let (Some(repositories), Some(actions)) = (text("repositories"), object.get("actions")) {
        return Some(format!("{repositories}:{}", written(actions)));
    }
    text("url")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_token_reaches_is_shown_as_it_is_written() {
        let access = |value: Value| cell("access", Some(&value));
        let two = json!([
            { "repositories": "acme/app", "actions": ["pull", "push"] },
            { "repositories": "acme/lib", "actions": ["pull"] }
        ]);
        assert_eq!(access(two), "acme/app:pull,push acme/lib:pull");
        assert_eq!(access(Value::Null), "as its owner");
    }

    #[test]
    fn a_source_is_shown_by_its_address_or_its_members() {
        let upstream = json!({ "url": "https://a.example/", "protocol": "python", "username": "bob" });
        assert_eq!(cell("upstream", Some(&upstream)), "https://a.example/");
        assert_eq!(cell("members", Some(&json!(["main", "mirror"]))), "main,mirror");
        assert_eq!(cell("members", None), "-");
        assert_eq!(cell("operator", Some(&json!(true))), "yes");
        assert_eq!(cell("size", Some(&json!({ "bytes": 7 }))), r#"{"bytes":7}"#);
    }
}
