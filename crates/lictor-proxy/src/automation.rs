//! Who answers for an automation? Whoever saved it: noted with Prefect's answer, and forgotten when it is deleted.

use lictor_authz::Permit;
use lictor_model::{Identity, WorkspaceName, id::canonical_uuid};
use lictor_store::{AutomationChange, AutomationRow};
use serde_json::Value;

use crate::story::Story;

/// Makes one; its id is in Prefect's answer.
pub(crate) const MAKING: &str = "POST /automations/";
const CHANGING: &str = "PUT /automations/{id}";
const DELETING: &str = "DELETE /automations/{id}";
const DELETING_OF: &str = "DELETE /automations/owned-by/{resource_id}";

/// The operations after which somebody else, or nobody, answers for an automation. Enabling changes no owner.
pub(crate) const OPERATIONS: [&str; 4] = [MAKING, CHANGING, DELETING, DELETING_OF];

/// What is longer is cut on record.
const LONGEST: usize = 200;

/// What an automation is to be.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    name: String,
    owner_resource: String,
}

impl Draft {
    /// Reads it out of the body that saves it.
    pub(crate) fn of(body: &Value) -> Self {
        let text = |key: &str| cut(body.get(key).and_then(Value::as_str).unwrap_or_default());
        Self { name: text("name"), owner_resource: text("owner_resource") }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Whether a change of an automation may enable it: `enabled` is true where it is left out.
pub(crate) fn enables(body: Option<&Value>) -> bool {
    body.and_then(|body| body.get("enabled")) != Some(&Value::Bool(false))
}

/// What the path names: an automation, or what automations belong to.
pub(crate) fn named(permit: &Permit) -> Option<String> {
    let named = permit.param("id").map(|id| canonical_uuid(&id).unwrap_or_else(|| id.into_owned()));
    named.or_else(|| permit.param("resource_id").map(|resource| cut(&resource)))
}

/// The id of the automation in an answer.
pub(crate) fn id_in(body: &[u8]) -> Option<String> {
    let made: Value = serde_json::from_slice(body).ok()?;
    canonical_uuid(made.get("id")?.as_str()?)
}

/// What Prefect has answered.
pub(crate) struct Done {
    /// To which operation.
    pub(crate) operation: &'static str,
    /// How.
    pub(crate) status: u16,
    /// About which automation, or about those of what.
    pub(crate) which: String,
    /// Where.
    pub(crate) workspace: WorkspaceName,
}

impl Done {
    /// What that changes about who answers for what; nothing when Prefect did not do it.
    pub(crate) fn change(self, story: &Story, identity: &Identity) -> Option<AutomationChange> {
        let Self { operation, status, which, workspace } = self;
        // Where there is none, nobody answers for it.
        let is_gone = status == 404 && operation == DELETING;
        if !(200..300).contains(&status) && !is_gone {
            return None;
        }
        match operation {
            DELETING => Some(AutomationChange::Removed { workspace, id: which }),
            DELETING_OF => Some(AutomationChange::RemovedOf { workspace, owner_resource: which }),
            _ => {
                let draft = story.draft.clone()?;
                Some(AutomationChange::Saved(AutomationRow {
                    id: which,
                    workspace,
                    name: draft.name,
                    owner_resource: draft.owner_resource,
                    principal: identity.principal.id.clone(),
                    principal_name: identity.principal.name.to_string(),
                    demands: story.demands.clone().unwrap_or_default(),
                    saved_at: story.at(),
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_plain_false_enables_nothing() {
        assert!(!enables(Some(&json!({"enabled": false}))));
        for body in [json!({}), json!({"enabled": true}), json!({"enabled": 0}), json!({"enabled": "false"}), json!([])]
        {
            assert!(enables(Some(&body)), "{body}");
        }
        assert!(enables(None));
    }

    #[test]
    fn the_id_of_an_answer_is_spelled_in_one_way() {
        let id = "0198a6e2-7f31-7c55-9d11-3f2b8f7a1c0e";
        for spelled in [id.to_owned(), id.to_uppercase(), id.replace('-', "")] {
            assert_eq!(id_in(json!({"id": spelled, "name": "a"}).to_string().as_bytes()).as_deref(), Some(id));
        }
        for body in ["", "[]", "{}", r#"{"id": 5}"#, r#"{"id": "a"}"#] {
            assert_eq!(id_in(body.as_bytes()), None, "{body}");
        }
    }
}
