//! What would break? Put in words and tables, on the page that asks before something is done.

use lictor_authn::presence::Connected;
use lictor_manage::impact::{Done, Left, Rests};
use lictor_model::Timestamp;

use super::desk::Desk;
use super::page::{Cell, Part, Table};
use super::words::{self, label, last_use, masked};
use crate::device;
use crate::when::minute;

/// So many open sockets are shown.
const MOST_SOCKETS: usize = 50;
/// What every change of access does.
pub(super) const AT_ONCE: &str = "It holds within a second, for open websockets too.";

/// Automations that go on in the name of somebody who could no longer save them.
pub(super) fn automations(left: &[Left]) -> Part {
    let row = |one: &Left| {
        vec![
            Cell::text(&one.automation.name),
            Cell::text(one.automation.workspace.as_str()),
            Cell::text(&one.automation.principal_name),
            Cell::text(&one.why),
        ]
    };
    Part::Table(Table {
        name: "Automations that would be left without a good owner".to_owned(),
        columns: ["Automation", "Workspace", "Owner", "Why"].map(str::to_owned).into(),
        rows: left.iter().map(row).collect(),
        empty: "No automation that is on record rests on it.".to_owned(),
        titled: true,
        ..Table::default()
    })
}

/// The sockets that are open now and would close, of whoever may be seen.
pub(super) fn sockets(desk: &Desk, open: &[Connected]) -> Part {
    let view = desk.web.auth.view();
    let row = |one: &Connected| {
        let owner = view.principal(&one.principal).map(|owner| owner.name.to_string()).unwrap_or_default();
        vec![
            Cell::text(owner),
            Cell::text(what(&one.path)),
            Cell::text(one.workspace.as_str()),
            Cell::text(&one.client_ip),
            Cell::text(device::describe(&one.user_agent)),
            Cell::text(minute(one.since)),
        ]
    };
    Part::Table(Table {
        name: "Websockets that are open now".to_owned(),
        columns: ["Who", "What", "Workspace", "Address", "Client", "Since"].map(str::to_owned).into(),
        rows: open.iter().take(MOST_SOCKETS).map(row).collect(),
        empty: "No websocket is open through this gateway.".to_owned(),
        titled: true,
        // What a client calls itself has no place to break.
        wide: true,
        ..Table::default()
    })
}

/// What a socket is, as people speak of it.
fn what(path: &str) -> String {
    let below = path.split_once("/api/").map_or(path, |(_, below)| below).trim_start_matches('/');
    match below.split('/').collect::<Vec<_>>().as_slice() {
        ["work_pools", pool, "workers", "connect"] => format!("a worker of the pool {pool}"),
        ["events", "in"] => "sends events".to_owned(),
        ["events", "out"] => "watches events".to_owned(),
        ["logs", "out"] => "watches logs".to_owned(),
        ["task_runs", ..] => "serves background tasks".to_owned(),
        _ => path.to_owned(),
    }
}

/// What was done lately.
pub(super) fn lately(done: &[Done]) -> Part {
    let row = |one: &Done| {
        let last = format!("{} from {}", minute(one.last), words::visible(&one.from));
        vec![Cell::code(&one.operation), Cell::text(one.times.to_string()), Cell::text(last)]
    };
    Part::Table(Table {
        name: "What was changed with it lately".to_owned(),
        columns: ["What", "Times", "Last"].map(str::to_owned).into(),
        rows: done.iter().map(row).collect(),
        empty: "Nothing is on record that was changed with it.".to_owned(),
        titled: true,
        ..Table::default()
    })
}

/// Keys, sessions and what was done with them.
pub(super) fn rests(rests: &Rests, now: Timestamp) -> Vec<Part> {
    let keys = rests.keys.iter().map(|key| {
        let row = &key.row;
        vec![
            Cell::text(label(row)),
            Cell::code(masked(row)),
            Cell::text(last_use(row)),
            Cell::text(words::key_state(row, now)),
        ]
    });
    let sessions = rests.sessions.iter().map(|session| {
        let row = &session.row;
        let seen = minute(row.last_seen_at);
        vec![Cell::text(device::describe(&row.user_agent)), Cell::text(&row.client_ip), Cell::text(seen)]
    });
    vec![
        Part::Table(Table {
            name: "Keys in use".to_owned(),
            columns: ["Key for", "Key", "Last use", "State"].map(str::to_owned).into(),
            rows: keys.collect(),
            empty: "No key is in use.".to_owned(),
            titled: true,
            ..Table::default()
        }),
        Part::Table(Table {
            name: "Sessions".to_owned(),
            columns: ["Device", "Address", "Last use"].map(str::to_owned).into(),
            rows: sessions.collect(),
            empty: "No browser is signed in.".to_owned(),
            titled: true,
            ..Table::default()
        }),
        lately(&rests.lately),
    ]
}
