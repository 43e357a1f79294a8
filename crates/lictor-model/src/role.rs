//! What is a role? A named set of permissions: built in, or made by an owner.

use serde::{Deserialize, Serialize};

use crate::permission::PermissionSet;

/// A role's name: 1 to 48 of `a-z 0-9 -`, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RoleName(std::sync::Arc<str>);

/// A role name that is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the role name {0:?} is not usable: use 1 to 48 of a-z, 0-9 and -, beginning with a letter")]
pub struct RoleNameError(pub String);

impl RoleName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`RoleNameError`] when it has other characters or another length.
    pub fn parse(text: &str) -> Result<Self, RoleNameError> {
        let usable = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= 48
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if usable { Ok(Self(text.into())) } else { Err(RoleNameError(text.to_owned())) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for RoleName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for RoleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// How grants refer to it.
    pub name: RoleName,
    /// One sentence for lists.
    pub description: String,
    /// The built-in role that it is based on, and follows when that one grows.
    pub base: Option<RoleName>,
    /// What it allows; of a role with a base, what it allows besides.
    pub permissions: PermissionSet,
    /// Built-in roles come with the program and are not in the store.
    pub built_in: bool,
}
