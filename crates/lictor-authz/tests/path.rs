//! Is the canonical path one spelling of what Prefect reads, and nothing that can be read twice?

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use lictor_authz::{CanonicalPath, Surface, Verb, surface};
use lictor_model::Reason;
use proptest::prelude::*;

#[test]
fn escapes_of_plain_characters_are_read_as_prefect_reads_them() {
    let canonical = |raw: &str| CanonicalPath::parse(raw).unwrap().as_str().to_owned();
    assert_eq!(canonical("/%61pi/admin/%73ettings"), "/api/admin/settings");
    assert_eq!(canonical("/api/flows/name/a%20b%3b%3F%23"), "/api/flows/name/a%20b%3B%3F%23");
    assert_eq!(canonical("/api/flows/name/{a}|%c3%a9"), "/api/flows/name/%7Ba%7D%7C%C3%A9");
    assert_eq!(canonical("/"), "/");
    assert_eq!(canonical("/api/flows/"), "/api/flows/");
}

#[test]
fn paths_that_read_two_ways_are_refused() {
    for raw in [
        "//",
        "//api/x",
        "/api//x",
        "/api/x//",
        "/.",
        "/..",
        "/api/../x",
        "/api/%2e%2e/x",
        "/api/.%2E/x",
        "/a/./",
        "/api%2fx",
        "/api%2Fx",
        "/api%5cx",
        "/api\\x",
        "/api/x;a=b",
        "/api/x#y",
        "/api/x?y",
        "/api/%2561",
        "/x%00",
        "/docs%0a",
        "/x%7f",
        "/x\u{7f}",
        "/x y",
        "/é",
        "/%c0%af",
        "/%zz",
        "/%",
        "/%4",
        "/%+1",
        "/%ff",
        "/%ed%a0%80",
    ] {
        assert_eq!(CanonicalPath::parse(raw), Err(Reason::AmbiguousPath), "{raw}");
    }
    for raw in ["", "*", "api/x", "@evil/", "http://evil/x"] {
        assert_eq!(CanonicalPath::parse(raw), Err(Reason::MalformedTarget), "{raw}");
    }
}

#[test]
fn the_surface_is_found_by_whole_segments() {
    let of = |raw: &str| {
        let path = CanonicalPath::parse(raw).unwrap();
        match surface::classify(Verb::Get, &path, "/api").unwrap() {
            Surface::Api(_) => "api",
            Surface::Ours => "ours",
            Surface::Absent => "absent",
            Surface::Root(matched) => matched.operation().template,
        }
    };
    let (asset, page) = (surface::UI_ASSET.template, surface::UI_PAGE.template);
    for raw in ["/assets/a.js", "/v2/assets/b/c.js", "/v2/fonts/x.ttf", "/ico/x", "/v2/completed.svg", "/favicon.ico"] {
        assert_eq!(of(raw), asset, "{raw}");
    }
    for raw in ["/", "/v2/", "/assets", "/assets/", "/v2/runs/x.svg", "/apis/x", "/API/flows", "/lictors"] {
        assert_eq!(of(raw), page, "{raw}");
    }
    for raw in ["/api", "/api/", "/api/x.svg", "/api/assets/x", "/%61pi/flows/"] {
        assert_eq!(of(raw), "api", "{raw}");
    }
    assert_eq!((of("/lictor"), of("/lictor/x.svg"), of("/UI_SERVE_BASE")), ("ours", "ours", "absent"));
    assert_eq!(of("/docs"), surface::ROOT_DOCUMENT.template);
    let picture = CanonicalPath::parse("/completed.svg").unwrap();
    let Some(Surface::Root(matched)) = surface::classify(Verb::Get, &picture, "/api") else { panic!("no picture") };
    assert_eq!((matched.operation().template, matched.path()), (asset, "/v2/completed.svg"));
    let page = CanonicalPath::parse("/v2/").unwrap();
    assert_eq!(surface::classify(Verb::Post, &page, "/api"), None);
}

proptest! {
    #[test]
    fn the_canonical_form_is_its_own_canonical_form(raw in "/(([a-zA-Z0-9 ._~%/;é-]|%[0-9a-fA-F]{2}){0,24})") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            prop_assert_eq!(CanonicalPath::parse(path.as_str()), Ok(path.clone()));
            let text = path.as_str();
            prop_assert!(text.starts_with('/') && !text.contains("//") && text.is_ascii() && !text.contains(['\\', ';']));
            prop_assert!(!text.contains("%2F") && !text.contains("%5C") && !text.contains("%25"));
            let odd = |segment: &str| matches!(segment, "" | "." | "..") || segment.contains(['/', '\\', '%']);
            prop_assert!(!path.segments().any(|segment| odd(&segment)));
        }
    }

    #[test]
    fn two_spellings_of_one_path_are_one(name in "[a-zA-Z0-9_~!é ]{1,12}") {
        let all_escaped: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let escaped = CanonicalPath::parse(&format!("/{all_escaped}")).unwrap();
        prop_assert_eq!(escaped.as_str(), format!("/{}", lictor_authz::path::encoded(&name)));
        prop_assert_eq!(escaped.segments().collect::<Vec<_>>(), vec![name]);
    }

    #[test]
    fn no_input_stops_the_reader(raw in ".*") {
        let _ = CanonicalPath::parse(&raw);
    }
}
