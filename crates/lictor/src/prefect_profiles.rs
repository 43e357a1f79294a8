//! Where does Prefect's client keep what it is set to? In profiles, of which one is active; a person's file, edited and never rewritten.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

/// The profiles cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfilesError {
    /// No home directory.
    #[error("there is no home directory: set HOME, PREFECT_HOME or PREFECT_PROFILES_PATH")]
    NoHome,
    /// The system says no.
    #[error("cannot use Prefect's profiles {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("Prefect's profiles {} cannot be read, and are left as they are: {source}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<toml_edit::TomlError>,
    },
    /// It is TOML of another shape.
    #[error("Prefect's profiles {} hold no tables [profiles.NAME] where they should, and are left as they are", .0.display())]
    Shape(PathBuf),
}

/// The file, as it was read.
#[derive(Debug)]
pub(crate) struct Profiles {
    path: PathBuf,
    document: DocumentMut,
}

/// Where the client looks: `PREFECT_PROFILES_PATH`, or `profiles.toml` in `PREFECT_HOME`, which is `~/.prefect`.
///
/// # Errors
/// [`ProfilesError::NoHome`].
pub(crate) fn place(env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, ProfilesError> {
    let home = || env("HOME").map(PathBuf::from);
    let expand = |text: String| match text.strip_prefix("~/") {
        Some(rest) => home().map(|home| home.join(rest)).unwrap_or_else(|| PathBuf::from(&text)),
        None => PathBuf::from(text),
    };
    let in_home = || env("PREFECT_HOME").map(expand).or_else(|| home().map(|home| home.join(".prefect")));
    let file = env("PREFECT_PROFILES_PATH").map(expand);
    file.or_else(|| in_home().map(|folder| folder.join("profiles.toml"))).ok_or(ProfilesError::NoHome)
}

impl Profiles {
    /// Reads them; where there is no file there are none.
    ///
    /// # Errors
    /// [`ProfilesError`].
    pub(crate) fn read(path: PathBuf) -> Result<Self, ProfilesError> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ProfilesError::File { path, source }),
        };
        let document = match text.parse::<DocumentMut>() {
            Ok(document) => document,
            Err(source) => return Err(ProfilesError::Malformed { path, source: Box::new(source) }),
        };
        let is_shaped = document.get("profiles").is_none_or(Item::is_table_like);
        if is_shaped { Ok(Self { path, document }) } else { Err(ProfilesError::Shape(path)) }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The active profile.
    pub(crate) fn active(&self) -> Option<&str> {
        self.document.get("active").and_then(Item::as_str)
    }

    /// A setting of a profile.
    pub(crate) fn setting(&self, profile: &str, name: &str) -> Option<&str> {
        self.profile(profile)?.get(name)?.as_str()
    }

    /// Whether there is such a profile.
    pub(crate) fn has(&self, profile: &str) -> bool {
        self.profile(profile).is_some()
    }

    fn profile(&self, profile: &str) -> Option<&dyn TableLike> {
        self.document.get("profiles")?.as_table_like()?.get(profile)?.as_table_like()
    }

    /// Gives a profile these settings, whatever others it has.
    ///
    /// # Errors
    /// [`ProfilesError::Shape`].
    pub(crate) fn set(&mut self, profile: &str, settings: &[(&str, String)]) -> Result<(), ProfilesError> {
        let shape = || ProfilesError::Shape(self.path.clone());
        let mut implicit = Table::new();
        implicit.set_implicit(true);
        let profiles = self.document.entry("profiles").or_insert(Item::Table(implicit));
        let profiles = profiles.as_table_like_mut().ok_or_else(shape)?;
        let table = profiles.entry(profile).or_insert(Item::Table(Table::new()));
        let table = table.as_table_like_mut().ok_or_else(shape)?;
        for (name, text) in settings {
            put(table, name, text);
        }
        Ok(())
    }

    /// Makes a profile the active one.
    pub(crate) fn activate(&mut self, profile: &str) {
        put(self.document.as_table_mut(), "active", profile);
    }

    /// Takes settings out of a profile.
    pub(crate) fn unset(&mut self, profile: &str, names: &[&str]) {
        let profiles = self.document.get_mut("profiles").and_then(Item::as_table_like_mut);
        let table = profiles.and_then(|profiles| profiles.get_mut(profile)).and_then(Item::as_table_like_mut);
        if let Some(table) = table {
            for name in names {
                table.remove(name);
            }
        }
    }

    /// Whether nothing is set in a profile.
    pub(crate) fn is_empty(&self, profile: &str) -> bool {
        self.profile(profile).is_none_or(TableLike::is_empty)
    }

    /// Removes a profile; if it was the active one, none is, and Prefect takes its own default.
    pub(crate) fn remove(&mut self, profile: &str) {
        if let Some(profiles) = self.document.get_mut("profiles").and_then(Item::as_table_like_mut) {
            profiles.remove(profile);
        }
        if self.active() == Some(profile) {
            self.document.remove("active");
        }
    }

    /// Puts the file in the old one's place at once, readable by its owner alone: it holds keys.
    ///
    /// # Errors
    /// [`ProfilesError::File`].
    pub(crate) fn write(&self) -> Result<(), ProfilesError> {
        let failed = |source| ProfilesError::File { path: self.path.clone(), source };
        // Where a link leads is what is replaced, not the link.
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let new = folder.join(format!(".profiles.toml.{}", std::process::id()));
        let written = write_new(&new, self.document.to_string().as_bytes()).and_then(|()| std::fs::rename(&new, &path));
        if written.is_err() {
            // Half of a file that holds keys is of no use to anybody.
            let _ = std::fs::remove_file(&new);
        }
        written.map_err(failed)
    }
}

fn write_new(path: &Path, text: &[u8]) -> std::io::Result<()> {
    // One that was left behind may be readable by others.
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Sets a value; a comment behind the old one stays.
fn put(table: &mut dyn TableLike, name: &str, text: &str) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = text.into();
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(name, value(text));
        }
    }
}

#[cfg(test)]
mod tests;
