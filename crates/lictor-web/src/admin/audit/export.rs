//! How does the record get into other programs? As lines of JSON or of comma-separated values, sent as they are read.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};
use lictor_manage::{LARGEST_PAGE, ManageError, written};
use lictor_model::{AuditEvent, EventId};
use lictor_store::AuditFilter;

use super::{asked, permit};
use crate::admin::desk::Desk;
use crate::answer::{self, Early};

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Jsonl,
}

/// What is still to be read.
enum Rest {
    Header,
    Page(Option<EventId>),
    Nothing,
}

/// `GET /lictor/admin/audit/export?format=csv`
pub(in super::super) async fn export(desk: Desk) -> Result<Response, Early> {
    permit(&desk).map_err(|error| desk.refuse(&error))?;
    let format = match desk.asked("format") {
        "csv" => Format::Csv,
        "jsonl" => Format::Jsonl,
        _ => return Err(desk.missing("The record is exported as csv or as jsonl.")),
    };
    let (_, Some(filter)) = asked(&desk) else {
        return Err(desk.missing("Write moments as 2027-01-31T08:00, in UTC."));
    };
    let filter = AuditFilter { limit: LARGEST_PAGE, ..filter };
    let desk = Arc::new(desk);
    let rows = stream::try_unfold(Rest::Header, move |rest| next(Arc::clone(&desk), filter.clone(), format, rest));
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"lictor-audit.csv\""),
        Format::Jsonl => ("application/jsonl", "attachment; filename=\"lictor-audit.jsonl\""),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    let mut response = (StatusCode::OK, headers, Body::from_stream(rows)).into_response();
    answer::seal(response.headers_mut());
    Ok(response)
}

/// A page of the record, if they still may; an error ends the answer where it is, so that it cannot pass for all of it.
async fn next(
    desk: Arc<Desk>,
    filter: AuditFilter,
    format: Format,
    rest: Rest,
) -> Result<Option<(Bytes, Rest)>, ManageError> {
    let before = match rest {
        Rest::Header if format == Format::Csv => {
            return Ok(Some((Bytes::from_static(written::HEADER.as_bytes()), Rest::Page(None))));
        }
        Rest::Header => None,
        Rest::Page(before) => before,
        Rest::Nothing => return Ok(None),
    };
    let page = desk.admin_now()?.audit(AuditFilter { before, ..filter }).await?;
    let lines: String = page.events.iter().map(|event| line(event, format)).collect();
    let rest = page.next.map_or(Rest::Nothing, |next| Rest::Page(Some(next)));
    Ok(Some((Bytes::from(lines), rest)))
}

fn line(event: &AuditEvent, format: Format) -> String {
    match format {
        Format::Csv => written::as_line(event),
        Format::Jsonl => format!("{}\n", written::as_json(event)),
    }
}
