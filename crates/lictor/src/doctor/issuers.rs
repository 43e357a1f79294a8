//! Would the tokens of each issuer work, and do its rules lead to somebody?

use lictor_authn::jwt::{Issuer, probe};
use lictor_model::{Clock, Secret};
use lictor_store::Store;

use super::Report;

/// Asks each issuer, and looks up whom its rules name. What the store says of itself is another check's.
pub(crate) async fn check(issuers: &[Issuer], url: &Secret, clock: &Clock, report: &mut Report) {
    if issuers.is_empty() {
        return;
    }
    let store = Store::open(url.expose(), clock.clone()).await.ok();
    for issuer in issuers {
        let check = format!("issuer {}", issuer.terms.name);
        match probe(issuer, clock.clone()).await {
            Ok(found) => report.ok(&check, found),
            Err(error) => report.fail(&check, error),
        }
        let Some(store) = &store else { continue };
        for rule in &issuer.rules {
            let Ok(found) = store.find_principal(&rule.principal).await else { continue };
            let (kind, name) = (rule.kind.as_str(), &rule.principal);
            match found {
                None => report
                    .warn(&check, format!("there is no {kind} {name}: tokens that a rule leads there are refused")),
                Some(found) if found.kind != rule.kind => {
                    report.warn(&check, format!("{name} is no {kind}: tokens that a rule leads there are refused"));
                }
                Some(_) => {}
            }
        }
    }
}
