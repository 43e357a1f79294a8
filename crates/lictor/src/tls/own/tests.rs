//! Is the certificate for trying out kept, renewed in time, and made anew for other names?

use std::net::IpAddr;

use super::*;

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("lictor-own-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn keep(folder: &Path, listen: &str, days: i64) -> (String, String) {
    let now = Timestamp::default().plus_seconds(1_800_000_000 + days * A_DAY);
    let own = Own::keep(folder, listen.parse::<IpAddr>().unwrap(), now).unwrap();
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    (read(own.ca_file()), read(own.files().0))
}

#[test]
fn the_certificate_is_renewed_before_it_ends_and_the_ca_stays() {
    let folder = folder("renewed");
    let first = keep(&folder, "127.0.0.1", 0);
    assert_eq!(keep(&folder, "127.0.0.1", 59), first);
    let second = keep(&folder, "127.0.0.1", 61);
    assert_eq!(second.0, first.0);
    assert_ne!(second.1, first.1);
    // The CA ends before another certificate of its would.
    let last = keep(&folder, "127.0.0.1", CA_DAYS - 30);
    assert_ne!(last.0, first.0);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn other_names_are_another_ca_since_it_vouches_for_no_others() {
    let folder = folder("names");
    let first = keep(&folder, "127.0.0.1", 0);
    assert_ne!(keep(&folder, "192.0.2.7", 0).0, first.0);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_was_damaged_is_made_again() {
    let folder = folder("damaged");
    let first = keep(&folder, "127.0.0.1", 0);
    std::fs::write(folder.join("tls/cert.pem"), "half").unwrap();
    let again = keep(&folder, "127.0.0.1", 0);
    assert_eq!(again.0, first.0);
    std::fs::write(folder.join("tls/ca-key.pem"), "half").unwrap();
    std::fs::write(folder.join("tls/cert.pem"), "half").unwrap();
    assert_ne!(keep(&folder, "127.0.0.1", 0).0, first.0);
    std::fs::remove_dir_all(&folder).unwrap();
}
