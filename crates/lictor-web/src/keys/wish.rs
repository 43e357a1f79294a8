//! What key does the form ask for? Its label, its end and its limits, or what is wrong with them.

use ipnet::IpNet;
use lictor_manage::text;
use lictor_model::{Narrowing, Permission, PermissionSet, Timestamp, WorkspaceName};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Time};

use crate::form::Sent;

/// A choice of an end, and what it is called.
pub(crate) type Choice = (&'static str, &'static str);
/// The choices of an end.
pub(crate) const EXPIRIES: &[Choice] = &[
    ("30d", "in 30 days"),
    ("90d", "in 90 days"),
    ("365d", "in a year"),
    ("date", "on a date of your own"),
    ("never", "never"),
];
/// The same for keys that a program is given without being seen to: these end.
pub(crate) const SOON: &[Choice] =
    &[("1d", "in a day"), ("30d", "in 30 days"), ("90d", "in 90 days"), ("date", "on a date of your own")];
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The form as it was filled in, and what it makes.
pub(crate) struct Wish {
    pub(crate) label: String,
    pub(crate) expires: &'static str,
    pub(crate) until: String,
    pub(crate) read_only: bool,
    pub(crate) workspace: String,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) narrowing: Option<Narrowing>,
    pub(crate) problems: Problems,
}

/// Which field is wrong, and how.
#[derive(Default)]
pub(crate) struct Problems {
    pub(crate) whole: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) workspace: Option<String>,
    pub(crate) permissions: Option<String>,
    pub(crate) networks: Option<String>,
}

impl Problems {
    pub(crate) fn is_none(&self) -> bool {
        let all = [&self.whole, &self.label, &self.expires, &self.workspace, &self.permissions, &self.networks];
        all.into_iter().all(Option::is_none)
    }
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            label: String::new(),
            expires: "90d",
            until: String::new(),
            read_only: false,
            workspace: String::new(),
            ends_at: None,
            narrowing: None,
            problems: Problems::default(),
        }
    }
}

impl Wish {
    /// Reads the form, with the choices of an end that it had.
    pub(crate) fn read(sent: &Sent, choices: &[Choice], workspaces: &[WorkspaceName], now: Timestamp) -> Self {
        let mut wish = Self {
            label: sent.field("label").trim().to_owned(),
            until: sent.field("until").to_owned(),
            read_only: !sent.field("read_only").is_empty(),
            workspace: sent.field("workspace").to_owned(),
            ..Self::default()
        };
        wish.problems.label = label_problem(&wish.label);
        match choices.iter().find(|(choice, _)| *choice == sent.field("expires")) {
            Some((choice, _)) => {
                wish.expires = choice;
                match ends_at(choice, &wish.until, now) {
                    Ok(end) => wish.ends_at = end,
                    Err(problem) => wish.problems.expires = Some(problem.to_owned()),
                }
            }
            None => wish.problems.expires = Some("Choose when the key ends.".to_owned()),
        }
        let workspace = workspaces.iter().find(|workspace| workspace.as_str() == wish.workspace).cloned();
        if workspace.is_none() && !wish.workspace.is_empty() {
            wish.problems.workspace = Some("There is no such workspace here.".to_owned());
        }
        // Only the form of an administrator has these; where they are not sent, nothing is limited by them.
        let permissions = wish.problems.permissions_of(sent.field("permissions"));
        let networks = wish.problems.networks_of(sent.field("networks"));
        let work_pools = listed(sent.field("work_pools")).map(str::to_owned).collect();
        let narrowing = Narrowing { permissions, read_only: wish.read_only, workspace, work_pools, networks };
        wish.narrowing = (!narrowing.is_none()).then_some(narrowing);
        wish
    }
}

impl Problems {
    fn permissions_of(&mut self, text: &str) -> Option<PermissionSet> {
        let names = listed(text).map(|name| Permission::parse(name).ok_or(name));
        match names.collect::<Result<PermissionSet, &str>>() {
            Ok(permissions) => Some(permissions).filter(|permissions| !permissions.is_empty()),
            Err(name) => {
                self.permissions = Some(format!("There is no permission {name:?}: the page Roles lists them all."));
                None
            }
        }
    }

    fn networks_of(&mut self, text: &str) -> Vec<IpNet> {
        let networks = listed(text).map(|text| Narrowing::parse_network(text).map_err(|_| text));
        networks.collect::<Result<_, &str>>().unwrap_or_else(|text| {
            self.networks = Some(format!("{text:?} is no network: write it as 10.0.0.0/8."));
            Vec::new()
        })
    }
}

/// What stands between commas.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty())
}

fn label_problem(label: &str) -> Option<String> {
    if label.is_empty() {
        Some("Say what the key is for: you will want to know when you revoke it.".to_owned())
    } else if !text::is_line(label, text::LABEL) {
        Some(format!("Use at most {} characters that show, in one line.", text::LABEL))
    } else {
        None
    }
}

/// When a key of that choice ends; a date lasts until its own end.
fn ends_at(choice: &str, until: &str, now: Timestamp) -> Result<Option<Timestamp>, &'static str> {
    if let Some(days) = choice.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()) {
        return Ok(Some(now.plus_seconds(days * 86_400)));
    }
    if choice == "never" {
        return Ok(None);
    }
    let date = Date::parse(until, DATE).map_err(|_| "Write the date as 2027-01-31.")?;
    let end = date.next_day().map(|next| next.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp());
    let end = end.and_then(|seconds| seconds.checked_mul(1_000_000)).map(Timestamp::from_micros);
    match end {
        Some(end) if end > now => Ok(Some(end)),
        _ => Err("This day is over: choose one that is to come."),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    /// 2027-01-15 08:00 UTC
    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    #[test]
    fn a_key_ends_after_days_at_the_end_of_a_date_or_never() {
        assert_eq!(ends_at("30d", "", NOW), Ok(Some(NOW.plus_seconds(30 * 86_400))));
        assert_eq!(ends_at("never", "2027-01-31", NOW), Ok(None));
        let end = |until| ends_at("date", until, NOW).unwrap().unwrap().to_rfc3339();
        assert_eq!(end("2027-01-31"), "2027-02-01T00:00:00.000000Z");
        assert_eq!(end("2027-01-15"), "2027-01-16T00:00:00.000000Z", "today is not over");
        for until in ["", "2027-01-14", "0001-01-01", "2027-02-30", "31.01.2027", "9999-12-31T", "+99999-01-01"] {
            assert!(ends_at("date", until, NOW).is_err(), "{until}");
        }
    }

    #[test]
    fn a_label_is_one_short_line() {
        for label in ["ci", "a label of mine <b>", &"ä".repeat(100)] {
            assert_eq!(label_problem(label), None);
        }
        for label in ["", "a\nb", "a\u{202e}b", "a\u{200b}", &"a".repeat(101)] {
            assert!(label_problem(label).is_some());
        }
    }
}
