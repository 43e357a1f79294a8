//! Whose is this token? Every rule that fits must lead to the same principal.

use lictor_model::Reason;

use super::issuer::Rule;
use crate::oidc::claims::Claims;
use crate::oidc::rules::fits;

/// The rule that says whose it is.
///
/// # Errors
/// [`Reason::UnmatchedToken`] when none fits, [`Reason::AmbiguousToken`] when two lead to different principals.
pub(crate) fn whose<'r>(rules: &'r [Rule], claims: &Claims) -> Result<&'r Rule, Reason> {
    let mut fitting = fitting(rules, claims);
    let first = fitting.next().ok_or(Reason::UnmatchedToken)?;
    let is_same = |other: &Rule| (&other.principal, other.kind) == (&first.principal, first.kind);
    if fitting.all(is_same) { Ok(first) } else { Err(Reason::AmbiguousToken) }
}

/// The rules that fit; one without a test fits nobody.
pub(crate) fn fitting<'r>(rules: &'r [Rule], claims: &Claims) -> impl Iterator<Item = &'r Rule> {
    rules.iter().filter(|rule| !rule.tests.is_empty() && rule.tests.iter().all(|test| fits(test, claims)))
}
