//! Does the configuration say all that is wrong with it, and mean what it says?

use std::path::Path;

use super::*;

fn no_env(_: &str) -> Option<String> {
    None
}

fn read(text: &str) -> Result<Plan, Vec<Problem>> {
    parse(text, Surroundings { env: &no_env, folder: Path::new("/nowhere") }, Plan::from_written)
}

const SMALLEST: &str = r#"
listen = "127.0.0.1:4200"
store.url = "sqlite:///var/lib/lictor/lictor.db"
[workspaces.main]
upstream = "http://10.0.0.5:4200"
"#;

#[test]
fn the_smallest_file_has_the_documented_defaults() {
    let plan = read(SMALLEST).unwrap();
    assert_eq!(plan.limits.body_bytes, 8 * 1024 * 1024);
    assert_eq!((plan.limits.sockets, plan.limits.sockets_per_principal), (60, 50));
    assert_eq!(plan.workspaces[0].upstream, Upstream { via: Via::Plain, host: "10.0.0.5".to_owned(), port: 4200 });
    assert!(plan.workspaces[0].auth_string.is_none() && plan.workspaces[0].hosts.is_empty());
    assert!(!plan.allow_plain_http_sessions && plan.tls.is_none() && plan.trusted_proxies.is_empty());
}

#[test]
fn every_setting_reads() {
    let env = |name: &str| (name == "PREFECT_AUTH").then(|| "admin:pass".to_owned());
    let text = r#"
listen = "[::]:4200"
public_url = "https://Prefect.example.com"
trusted_proxies = ["10.0.0.0/8", "192.0.2.7"]
allow_plain_http_sessions = true
[store]
url = "postgres://lictor:secret@db/lictor"
[workspaces.main]
upstream = "http://prefect"
auth_string_env = "PREFECT_AUTH"
[workspaces.research]
upstream = "http://[::1]:4201/"
hosts = ["Research.example.com"]
[limits]
sockets = 10
[log]
format = "json"
level = "warn"
[sessions]
idle = "30m"
absolute = "1d"
"#;
    let at = Surroundings { env: &env, folder: Path::new("") };
    let plan = parse(text, at, Plan::from_written).unwrap();
    assert_eq!(plan.public_url.unwrap().to_string(), "https://prefect.example.com");
    assert_eq!(plan.workspaces[0].upstream.authority(), "prefect:80");
    assert_eq!(plan.workspaces[0].auth_string.as_ref().unwrap().expose(), "admin:pass");
    assert_eq!(plan.workspaces[1].upstream.authority(), "[::1]:4201");
    assert_eq!(plan.workspaces[1].hosts, ["research.example.com"]);
    assert_eq!(plan.trusted_proxies[1].to_string(), "192.0.2.7/32");
    assert_eq!(plan.sessions.idle.as_secs(), 1_800);
    assert_eq!((plan.limits.sockets, plan.log.level.as_str()), (10, "warn"));
}

#[test]
fn all_problems_are_reported_at_once_each_with_its_key_and_line() {
    let text = r#"listen = "everywhere"
public_url = "https://x/api"
trusted_proxies = ["10.0.0.0/8", "ten"]
colour = "red"
[tls]
cert_file = "absent.pem"
[workspaces.main]
upstream = "http://127.0.0.1:4200/api"
auth_string = "admin:pass"
[workspaces.Other]
upstream = "ftp://127.0.0.1:4200"
auth_string_env = "ABSENT"
[limits]
sockets = "many"
header_bytes = 1
[log]
format = "xml"
[sessions]
idle = "1 week"
"#;
    let problems = read(text).unwrap_err();
    let found: Vec<(Option<usize>, &str)> = problems.iter().map(|p| (p.line, p.key.as_str())).collect();
    let expected = [
        (None, "store.url"),
        (Some(1), "listen"),
        (Some(2), "public_url"),
        (Some(3), "trusted_proxies[1]"),
        (Some(4), "colour"),
        (Some(5), "tls.key_file"),
        (Some(6), "tls.cert_file"),
        (Some(7), "workspaces.main.hosts"),
        (Some(8), "workspaces.main.upstream"),
        (Some(9), "workspaces.main.auth_string"),
        (Some(10), "workspaces.Other"),
        (Some(11), "workspaces.Other.upstream"),
        (Some(12), "workspaces.Other.auth_string_env"),
        (Some(14), "limits.sockets"),
        (Some(15), "limits.header_bytes"),
        (Some(17), "log.format"),
        (Some(19), "sessions.idle"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_public_url_may_have_a_path_of_its_own() {
    let url = |text: &str| read(&format!("public_url = \"{text}\"\n{SMALLEST}")).map(|plan| plan.public_url.unwrap());
    let under = url("https://Tools.example.com:8443/prefect/").unwrap();
    assert_eq!((under.origin().as_str(), under.base_path.as_str()), ("https://tools.example.com:8443", "/prefect"));
    assert_eq!(under.to_string(), "https://tools.example.com:8443/prefect");
    for wrong in
        ["ftp://x/", "https://a@x/", "https://x/?a", "https://x/#a", "https://x//", "https://x/a/../b", "https://x/v2/"]
    {
        assert_eq!(url(wrong).unwrap_err()[0].key, "public_url", "{wrong}");
    }
}

#[test]
fn an_inline_auth_string_is_refused_with_the_reason_and_never_repeated() {
    let problems = read(&format!("{SMALLEST}auth_string = \"admin:hunter2\"\n")).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].what.contains("auth_string_file") && !problems[0].what.contains("hunter2"));
}

#[test]
fn a_file_that_is_not_toml_says_where() {
    let problems = read("listen = \n").unwrap_err();
    assert_eq!(problems[0].line, Some(1));
}

#[test]
fn one_host_chooses_one_workspace() {
    let text = format!(
        "{SMALLEST}hosts = [\"a.example\"]\n[workspaces.two]\nupstream = \"http://h\"\nhosts = [\"A.example\"]"
    );
    let problems = read(&text).unwrap_err();
    assert_eq!(problems[0].key, "workspaces.two.hosts[0]");
}

#[test]
fn the_store_may_come_from_the_environment_but_not_from_two_places() {
    let env = |name: &str| (name == "LICTOR_STORE_URL").then(|| "postgres://db/lictor".to_owned());
    let at = Surroundings { env: &env, folder: Path::new("") };
    assert_eq!(parse("", at, store::url).unwrap().expose(), "postgres://db/lictor");
    let twice = "store.url = \"sqlite:///a\"\nstore.url_file = \"b\"";
    assert_eq!(parse(twice, at, store::url).unwrap_err()[0].key, "store.url_file");
}

#[test]
fn an_auth_string_is_printable_ascii_on_one_line() {
    assert_eq!(workspace::usable_auth_string("admin:pass\n").unwrap().expose(), "admin:pass");
    for wrong in ["", "\n", "admin:päss", "a\nb", "a\tb"] {
        assert!(workspace::usable_auth_string(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn rules_name_one_mark_each_and_need_a_ca() {
    let rules = r#"
[[certificates]]
san_dns = "Worker.Example.org"
principal = "a"
[[certificates]]
fingerprint = "AB:cd:00000000000000000000000000000000000000000000000000000000000"
principal = "b"
[[certificates]]
spiffe_id = "spiffe://example.org/a/../b"
principal = "c"
[[certificates]]
common_name = "x"
san_uri = "urn:x"
principal = "d"
[[certificates]]
common_name = "x"
principal = "Nobody"
"#;
    let problems = read(&format!("{SMALLEST}{rules}")).unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    let expected = [
        "certificates[0]",
        "certificates[1].fingerprint",
        "certificates[2].spiffe_id",
        "certificates[3]",
        "certificates[4].principal",
    ];
    assert_eq!(keys, expected);
    assert!(problems[0].what.contains("[tls.client]"));
}

#[test]
fn tls_is_whole_or_not_at_all() {
    for (table, key) in [
        ("[tls]\nredirect_from = \"0.0.0.0:80\"", "tls.cert_file"),
        ("[tls.client]\nca_file = \"/dev/null\"", "tls.cert_file"),
        ("[tls.client]\nmode = \"required\"", "tls.client.ca_file"),
        ("[tls]\ncert_file = \"/dev/null\"\nkey_file = \"/dev/null\"\nhsts = \"yes\"", "tls.hsts"),
        ("[tls]\ncert_file = \"/dev/null\"\nkey_file = \"/dev/null\"\nredirect_from = \":80\"", "tls.redirect_from"),
    ] {
        let problems = read(&format!("{SMALLEST}{table}")).unwrap_err();
        assert!(problems.iter().any(|problem| problem.key == key), "{table}: {problems:?}");
    }
}

#[test]
fn an_upstream_is_reached_in_three_ways() {
    let at = |text: &str| Upstream::parse(text).map(|upstream| upstream.to_string());
    for text in ["http://h:80", "https://h:443", "https://[::1]:8443", "unix:/run/prefect.sock"] {
        assert_eq!(at(text).as_deref(), Ok(text));
    }
    assert_eq!(at("https://h").as_deref(), Ok("https://h:443"));
    assert!(at("unix:prefect.sock").is_err() && at("ftp://h").is_err() && at("https://h/api").is_err());
    for (keys, key) in [
        ("ca_file = \"/dev/null\"", "workspaces.main.upstream"),
        ("client_cert_file = \"/dev/null\"", "workspaces.main.client_key_file"),
        ("client_key_file = \"/no/such\"", "workspaces.main.client_key_file"),
    ] {
        let problems = read(&format!("{SMALLEST}{keys}")).unwrap_err();
        assert!(problems.iter().any(|problem| problem.key == key), "{keys}: {problems:?}");
    }
}

#[test]
fn a_workspace_may_have_a_prefix_that_is_apart_from_all_others() {
    let two = |more: &str| read(&format!("{SMALLEST}[workspaces.two]\nupstream = \"http://h\"\n{more}"));
    let plan = two("prefix = \"/team-a/\"").unwrap();
    assert_eq!((plan.workspaces[1].prefix.as_str(), plan.workspaces[0].prefix.as_str()), ("/team-a", ""));
    assert_eq!(plan.account, "lictor");
    assert_eq!(two("hosts = [\"lab.example\"]\nprefix = \"/team-a\"").unwrap().workspaces[1].hosts, ["lab.example"]);
    for wrong in ["/", "/api/x", "/account", "/auth", "team", "/a b", "/v2", "/lictor", "/runs"] {
        let problems = two(&format!("prefix = \"{wrong}\"")).unwrap_err();
        assert!(problems.iter().any(|problem| problem.key == "workspaces.two.prefix"), "{wrong}");
    }
    for (first, second, clash) in [
        ("/team-a", "/team-a", true),
        ("/team-a", "/team-a/x", true),
        ("/team-a/x", "/team-a", true),
        ("/team-a", "/team-ab", false),
        ("/x/a", "/x/b", false),
    ] {
        let more = format!("prefix = \"{first}\"\n[workspaces.zwei]\nupstream = \"http://h\"\nprefix = \"{second}\"");
        match two(&more) {
            Ok(_) => assert!(!clash, "{first} {second}"),
            Err(problems) => assert!(clash && problems[0].key == "workspaces.zwei.prefix", "{first} {second}"),
        }
    }
    let on_hosts = "hosts = [\"a.example\"]\nprefix = \"/x\"\n[workspaces.zwei]\nupstream = \"http://h\"\nhosts = [\"b.example\"]\nprefix = \"/x\"";
    assert_eq!(two(on_hosts).unwrap().workspaces.len(), 3);
    for (base, prefix, fits) in
        [("/prefect/", "/prefect", false), ("/prefect/", "/prefect/x", false), ("/prefect/", "/team", true)]
    {
        let text = format!(
            "public_url = \"https://h{base}\"\n{SMALLEST}[workspaces.two]\nupstream = \"http://h\"\nprefix = \"{prefix}\""
        );
        match read(&text) {
            Ok(_) => assert!(fits, "{base} {prefix}"),
            Err(problems) => assert!(!fits && problems[0].key == "workspaces.two.prefix", "{base} {prefix}"),
        }
    }
    assert_eq!(read(&format!("account = \"Acme Inc\"\n{SMALLEST}")).unwrap_err()[0].key, "account");
}

#[test]
fn a_workspace_may_have_several_replicas() {
    let of = |written: &str| {
        read(&SMALLEST.replace("upstream = \"http://10.0.0.5:4200\"", written)).map(|plan| plan.workspaces[0].clone())
    };
    let two = of("upstreams = [\"http://a:1\", \"http://b:2\"]").unwrap();
    assert_eq!(two.upstreams().map(ToString::to_string).collect::<Vec<_>>(), ["http://a:1", "http://b:2"]);
    for (written, key) in [
        ("upstreams = []", "workspaces.main.upstreams"),
        ("upstreams = [\"http://a:1\", \"http://a:1\"]", "workspaces.main.upstreams[1]"),
        ("upstreams = [\"http://a:1\"]\nupstream = \"http://a:1\"", "workspaces.main.upstream"),
        ("upstreams = [\"http://a:1\", \"https://b:2\"]\nca_file = \"/dev/null\"", "workspaces.main.upstreams"),
    ] {
        assert_eq!(of(written).unwrap_err()[0].key, key, "{written}");
    }
}
