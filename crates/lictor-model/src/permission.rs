//! What may be asked? Permissions, spelled exactly as Prefect Cloud's workspace scopes, and a few of ours in the same manner.

macro_rules! permissions {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// One right over one kind of object, spelled as Prefect Cloud's scope of the same meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the name is the definition")]
        pub enum Permission { $($variant),+ }

        impl Permission {
            /// Every permission, in the order of the declaration.
            pub const ALL: &'static [Permission] = &[$(Permission::$variant),+];

            /// Prefect Cloud's spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Permission::$variant => $name),+ }
            }

            const fn bit(self) -> u64 {
                #![allow(clippy::as_conversions, reason = "an enum's own ordinal, in a constant")]
                1 << (self as u8)
            }
        }
    };
}

permissions! {
    SeeArtifacts = "see_artifacts",
    WriteArtifacts = "write_artifacts",
    ManageArtifacts = "manage_artifacts",
    SeeAutomations = "see_automations",
    ManageAutomations = "manage_automations",
    SeeBlocks = "see_blocks",
    SeeSecretBlocks = "see_secret_blocks",
    ManageBlocks = "manage_blocks",
    SeeConcurrencyLimits = "see_concurrency_limits",
    ManageConcurrencyLimits = "manage_concurrency_limits",
    SeeDeployments = "see_deployments",
    RunDeployments = "run_deployments",
    WriteDeployments = "write_deployments",
    ManageDeployments = "manage_deployments",
    SeeEvents = "see_events",
    ManageEvents = "manage_events",
    SeeFlows = "see_flows",
    RunFlows = "run_flows",
    ManageFlows = "manage_flows",
    ManageSavedSearch = "manage_saved_search",
    RunTasks = "run_tasks",
    SeeVariables = "see_variables",
    WriteVariables = "write_variables",
    ManageVariables = "manage_variables",
    SeeWorkPools = "see_work_pools",
    WriteWorkPools = "write_work_pools",
    ManageWorkPools = "manage_work_pools",
    SeeWorkQueues = "see_work_queues",
    WriteWorkQueues = "write_work_queues",
    ManageWorkQueues = "manage_work_queues",
    SeeWorkers = "see_workers",
    WriteWorkers = "write_workers",
    ManageWorkers = "manage_workers",
    SeeWorkspaceSettings = "see_workspace_settings",
    WriteWorkspaceSettings = "write_workspace_settings",
    // Ours, where Cloud tells nothing apart: keep them last.
    ReconfigureFlowRuns = "reconfigure_flow_runs",
    ControlFlowRuns = "control_flow_runs",
    WriteSchedules = "write_schedules",
    TakeConcurrencySlots = "take_concurrency_slots",
}

impl Permission {
    /// Whether it is one of ours: Prefect Cloud has no scope of this name.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(
            self,
            Self::ReconfigureFlowRuns | Self::ControlFlowRuns | Self::WriteSchedules | Self::TakeConcurrencySlots
        )
    }

    /// Reads Prefect Cloud's spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == text)
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions; a bit each, so that a decision is one AND.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// No permission.
    pub const EMPTY: Self = Self(0);

    /// The set of the listed permissions.
    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut rest = permissions;
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Every permission there is.
    #[must_use]
    pub const fn all() -> Self {
        Self::of(Permission::ALL)
    }

    /// The permissions of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every permission of `needed` is in this set.
    #[must_use]
    pub const fn contains_all(self, needed: Self) -> bool {
        self.0 & needed.0 == needed.0
    }

    /// Whether the permission is in this set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// The permissions of `needed` that this set lacks.
    #[must_use]
    pub const fn lacks(self, needed: Self) -> Self {
        Self(needed.0 & !self.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions in order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, |set, permission| set.union(Self::of(&[permission])))
    }
}
