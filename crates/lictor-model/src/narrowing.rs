//! What may a key do at most? Less than its owner, and never more.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::WorkspaceName;
use crate::permission::{Permission, PermissionSet};

/// The limits of one key; what is not set does not limit. In the store a limit that this program does not know makes the
/// row unreadable, so that an older replica never takes a narrow key for a wide one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Narrowing {
    /// Only these permissions, as far as its owner holds them.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "names", deserialize_with = "read_names")]
    pub permissions: Option<PermissionSet>,
    /// Nothing that changes anything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Only this workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceName>,
    /// Only these work pools: where the path names another, or a poll is of no named pool, it is refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub work_pools: Vec<String>,
    /// Only from these networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
}

impl Narrowing {
    /// Reads a network as `10.0.0.0/8`, or one address.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse_network(text: &str) -> Result<IpNet, ipnet::AddrParseError> {
        let single = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
        text.parse::<IpNet>().or_else(|error| single().ok_or(error)).map(|network| network.trunc())
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the key may be used from this address.
    #[must_use]
    pub fn admits_address(&self, address: std::net::IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether the key may be used in this workspace.
    #[must_use]
    pub fn admits_workspace(&self, workspace: &WorkspaceName) -> bool {
        self.workspace.as_ref().is_none_or(|only| only == workspace)
    }

    /// What is left of its owner's permissions.
    #[must_use]
    pub fn of(&self, held: PermissionSet) -> PermissionSet {
        let seeing = |permission: &Permission| !self.read_only || permission.as_str().starts_with("see_");
        held.iter().filter(|one| self.permissions.is_none_or(|only| only.contains(*one))).filter(seeing).collect()
    }
}

/// As words: `read-only, workspace research, pool etl, 10.0.0.0/8`.
impl std::fmt::Display for Narrowing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut words: Vec<String> = Vec::new();
        if self.read_only {
            words.push("read-only".to_owned());
        }
        words.extend(self.permissions.iter().flat_map(|set| set.iter()).map(|permission| permission.to_string()));
        words.extend(self.workspace.iter().map(|workspace| format!("workspace {workspace}")));
        words.extend(self.work_pools.iter().map(|pool| format!("pool {pool}")));
        words.extend(self.networks.iter().map(ToString::to_string));
        f.write_str(&words.join(", "))
    }
}

fn names<S: Serializer>(permissions: &Option<PermissionSet>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(permissions.iter().flat_map(|set| set.iter()).map(Permission::as_str))
}

fn read_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PermissionSet>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let read = |name: &String| {
        Permission::parse(name).ok_or_else(|| serde::de::Error::custom(format!("there is no permission {name:?}")))
    };
    names.iter().map(read).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_never_more_than_there_was() {
        let held = PermissionSet::of(&[Permission::SeeFlows, Permission::RunFlows, Permission::SeeVariables]);
        let only = Narrowing {
            permissions: Some(PermissionSet::of(&[Permission::RunFlows, Permission::ManageFlows])),
            ..Narrowing::default()
        };
        assert_eq!(only.of(held), PermissionSet::of(&[Permission::RunFlows]));
        let reading = Narrowing { read_only: true, ..Narrowing::default() };
        assert_eq!(reading.of(held), PermissionSet::of(&[Permission::SeeFlows, Permission::SeeVariables]));
        assert_eq!(Narrowing::default().of(held), held);
        let nothing = Narrowing { permissions: Some(PermissionSet::EMPTY), ..Narrowing::default() };
        assert_eq!(nothing.of(held), PermissionSet::EMPTY);
    }

    #[test]
    fn limits_are_told_in_words() {
        let narrow = Narrowing {
            permissions: Some(PermissionSet::of(&[Permission::SeeFlows])),
            read_only: true,
            workspace: Some("research".into()),
            work_pools: vec!["etl".to_owned()],
            networks: vec!["10.0.0.0/8".parse().unwrap()],
        };
        assert_eq!(narrow.to_string(), "read-only, see_flows, workspace research, pool etl, 10.0.0.0/8");
    }

    #[test]
    fn an_address_is_in_one_of_the_networks() {
        let narrow = Narrowing { networks: vec!["10.0.0.0/8".parse().unwrap()], ..Narrowing::default() };
        assert!(narrow.admits_address("10.1.2.3".parse().unwrap()));
        assert!(!narrow.admits_address("11.1.2.3".parse().unwrap()) && !narrow.admits_address("::1".parse().unwrap()));
    }
}
