//! Does `lictor up` look after its Prefect Server? The real binary, with a stand-in for `prefect` on PATH.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails should stop")]

mod house;

use house::{House, wait_for};

#[test]
fn the_first_start_prints_a_password_once_and_what_a_client_must_set() {
    let house = House::new();
    let mut first = house.up();
    let lines = first.last_lines();
    assert!(lines.contains("as     admin") && lines.contains("/api\n"), "{lines}");
    assert!(lines.contains("PREFECT_API_AUTH_STRING=\"admin:"), "{lines}");
    first.stop("INT");

    let mut second = house.up();
    let lines = second.last_lines();
    assert!(lines.contains("Sign in at") && !lines.contains("shown this once"), "{lines}");
    second.stop("INT");
}

#[test]
fn the_callers_prefect_settings_do_not_reach_the_server_and_its_auth_string_does() {
    let house = House::new();
    let mut up = house.up();
    up.last_lines();
    let environment = house.read("environment");
    assert!(!environment.contains("PREFECT_API_URL") && !environment.contains("nonsense"), "{environment}");
    let auth = std::fs::read_to_string(house.data.join("upstream-auth")).unwrap();
    assert!(auth.starts_with("lictor:") && auth.len() > 40);
    assert!(environment.contains(&format!("PREFECT_SERVER_API_AUTH_STRING={auth}")), "{environment}");
    up.stop("INT");
}

#[test]
fn stopping_lictor_stops_its_server() {
    let house = House::new();
    let mut up = house.up();
    up.last_lines();
    let server = house.server();
    up.stop("INT");
    assert!(!server.lives());
}

#[test]
fn killing_lictor_stops_its_server_and_the_next_start_waits_for_that() {
    let house = House::new();
    let mut up = house.up();
    up.last_lines();
    let server = house.server();
    up.stop("KILL");
    let mut again = house.up();
    again.last_lines();
    assert!(!server.lives());
    again.stop("INT");
}

#[test]
fn a_server_that_dies_is_started_again_on_the_same_port() {
    let house = House::new();
    let mut up = house.up();
    up.last_lines();
    let (server, port) = (house.server(), house.read("port"));
    server.kill();
    wait_for("another server", || house.server() != server && house.read("port") == port);
    up.stop("INT");
}

#[test]
fn a_data_directory_has_one_lictor_at_a_time() {
    let house = House::new();
    let mut up = house.up();
    up.last_lines();
    let mut second = house.up();
    assert!(second.failure().contains("another `lictor up`"));
    up.stop("INT");
}
