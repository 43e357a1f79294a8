//! How does a client of each version present a key? One table: the page of a key just made fills it in, the guide prints it.

use std::fmt::Write;

/// Who a client is to be, and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// `https://host/api`
    pub api: &'a str,
    /// The key's owner.
    pub name: &'a str,
    /// The key.
    pub key: &'a str,
}

/// What clients of some versions must set.
pub struct Recipe {
    /// Which clients, and how.
    pub title: &'static str,
    /// What to know of it.
    pub note: &'static str,
    /// An image of such a client.
    image: &'static str,
    /// Whether these clients read a `.env` file: with today's pydantic-settings, 3.2 and 3.4 do not.
    reads_dotenv: bool,
    settings: fn(Client<'_>) -> Vec<(&'static str, String)>,
}

/// The settings in one place where they may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// Where.
    pub place: &'static str,
    /// The text to copy.
    pub text: String,
}

/// The recipes: the one for all clients, then others, the newest clients first.
pub const RECIPES: [Recipe; 4] = [
    Recipe {
        title: "All clients, 3.0 to 3.8: the key alone",
        note: "The client takes Lictor for Prefect Cloud, and then sends its one key everywhere: over HTTP and on every websocket. Both \
               addresses are the same. Where PREFECT_API_AUTH_STRING is set as well, unset it.",
        image: "3-latest",
        reads_dotenv: false,
        settings: |client| {
            vec![
                ("PREFECT_CLOUD_API_URL", client.api.to_owned()),
                ("PREFECT_API_URL", client.api.to_owned()),
                ("PREFECT_API_KEY", client.key.to_owned()),
            ]
        },
    },
    Recipe {
        title: "Prefect 3.6.20 and later, 3.8: an auth string",
        note: "The auth string reaches HTTP and every websocket.",
        image: "3-latest",
        reads_dotenv: true,
        settings: |client| {
            vec![
                ("PREFECT_API_URL", client.api.to_owned()),
                ("PREFECT_API_AUTH_STRING", format!("{}:{}", client.name, client.key)),
            ]
        },
    },
    Recipe {
        title: "Prefect 3.4.25 to 3.6.19: a header",
        note: "These clients send no auth string where task runs travel, so the key goes into a header of its own.",
        image: "3.4.25-python3.12",
        reads_dotenv: false,
        settings: |client| {
            vec![
                ("PREFECT_API_URL", client.api.to_owned()),
                ("PREFECT_CLIENT_CUSTOM_HEADERS", format!("{{\"Authorization\": \"Bearer {}\"}}", client.key)),
            ]
        },
    },
    Recipe {
        title: "Prefect 3.0 to 3.4.24: in the address",
        note: "The key stands in the address, so it shows wherever the address does. With the pydantic-settings of today, 3.0 \
               reads no profile, and 3.2 and 3.4 read no .env file: the environment works in all of them.",
        image: "3.0.11-python3.12",
        reads_dotenv: false,
        settings: |client| vec![("PREFECT_API_URL", with_userinfo(client))],
    },
];

impl Recipe {
    /// The settings, in every place where they may stand.
    #[must_use]
    pub fn snippets(&self, client: Client<'_>) -> Vec<Snippet> {
        let settings = (self.settings)(client);
        let each = |line: &dyn Fn(&str, &str) -> String| -> Vec<String> {
            settings.iter().map(|(name, value)| line(name, value)).collect()
        };
        let one = |place, text| Snippet { place, text };
        let mut snippets = vec![
            one("Shell", each(&|name, value| format!("export {name}={}", in_shell(value))).join("\n")),
            one(
                "Prefect profile",
                each(&|name, value| format!("prefect config set {name}={}", in_shell(value))).join("\n"),
            ),
        ];
        if self.reads_dotenv {
            snippets.push(one(".env file", each(&|name, value| format!("{name}={value}")).join("\n")));
        }
        snippets.push(one(
            "Docker",
            docker(self.image, &each(&|name, value| format!("  -e {name}={} \\\n", in_shell(value)))),
        ));
        snippets.push(one("Kubernetes", kubernetes(&each(&|name, value| format!("  {name}: {}\n", in_yaml(value))))));
        snippets
    }
}

fn docker(image: &str, lines: &[String]) -> String {
    format!("docker run --rm \\\n{}  prefecthq/prefect:{image} prefect version", lines.concat())
}

fn kubernetes(lines: &[String]) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: prefect-client\nstringData:\n{}\
         # in the container: envFrom: [{{secretRef: {{name: prefect-client}}}}]",
        lines.concat()
    )
}

/// `https://alice%40example.com:KEY@host/api`
fn with_userinfo(client: Client<'_>) -> String {
    // A key is letters and digits and an underscore; a name may hold an at sign.
    let name = client.name.replace('@', "%40");
    match client.api.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{name}:{}@{rest}", client.key),
        None => client.api.to_owned(),
    }
}

fn in_shell(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

fn in_yaml(value: &str) -> String {
    // A JSON string is one of YAML too.
    serde_json::Value::from(value).to_string()
}

/// The table as a part of the guide on clients.
#[must_use]
pub fn markdown() -> String {
    let client = Client { api: "https://prefect.example.com/api", name: "alice", key: "KEY" };
    let mut part = String::new();
    for recipe in &RECIPES {
        // Writing to a string cannot fail.
        let _ = writeln!(part, "### {}\n\n{}\n", recipe.title, recipe.note);
        for snippet in recipe.snippets(client) {
            let _ = writeln!(part, "{}:\n\n```\n{}\n```\n", snippet.place, snippet.text);
        }
    }
    part
}

#[cfg(test)]
mod unit {
    use super::*;

    const BEGIN: &str = "<!-- made from crates/lictor-web/src/setup.rs -->\n\n";
    const END: &str = "<!-- end -->";

    fn snippet(recipe: usize, place: &str) -> String {
        let client = Client { api: "https://gate.example/api", name: "al@ex.com", key: "lictor_k" };
        RECIPES[recipe].snippets(client).into_iter().find(|one| one.place == place).unwrap().text
    }

    #[test]
    fn each_version_is_told_what_reaches_its_sockets() {
        let cloud = "export PREFECT_CLOUD_API_URL='https://gate.example/api'\nexport PREFECT_API_URL='https://gate.example/api'\nexport PREFECT_API_KEY='lictor_k'";
        assert_eq!(snippet(0, "Shell"), cloud);
        assert!(snippet(1, "Shell").ends_with("export PREFECT_API_AUTH_STRING='al@ex.com:lictor_k'"));
        assert!(snippet(1, ".env file").ends_with("\nPREFECT_API_AUTH_STRING=al@ex.com:lictor_k"));
        let headers = "PREFECT_CLIENT_CUSTOM_HEADERS='{\"Authorization\": \"Bearer lictor_k\"}'";
        assert!(snippet(2, "Shell").ends_with(headers));
        assert_eq!(
            snippet(3, "Prefect profile"),
            "prefect config set PREFECT_API_URL='https://al%40ex.com:lictor_k@gate.example/api'"
        );
        assert!(snippet(2, "Kubernetes").contains("HEADERS: \"{\\\"Authorization\\\": \\\"Bearer lictor_k\\\"}\"\n"));
    }

    #[test]
    fn nothing_breaks_out_of_its_quotes() {
        let client = Client { api: "https://a'; rm -rf ~ '\"\n", name: "alice", key: "k" };
        let snippets = RECIPES[1].snippets(client);
        let (shell, kubernetes) = (&snippets[0], &snippets[4]);
        assert!(shell.text.starts_with("export PREFECT_API_URL='https://a'\\''; rm -rf ~ '\\''\"\n'\n"));
        assert!(kubernetes.text.contains("  PREFECT_API_URL: \"https://a'; rm -rf ~ '\\\"\\n\"\n"));
    }

    #[test]
    fn the_guide_on_clients_prints_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/clients.md");
        let guide = std::fs::read_to_string(path).unwrap();
        let (before, rest) = guide.split_once(BEGIN).expect("the guide has a place for the table");
        let (part, after) = rest.split_once(END).expect("the place has an end");
        if std::env::var_os("LICTOR_WRITE_DOCS").is_some() {
            std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", markdown())).unwrap();
        } else {
            assert_eq!(part, markdown(), "run again with LICTOR_WRITE_DOCS=1");
        }
    }
}
