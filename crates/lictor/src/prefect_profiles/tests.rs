//! Is a person's file edited with care?

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("lictor-profiles-{}", lictor_model::RequestId::fresh()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn with(text: &str) -> (Self, PathBuf) {
        let folder = Self::new();
        let path = folder.0.join("profiles.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

const OTHERS: &str = "\
# mine
active = \"work\" # at work

[profiles.work]
# the big one
PREFECT_API_URL = \"http://old\"  # was here
PREFECT_LOGGING_LEVEL = \"DEBUG\"

[profiles.\"with.dots\"]
";

fn edit(path: &Path, change: impl FnOnce(&mut Profiles)) -> String {
    let mut profiles = Profiles::read(path.to_path_buf()).unwrap();
    change(&mut profiles);
    profiles.write().unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn other_profiles_settings_and_comments_stay() {
    let (_folder, path) = Folder::with(OTHERS);
    let text = edit(&path, |profiles| {
        profiles
            .set("work", &[("PREFECT_API_URL", "https://new".to_owned()), ("PREFECT_API_KEY", "k\"y".to_owned())])
            .unwrap();
        profiles.set("gate", &[("PREFECT_API_KEY", "other".to_owned())]).unwrap();
        profiles.activate("gate");
    });
    let wanted = OTHERS
        .replace("\"work\" #", "\"gate\" #")
        .replace("\"http://old\"", "\"https://new\"")
        .replace("\"DEBUG\"\n", "\"DEBUG\"\nPREFECT_API_KEY = 'k\"y'\n");
    assert_eq!(text, format!("{wanted}\n[profiles.gate]\nPREFECT_API_KEY = \"other\"\n"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_profile_is_removed_with_nothing_else_and_is_not_active_any_more() {
    let (_folder, path) = Folder::with(OTHERS);
    let text = edit(&path, |profiles| {
        profiles.unset("work", &["PREFECT_API_URL", "PREFECT_API_KEY"]);
        assert!(!profiles.is_empty("work") && profiles.is_empty("with.dots"));
        profiles.remove("work");
        profiles.remove("never was");
    });
    assert!(!text.contains("work") && text.contains("[profiles.\"with.dots\"]") && !text.contains("active"), "{text}");
}

#[test]
fn a_new_file_is_made_with_its_folder_for_its_owner_alone() {
    let folder = Folder::new();
    let path = folder.0.join("deep/profiles.toml");
    let text = edit(&path, |profiles| {
        profiles.set("gate", &[("PREFECT_API_KEY", "k".to_owned())]).unwrap();
        profiles.activate("gate");
    });
    assert_eq!(text, "active = \"gate\"\n\n[profiles.gate]\nPREFECT_API_KEY = \"k\"\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["profiles.toml"]);
}

#[test]
fn where_a_link_leads_is_written_and_the_link_stays() {
    let (folder, path) = Folder::with(OTHERS);
    let link = folder.0.join("link.toml");
    symlink(&path, &link).unwrap();
    edit(&link, |profiles| profiles.activate("gate"));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&path).unwrap().contains("active = \"gate\""));
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    for text in ["active = ", "profiles = 3", "[profiles]\ngate = 3"] {
        let (_folder, path) = Folder::with(text);
        let set = Profiles::read(path.clone()).and_then(|mut profiles| profiles.set("gate", &[]));
        assert!(set.unwrap_err().to_string().contains("left as they are"), "{text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn the_place_is_where_the_client_looks() {
    let at = |settings: &[(&str, &str)]| {
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        place(&move |name| settings.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone()))
    };
    assert_eq!(at(&[("HOME", "/h")]).unwrap(), Path::new("/h/.prefect/profiles.toml"));
    assert_eq!(at(&[("HOME", "/h"), ("PREFECT_HOME", "~/p")]).unwrap(), Path::new("/h/p/profiles.toml"));
    assert_eq!(at(&[("PREFECT_HOME", "/p"), ("PREFECT_PROFILES_PATH", "/x.toml")]).unwrap(), Path::new("/x.toml"));
    assert!(at(&[]).is_err());
}
