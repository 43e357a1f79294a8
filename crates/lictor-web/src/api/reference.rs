//! Which operations has the admin API? The reference page, made from its own description.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{PATH, description};

/// `docs/reference/admin-api.md`, whole.
#[must_use]
pub fn markdown() -> String {
    let mut page = format!(
        "# Admin API\n\n\
         Every operation under `{PATH}`, by what it is about. Fields, limits and answers are in the description that the gateway serves at\n\
         `{PATH}/openapi.json` (OpenAPI 3.1). This page is made from the program; a test keeps the two equal.\n"
    );
    let described = description();
    let mut by_tag: BTreeMap<String, Vec<(String, String, String)>> = BTreeMap::new();
    for (path, item) in &described.paths.paths {
        let operations = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations.into_iter().filter_map(|(method, one)| Some((method, one.as_ref()?))) {
            let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
            let summary = operation.summary.clone().unwrap_or_default();
            let below = path.strip_prefix(PATH).unwrap_or(path).to_owned();
            by_tag.entry(tag).or_default().push((below, method.to_owned(), summary.replace('|', "\\|")));
        }
    }
    for (tag, operations) in by_tag {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "\n## {tag}\n\n| Operation | Does |\n|---|---|");
        for (path, method, summary) in operations {
            let _ = writeln!(page, "| `{method} {path}` | {summary} |");
        }
    }
    page
}

#[cfg(test)]
mod unit {
    #[test]
    fn the_reference_page_of_the_admin_api_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/admin-api.md");
        if std::env::var_os("LICTOR_WRITE_DOCS").is_some() {
            std::fs::write(path, super::markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, super::markdown(), "run again with LICTOR_WRITE_DOCS=1");
    }
}
