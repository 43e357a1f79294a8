//! What stands on an admin page? Sections of facts, tables and forms: all of them drawn by one template.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lictor_authz::Deed;
use lictor_manage::Listed;

use super::filled::{Field, Kind};
use super::words::{link, visible};
use crate::answer;
use crate::layout::Layout;

/// What stands around a page.
pub(super) struct Frame<'a> {
    pub(super) layout: Layout<'a>,
    pub(super) here: Place,
    pub(super) nav: Vec<Place>,
    pub(super) flash: Option<Flash>,
    /// Where to before anything is changed; `None` for nowhere.
    pub(super) confirm: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/page.html")]
struct Page<'a> {
    layout: Layout<'a>,
    here: Place,
    nav: &'a [Place],
    flash: Option<Flash>,
    confirm: Option<&'a str>,
    heading: &'a str,
    sections: &'a [Section],
}

impl Frame<'_> {
    /// The page.
    pub(super) fn page(&self, status: StatusCode, heading: &str, sections: &[Section]) -> Response {
        let (layout, here, nav, flash) = (self.layout, self.here, self.nav.as_slice(), self.flash);
        let confirm = self.confirm.as_deref();
        answer::page(status, &Page { layout, here, nav, flash, confirm, heading, sections })
    }
}

/// The entries of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Front,
    People,
    Machines,
    Teams,
    Roles,
    Grants,
    Keys,
    Sessions,
    Bans,
    Workspaces,
    Providers,
    Automations,
    Audit,
}

impl Place {
    pub(super) const ALL: [Self; 13] = [
        Self::Front,
        Self::People,
        Self::Machines,
        Self::Teams,
        Self::Roles,
        Self::Grants,
        Self::Keys,
        Self::Sessions,
        Self::Bans,
        Self::Workspaces,
        Self::Providers,
        Self::Automations,
        Self::Audit,
    ];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Front => super::PATH,
            Self::People => super::people::USERS,
            Self::Machines => super::people::MACHINES,
            Self::Teams => super::teams::PATH,
            Self::Roles => super::roles::PATH,
            Self::Grants => super::grants::PATH,
            Self::Keys => super::keys::PATH,
            Self::Sessions => super::sessions::PATH,
            Self::Bans => super::bans::PATH,
            Self::Workspaces => super::workspaces::PATH,
            Self::Providers => super::providers::PATH,
            Self::Automations => super::automations::PATH,
            Self::Audit => super::audit::PATH,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Front => "Overview",
            Self::People => "People",
            Self::Machines => "Service accounts",
            Self::Teams => "Teams",
            Self::Roles => "Roles",
            Self::Grants => "Grants",
            Self::Keys => "Keys",
            Self::Sessions => "Sessions",
            Self::Bans => "Bans",
            Self::Workspaces => "Workspaces",
            Self::Providers => "Providers",
            Self::Automations => "Automations",
            Self::Audit => "Audit",
        }
    }

    /// What one must be allowed to find anything there.
    pub(super) const fn needs(self) -> Deed {
        match self {
            Self::Keys | Self::Sessions | Self::Bans | Self::Providers | Self::Audit => Deed::Oversee,
            _ => Deed::See,
        }
    }
}

macro_rules! flashes {
    ($($name:ident = $code:literal, $words:literal;)+) => {
        /// What was done by the form that led here: a code in the query, so that no text of a link's author is shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Flash { $($name),+ }

        impl Flash {
            pub(super) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            pub(super) const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $words),+ }
            }

            pub(super) fn parse(code: &str) -> Option<Self> {
                [$(Self::$name),+].into_iter().find(|flash| flash.code() == code)
            }
        }
    };
}

flashes! {
    Added = "added", "Added.";
    Disabled = "disabled", "Disabled: what was signed in is signed out, and its keys do nothing.";
    Enabled = "enabled", "Enabled.";
    Removed = "removed", "Removed.";
    AccountRoleSet = "account-role", "The account role is set.";
    GrantAdded = "grant-added", "The role is granted.";
    GrantRemoved = "grant-removed", "The grant is removed.";
    KeyRevoked = "key-revoked", "The key is revoked.";
    KeyDisabled = "key-disabled", "The key is out of use until it is enabled again.";
    KeyEnabled = "key-enabled", "The key is in use again.";
    SessionEnded = "session-ended", "The session has ended.";
    Banned = "banned", "The ban has begun.";
    Lifted = "lifted", "The bans are lifted.";
    MembersAdded = "members-added", "They are in the team.";
    MemberRemoved = "member-removed", "Taken out of the team.";
    RoleAdded = "role-added", "The role is there.";
    RoleChanged = "role-changed", "The role is changed.";
    RoleRemoved = "role-removed", "The role is removed.";
    FactorsRemoved = "factors-removed", "Their second factors are gone, and their sessions have ended.";
    SecondFactorSet = "second-factor", "It is set whether the role demands a second factor.";
    KeyAgeSet = "key-age", "The bound on the age of keys is set.";
}

/// A card with a heading.
#[derive(Default)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) parts: Vec<Part>,
}

impl Section {
    pub(super) fn new(title: impl Into<String>, parts: Vec<Part>) -> Self {
        Self { title: title.into(), parts }
    }
}

/// What a card holds.
pub(super) enum Part {
    /// A sentence.
    Words(String),
    /// A sentence that must not be overlooked.
    Warning(String),
    /// What is known of one thing.
    Facts(Vec<(&'static str, Cell)>),
    /// Many things.
    Table(Table),
    /// Something to fill in.
    Form(Form),
    /// A text to copy: its name, and the text.
    Copy(String, String),
    /// Where to go or what to do, beside each other.
    Acts(Vec<Act>),
    /// Activity and refusals.
    Chart(super::audit::Chart),
}

/// Rows under columns.
#[derive(Default)]
pub(super) struct Table {
    /// What the table holds, for those who do not see it.
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What is said when there is no row.
    pub(super) empty: String,
    /// Where the next page is.
    pub(super) next: Option<String>,
    /// Where the page before is.
    pub(super) previous: Option<String>,
    /// How many rows there are on all pages.
    pub(super) total: Option<i64>,
    /// Whether its name stands above it, where there are several.
    pub(super) titled: bool,
    /// Whether it is wider than a page, and scrolls by itself.
    pub(super) wide: bool,
}

impl Table {
    /// With the ways to the pages beside it, and how many rows there are in all; `query` is what was asked for besides.
    pub(super) fn of_pages<T>(self, listed: &Listed<T>, path: &str, query: &[(&str, &str)]) -> Self {
        let way = |name: &'static str, to: &Option<String>| {
            let to = to.as_deref()?;
            Some(link(path, &[query, &[(name, to)]].concat()))
        };
        Self {
            next: way("after", &listed.next),
            previous: way("before", &listed.previous),
            total: listed.total,
            ..self
        }
    }
}

/// What stands in a cell. The text has been made visible.
#[derive(Default, Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) link: Option<String>,
    pub(super) code: bool,
    pub(super) tag: Option<&'static str>,
    pub(super) acts: Vec<Act>,
    /// What is shown when asked for.
    pub(super) more: Vec<String>,
}

impl Cell {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self { text: visible(text.as_ref()), ..Self::default() }
    }

    pub(super) fn code(text: impl AsRef<str>) -> Self {
        Self { code: true, ..Self::text(text) }
    }

    pub(super) fn linked(text: impl AsRef<str>, link: String) -> Self {
        Self { link: Some(link), ..Self::text(text) }
    }

    pub(super) fn acts(acts: Vec<Act>) -> Self {
        Self { acts, ..Self::default() }
    }

    pub(super) fn tagged(self, tag: Option<&'static str>) -> Self {
        Self { tag, ..self }
    }
}

/// A link, or a button that sends a small form.
#[derive(Clone)]
pub(super) struct Act {
    pub(super) text: &'static str,
    /// What a screen reader says, which tells one row's from another's.
    pub(super) label: String,
    pub(super) path: String,
    /// The fields of the form; `None` for a link.
    pub(super) sends: Option<Vec<(&'static str, String)>>,
}

impl Act {
    pub(super) fn link(text: &'static str, label: impl AsRef<str>, path: String) -> Self {
        Self { text, label: visible(label.as_ref()), path, sends: None }
    }

    pub(super) fn post(
        text: &'static str,
        label: impl AsRef<str>,
        path: &str,
        sends: Vec<(&'static str, String)>,
    ) -> Self {
        Self { text, label: visible(label.as_ref()), path: path.to_owned(), sends: Some(sends) }
    }
}

/// Something to fill in.
#[derive(Default)]
pub(super) struct Form {
    /// Where it is sent.
    pub(super) path: String,
    /// Whether it only asks.
    pub(super) asks: bool,
    pub(super) hidden: Vec<(&'static str, String)>,
    pub(super) fields: Vec<Field>,
    pub(super) button: &'static str,
    pub(super) danger: bool,
    /// What is wrong with all of it.
    pub(super) problem: Option<String>,
    /// Where to instead.
    pub(super) instead: Option<(&'static str, String)>,
    /// Whether its fields stand beside each other.
    pub(super) in_a_row: bool,
}
