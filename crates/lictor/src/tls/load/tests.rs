//! Do files that cannot be used say which they are, and what browsers are told fit the certificate?

use std::time::Duration;

use super::*;

fn written(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("lictor-load-{name}-{}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn each_file_is_blamed_under_its_own_key() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (written("cert", &made.cert.pem()), written("key", &made.signing_key.serialize_pem()));
    let other = written("other", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let (empty, absent) = (written("empty", ""), PathBuf::from("/nowhere/at-all.pem"));
    let client = |ca: &PathBuf, crl: Option<&PathBuf>| {
        Some(ClientTls { ca_file: ca.clone(), crl_file: crl.cloned(), is_required: true, keys: ClientTls::KEYS })
    };
    let of = |cert: &PathBuf, key: &PathBuf, client| Tls { client, ..Tls::of_files(cert.clone(), key.clone()) };
    assert!(load(&of(&cert, &key, None)).is_ok());
    assert!(load(&of(&cert, &key, client(&cert, None))).is_ok());
    for (tls, blamed) in [
        (of(&empty, &key, None), "tls.cert_file"),
        (of(&absent, &key, None), "tls.cert_file"),
        (of(&cert, &empty, None), "tls.key_file"),
        (of(&cert, &other, None), "tls.key_file"),
        (of(&cert, &key, client(&empty, None)), "tls.client.ca_file"),
        (of(&cert, &key, client(&cert, Some(&empty))), "tls.client.crl_file"),
        (of(&cert, &key, client(&cert, Some(&cert))), "tls.client.crl_file"),
        (of(&cert, &key, client(&cert, Some(&absent))), "tls.client.crl_file"),
    ] {
        assert_eq!(load(&tls).err().map(|error| error.key()), Some(blamed), "{tls:?}");
    }
    for path in [cert, key, other, empty] {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn browsers_insist_on_https_only_where_that_is_public_and_known() {
    let told = |written, is_self_signed| hsts(written, is_self_signed).map(|value| value.to_str().unwrap().to_owned());
    let year = Some("max-age=31536000".to_owned());
    assert_eq!(told(Hsts::Default { is_public: true }, false), year);
    assert_eq!(told(Hsts::Default { is_public: true }, true), None);
    assert_eq!(told(Hsts::Default { is_public: false }, false), None);
    assert_eq!(told(Hsts::Off, false), None);
    assert_eq!(told(Hsts::For(Duration::from_secs(60)), true), Some("max-age=60".to_owned()));
}
