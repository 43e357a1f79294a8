//! Where does a secret come from? A file of its own or an environment variable, and never the configuration itself.

use lictor_model::Secret;

use super::Surroundings;
use super::written::Section;

/// The three keys under which people look for one secret.
pub(super) struct Keys {
    /// Where it must not stand.
    pub(super) inline: &'static str,
    /// A file that holds it.
    pub(super) file: &'static str,
    /// A variable that does.
    pub(super) env: &'static str,
}

/// The secret; `None` when none is named, or it cannot be used, which is noted as a problem.
pub(super) fn read(section: &mut Section<'_>, keys: &Keys, surroundings: Surroundings<'_>) -> Option<Secret> {
    let Keys { inline, file, env } = keys;
    if let Some(found) = section.text(inline) {
        found.problem(format!(
            "secrets do not belong in this file, which gets copied and committed: write it to a file of its own and name that in {file}, or name an environment variable in {env}"
        ));
    }
    let read = match (section.text(file), section.text(env)) {
        (Some(_), Some(found)) => {
            found.problem(format!("{file} is set as well; keep one of the two"));
            None
        }
        (Some(found), None) => found.read(|path| {
            let path = surroundings.resolve(&path);
            let text = std::fs::read_to_string(&path);
            usable(&text.map_err(|error| format!("cannot read {}: {error}", path.display()))?)
        }),
        (None, Some(found)) => found.read(|name| {
            let value = (surroundings.env)(&name);
            usable(&value.ok_or_else(|| format!("the environment variable {name} is not set"))?)
        }),
        (None, None) => None,
    };
    read.map(|found| found.value)
}

fn usable(text: &str) -> Result<Secret, String> {
    let text = text.trim();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| Secret::new(text)).ok_or_else(|| "the secret must be printable ASCII, and there".to_owned())
}
