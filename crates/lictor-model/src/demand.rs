//! What did something need besides its operation? The permissions that a body's content asked for, kept with the record.

use serde::{Deserialize, Serialize};

use crate::permission::{Permission, PermissionSet};

/// All of these must be met; each one by any permission of its set.
///
/// As text: `reconfigure_flow_runs write_deployments|write_schedules`, and `nothing` where nothing was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Demands(Vec<PermissionSet>);

/// A text that is no list of demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no list of permissions")]
pub struct DemandsError(pub String);

const NOTHING: &str = "nothing";

impl Demands {
    /// That any permission of the set is held. The same demand twice is one.
    pub fn add(&mut self, any_of: PermissionSet) {
        if !self.0.contains(&any_of) {
            self.0.push(any_of);
        }
    }

    /// Each demand with the permissions of which any one meets it.
    pub fn iter(&self) -> impl Iterator<Item = PermissionSet> {
        self.0.iter().copied()
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What somebody who holds these permissions would have to be given: of several that would do, the narrowest.
    #[must_use]
    pub fn lacking(&self, held: PermissionSet) -> PermissionSet {
        let unmet = self.iter().filter(|any_of| !any_of.iter().any(|one| held.contains(one)));
        // Ours, which are narrower than Cloud's, are declared last.
        unmet.filter_map(|any_of| any_of.iter().last()).collect()
    }

    /// The form in the store.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.is_empty() {
            return NOTHING.to_owned();
        }
        let any_of = |set: PermissionSet| set.iter().map(Permission::as_str).collect::<Vec<_>>().join("|");
        self.iter().map(any_of).collect::<Vec<_>>().join(" ")
    }

    /// Reads [`Demands::to_text`]'s form.
    ///
    /// # Errors
    /// [`DemandsError`], for a permission that this program does not know as well.
    pub fn parse(text: &str) -> Result<Self, DemandsError> {
        let mut demands = Self::default();
        if text == NOTHING {
            return Ok(demands);
        }
        for any_of in text.split(' ') {
            let set: Option<PermissionSet> = any_of.split('|').map(Permission::parse).collect();
            demands.add(set.ok_or_else(|| DemandsError(text.to_owned()))?);
        }
        Ok(demands)
    }
}

impl TryFrom<String> for Demands {
    type Error = DemandsError;

    fn try_from(text: String) -> Result<Self, DemandsError> {
        Self::parse(&text)
    }
}

impl From<Demands> for String {
    fn from(demands: Demands) -> Self {
        demands.to_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(demands: &[&[Permission]]) -> Demands {
        let mut all = Demands::default();
        demands.iter().for_each(|any_of| all.add(PermissionSet::of(any_of)));
        all
    }

    #[test]
    fn a_text_reads_back() {
        use Permission::{ReconfigureFlowRuns, SeeVariables, WriteDeployments, WriteSchedules};

        let both = of(&[&[ReconfigureFlowRuns], &[WriteDeployments, WriteSchedules], &[ReconfigureFlowRuns]]);
        assert_eq!(both.to_text(), "reconfigure_flow_runs write_deployments|write_schedules");
        for demands in [both, of(&[]), of(&[&[SeeVariables]])] {
            assert_eq!(Demands::parse(&demands.to_text()), Ok(demands));
        }
        for text in ["", "see_variables ", "see_variables|", "see_everything", "nothing see_variables"] {
            assert!(Demands::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn one_of_several_is_enough_and_the_narrowest_is_named() {
        use Permission::{RunFlows, SeeVariables, WriteDeployments, WriteSchedules};

        let demands = of(&[&[SeeVariables], &[WriteDeployments, WriteSchedules]]);
        let held = PermissionSet::of(&[SeeVariables, WriteDeployments]);
        assert!(demands.lacking(held).is_empty());
        let lacking = demands.lacking(PermissionSet::of(&[RunFlows]));
        assert_eq!(lacking, PermissionSet::of(&[SeeVariables, WriteSchedules]));
    }
}
