//! What does a page of Prefect's UI get from us? One script, before all of its own, and links that keep to the public URL's prefix.

use bytes::Bytes;
use lictor_authz::BasePath;

use super::prefix::{Kind, Linker};

/// Larger than any page of Prefect's, which are empty shells of some 10 KiB.
pub(crate) const LARGEST: usize = 1024 * 1024;
/// Ours is asked for anew when the program is another one.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The page with our script first in its head; one without a head, which is none of Prefect's UIs, stays as it is.
///
/// The script is ours, and so it is below the public URL's path; a workspace's own prefix, if it has one, is told to it. Under a
/// prefix, UI v1 also learns from `<base>` where it is, as its router expects; UI v2 sees it in its own address.
pub(crate) fn with_script(page: &[u8], path: &str, base: &BasePath, root: &BasePath) -> Bytes {
    let prefix = base.as_str();
    let is_v2 = path == "/v2" || path.starts_with("/v2/");
    let workspace = match root.off(prefix) {
        "" => String::new(),
        own => format!(" data-workspace=\"{own}\""),
    };
    let mut ours = format!("<script src=\"{}/lictor/ui.js?v={VERSION}\"{workspace}></script>", root.as_str());
    let linked = if base.is_root() {
        page.to_vec()
    } else {
        if !is_v2 {
            ours.push_str(&format!("<base href=\"{prefix}/\">"));
        }
        Linker::whole(Kind::Html, prefix, page)
    };
    let Some((before, after)) = in_head(&linked).and_then(|at| linked.split_at_checked(at)) else {
        return Bytes::from(linked);
    };
    Bytes::from([before, ours.as_bytes(), after].concat())
}

/// Where the first child of `<head>` begins.
fn in_head(page: &[u8]) -> Option<usize> {
    let named = page.windows(6).position(|six| {
        six.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<head"))
            && six.last().is_some_and(|next| *next == b'>' || next.is_ascii_whitespace())
    })?;
    let end = page.get(named..)?.iter().position(|byte| *byte == b'>')?;
    Some(named + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(page: &str, path: &str, base: &str) -> String {
        dressed_in(page, path, base, base)
    }

    fn dressed_in(page: &str, path: &str, base: &str, root: &str) -> String {
        let [base, root] = [base, root].map(|path| BasePath::parse(path).unwrap());
        let dressed = with_script(page.as_bytes(), path, &base, &root);
        String::from_utf8(dressed.to_vec()).unwrap().replace(VERSION, "1")
    }

    #[test]
    fn our_script_is_the_first_thing_in_the_head() {
        let page = "<!DOCTYPE html><html><header></header><HEAD lang=\"en\"><script src=\"/v2/a.js\"></script></HEAD>";
        assert_eq!(
            dressed(page, "/v2/runs", ""),
            "<!DOCTYPE html><html><header></header><HEAD lang=\"en\"><script src=\"/lictor/ui.js?v=1\"></script><script src=\"/v2/a.js\"></script></HEAD>"
        );
        assert_eq!(dressed("<p>no head", "/v2/", ""), "<p>no head");
    }

    #[test]
    fn under_a_prefix_links_keep_to_it_and_only_ui_v1_is_told_its_base() {
        let page = "<head><link href=\"/ico/a.png\"></head>";
        let ours = "<script src=\"/prefect/lictor/ui.js?v=1\"></script>";
        let link = "<link href=\"/prefect/ico/a.png\"></head>";
        assert_eq!(dressed(page, "/v2/", "/prefect/"), format!("<head>{ours}{link}"));
        assert_eq!(dressed(page, "/runs", "/prefect/"), format!("<head>{ours}<base href=\"/prefect/\">{link}"));
    }

    #[test]
    fn a_workspace_under_a_prefix_of_its_own_shares_the_script_and_tells_it_where_it_is() {
        for (root, ours) in [("", "/lictor"), ("/tools", "/tools/lictor")] {
            let page = dressed_in("<head></head>", "/v2/", &format!("{root}/team-a"), root);
            assert_eq!(
                page,
                format!("<head><script src=\"{ours}/ui.js?v=1\" data-workspace=\"/team-a\"></script></head>")
            );
        }
    }
}
