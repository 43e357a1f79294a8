//! Where is the next page of events? At our own address, whatever Prefect took it for.
//!
//! Prefect builds the absolute `next_page` from Host and scheme (`server/api/events.py`), believes `X-Forwarded-Proto` only from
//! loopback, and its clients follow the link with their credential: behind TLS it would lead to plain HTTP.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use lictor_authz::PayloadView;

use crate::websocket::mask_payloads;

/// The operations whose answer has a `next_page`.
pub(crate) const OPERATIONS: [&str; 2] = ["POST /events/filter", FOLLOWING];
/// Asks with nothing but such a link.
pub(crate) const FOLLOWING: &str = "GET /events/filter/next";

/// Puts our own scheme, host and path into the body's `next_page`; every other byte of a value stays as it is.
///
/// `outside` says how the caller spells a path of Prefect's.
/// `seal` makes of the link's query one that only this caller can use; payloads that the caller may not see are left out.
/// `None` when the body is not what it should be.
#[must_use]
pub(crate) fn rewrite(
    body: &[u8],
    outside: impl FnOnce(&str) -> String,
    payloads: PayloadView,
    seal: impl FnOnce(&str) -> Option<String>,
) -> Option<Bytes> {
    let mut page: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
    if !payloads.shows_all()
        && let Some(events) = page.get_mut("events")
    {
        let mut listed: Vec<Value> = serde_json::from_str(events.get()).ok()?;
        listed.iter_mut().for_each(|event| mask_payloads(event, payloads));
        *events = serde_json::value::to_raw_value(&listed).ok()?;
    }
    if let Some(link) = page.get("next_page").and_then(|link| serde_json::from_str::<String>(link.get()).ok()) {
        let (_, rest) = link.split_once("://")?;
        let path = rest.get(rest.find('/')?..)?;
        let (path, query) = path.split_once('?')?;
        let ours = serde_json::value::to_raw_value(&format!("{}?{}", outside(path), seal(query)?)).ok()?;
        page.insert("next_page".to_owned(), ours);
    }
    serde_json::to_vec(&page).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use lictor_model::PermissionSet;

    use super::*;

    const ALL: PayloadView = PayloadView::of(PermissionSet::all());

    #[test]
    fn the_link_leads_to_us_and_nothing_else_changes() {
        let body = br#"{"events":[{"n":1.50}],"next_page":"http://10.0.0.9:4200/api/events/filter/next?page-token=a","total":3}"#;
        let rewritten =
            rewrite(body, |path| format!("https://gate.example{path}"), ALL, |query| Some(query.to_owned())).unwrap();
        let expected: &[u8] = br#"{"events":[{"n":1.50}],"next_page":"https://gate.example/api/events/filter/next?page-token=a","total":3}"#;
        assert_eq!(&rewritten[..], expected);
        assert_eq!(
            &rewrite(br#"{"events":[],"next_page":null}"#, str::to_owned, ALL, |_| None).unwrap()[..],
            br#"{"events":[],"next_page":null}"#
        );
        assert_eq!(rewrite(b"[]", str::to_owned, ALL, |_| None), None);
    }
}
