//! Is a request under the public URL's path read in one way, and is nothing else taken to be under it?

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use lictor_authz::{BasePath, CanonicalPath};
use lictor_model::Reason;
use proptest::prelude::*;

fn prefect() -> BasePath {
    BasePath::parse("/prefect/").unwrap()
}

#[test]
fn a_prefix_is_plain_and_nothing_that_is_at_the_root_already() {
    for (written, read) in
        [("", ""), ("/", ""), ("/prefect", "/prefect"), ("/a/b-1/", "/a/b-1"), ("/tools/api", "/tools/api")]
    {
        assert_eq!(BasePath::parse(written).unwrap().as_str(), read, "{written:?}");
    }
    let long = format!("/{}", "x".repeat(64));
    for wrong in [
        "prefect",
        "//",
        "/a//b",
        "/a//",
        "/./a",
        "/a/..",
        "/%61",
        "/a b",
        "/a;b",
        "/\u{e4}",
        "/a\\b",
        "/a~",
        "/a:b",
        &long,
        "/api",
        "/API/x",
        "/lictor/",
        "/v2",
        "/a/v2",
        "/runs",
        "/assets/x",
        "/ui-settings",
        "/docs",
    ] {
        assert!(BasePath::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_prefix_is_taken_off_once_and_what_came_without_it_was_stripped_before() {
    for (raw, read) in [
        ("/prefect", "/"),
        ("/prefect/", "/"),
        ("/prefect/api/flows/", "/api/flows/"),
        ("/prefect/%61pi/x", "/api/x"),
        ("/prefect/prefect/x", "/prefect/x"),
        ("/api/flows/", "/api/flows/"),
        ("/", "/"),
        ("/prefectx/api", "/prefectx/api"),
        ("/PREFECT/api", "/PREFECT/api"),
        ("/api/prefect/x", "/api/prefect/x"),
    ] {
        assert_eq!(prefect().strip(raw).unwrap().as_str(), read, "{raw}");
    }
}

#[test]
fn what_two_readers_could_take_for_inside_or_outside_is_refused() {
    for raw in [
        "/%70refect/api/x",
        "/prefec%74",
        "/prefect//api/x",
        "//prefect/api/x",
        "/prefect%2fapi",
        "/prefect/../api/x",
        "/x/../prefect/api",
        "/prefect/%2e%2e/api",
        "/./prefect/api",
        "/prefect\\api",
        "/prefect;x/api",
        "/prefect%5capi",
        "/prefect%00/api",
        "/prefect/.",
        "/prefect/api//",
    ] {
        assert_eq!(prefect().strip(raw), Err(Reason::AmbiguousPath), "{raw}");
    }
}

#[test]
fn a_refused_target_is_come_back_to_without_the_prefix() {
    for (raw, read) in [
        ("/prefect", "/"),
        ("/prefect?a=1", "/?a=1"),
        ("/prefect/v2/runs?a=/prefect/", "/v2/runs?a=/prefect/"),
        ("/prefectx", "/prefectx"),
        ("/v2/", "/v2/"),
        ("*", "*"),
    ] {
        assert_eq!(prefect().strip_refused(raw), read, "{raw}");
    }
    assert_eq!(BasePath::default().strip_refused("/v2/?a"), "/v2/?a");
}

/// Near misses are the interesting ones: pieces of the prefix, escapes of its letters, slashes, dots.
fn paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just("prefect".to_owned()),
        Just("/prefect".to_owned()),
        Just("%70refect".to_owned()),
        Just("prefec%74".to_owned()),
        Just("api".to_owned()),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("%2f".to_owned()),
        Just("%2e".to_owned()),
        Just("%5c".to_owned()),
        "[a-z%;\\\\~]{0,3}",
    ];
    prop::collection::vec(piece, 0..7).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn only_what_begins_with_the_prefix_as_it_is_written_is_read_as_inside(raw in paths()) {
        let inside = raw == "/prefect" || raw.starts_with("/prefect/");
        match prefect().strip(&raw) {
            Ok(read) if inside => {
                // What Prefect will see, put under the prefix again, is what was sent.
                let again = if read.as_str() == "/" && !raw.ends_with('/') { "/prefect".to_owned() } else { prefect().prepended(read.as_str()) };
                prop_assert_eq!(CanonicalPath::parse(&again), CanonicalPath::parse(&raw));
            }
            Ok(read) => {
                prop_assert_eq!(Ok(read.clone()), CanonicalPath::parse(&raw));
                prop_assert!(read.below("/prefect").is_none(), "{} was read as outside", raw);
            }
            Err(reason) => prop_assert!(reason == Reason::AmbiguousPath),
        }
    }

    #[test]
    fn what_is_read_is_canonical_and_so_is_read_by_nobody_else_in_another_way(raw in paths()) {
        if let Ok(read) = prefect().strip(&raw) {
            prop_assert_eq!(CanonicalPath::parse(read.as_str()), Ok(read.clone()));
        }
    }

    #[test]
    fn without_a_prefix_nothing_changes(raw in paths()) {
        prop_assert_eq!(BasePath::default().strip(&raw), CanonicalPath::parse(&raw));
    }
}
