//! How much is too much? The `[limits]` table and its defaults.

use super::written::Section;

/// Bounds that keep one caller, or all of them, from freezing Prefect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Largest request body, in bytes.
    pub(crate) body_bytes: u64,
    /// Largest request head, in bytes.
    pub(crate) header_bytes: usize,
    /// Open websockets of one principal.
    pub(crate) sockets_per_principal: usize,
    /// Open websockets in all, per workspace: each holds one of the 100 request slots of Prefect on SQLite.
    pub(crate) sockets: usize,
    /// Idle and busy connections to one upstream.
    pub(crate) upstream_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 * 1024 * 1024,
            header_bytes: 64 * 1024,
            sockets_per_principal: 50,
            sockets: 60,
            upstream_connections: 256,
        }
    }
}

impl Limits {
    /// What the table says; defaults where it is silent.
    pub(crate) fn from_written(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let limits = Self {
            body_bytes: size(&mut section, "body_bytes", 1_024..=1 << 30).unwrap_or(default.body_bytes),
            header_bytes: count(&mut section, "header_bytes", 4_096..=1 << 20).unwrap_or(default.header_bytes),
            sockets_per_principal: count(&mut section, "sockets_per_principal", 1..=100_000)
                .unwrap_or(default.sockets_per_principal),
            sockets: count(&mut section, "sockets", 1..=100_000).unwrap_or(default.sockets),
            upstream_connections: count(&mut section, "upstream_connections", 1..=65_535)
                .unwrap_or(default.upstream_connections),
        };
        section.finish();
        limits
    }
}

fn count(section: &mut Section<'_>, key: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<usize> {
    usize::try_from(size(section, key, range)?).ok()
}

fn size(section: &mut Section<'_>, key: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let found = section.number(key)?;
    if !range.contains(&found.value) {
        found.problem(format!("must be between {} and {}", range.start(), range.end()));
    }
    Some(found.value)
}
