//! Is there a browser to open? What `BROWSER` names, or the desktop's own; otherwise the printed address will do.

use std::process::{Command, Stdio};

/// Opens the page, if that is possible; whether it was tried.
pub(super) fn open(url: &str, env: &dyn Fn(&str) -> Option<String>) -> bool {
    let has_desktop = env("DISPLAY").is_some() || env("WAYLAND_DISPLAY").is_some();
    let desktop = if cfg!(target_os = "macos") { Some("open") } else { has_desktop.then_some("xdg-open") };
    let Some(program) = env("BROWSER").or_else(|| desktop.map(str::to_owned)) else { return false };
    let quiet = || Stdio::null();
    Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().is_ok()
}
