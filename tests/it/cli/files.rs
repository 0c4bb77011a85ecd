//! The config file, contexts, token files and the doctor.

use std::os::unix::fs::PermissionsExt as _;

use rolldeck::domain::TokenText;
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::Shell;

async fn server(role: &str) -> MockServer {
    let server = MockServer::start().await;
    let info = json!({"version": "9.9", "simulated": false, "actor": "mira", "role": role, "targets": ["dc-*"]});
    Mock::given(path("/api/v1/server"))
        .respond_with(ResponseTemplate::new(200).set_body_json(info))
        .mount(&server)
        .await;
    server
}

#[test]
fn a_bad_config_names_file_line_and_field_and_stops_what_needs_it() {
    let shell = Shell::new();
    let path = shell.file("config/config.toml", "theme = \"dark\"\n\n[contexts.a]\nserver = 5\n");
    let place = format!("{}:4:10: contexts.a.server:", path.display());
    shell.run(&["list"]).exits(2).says(&place).says("expected a string");
    shell.run(&["context", "list"]).exits(2).says(&place);
    // What does not need it goes on.
    shell.run(&["completions", "bash"]).exits(0);
    let doctor = shell.run(&["doctor", "-o", "json"]).exits(1).json();
    assert!(doctor.to_string().contains("contexts.a.server"), "{doctor}");
    // And nothing was changed in it.
    shell.run(&["context", "add", "b", "--server", "http://127.0.0.1:1", "--no-check"]).exits(2).says(&place);
    assert!(std::fs::read_to_string(path).unwrap().contains("server = 5"));

    let missing = shell.path("other.toml");
    shell.run(&["list", "--config", missing.to_str().unwrap()]).exits(2).says("there is no config file");
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_context_tries_the_server_and_says_who_you_are() {
    let (shell, server) = (Shell::new(), server("operator").await);
    let config = shell.path("config/config.toml");
    let unreachable = ["context", "add", "prod", "--server", "http://127.0.0.1:1"];
    shell.run(&unreachable).exits(7).says("nothing was added");
    assert!(!config.exists());

    shell
        .run(&["context", "add", "prod", "--server", &server.uri(), "--protected"])
        .exits(0)
        .says("mira, operator on dc-*");
    assert_eq!(std::fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    shell.run(&["context", "add", "prod", "--server", &server.uri()]).exits(2).says("--replace");
    shell.run(&["context", "add", "lab", "--server", "http://localhost:9", "--no-check"]).exits(0);

    let list = shell.run(&["context", "list", "-o", "json"]).exits(0).json();
    let named = |name: &str| list["contexts"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap().clone();
    assert_eq!((named("prod")["current"].clone(), named("prod")["protected"].clone()), (json!(true), json!(true)));
    assert_eq!(named("lab")["current"], json!(false));

    shell.run(&["context", "use", "lab"]).exits(0);
    assert_eq!(shell.run(&["context", "show", "-o", "json"]).exits(0).json()["name"], "lab");
    shell.run(&["context", "use", "nowhere"]).exits(3);
    shell.run(&["context", "remove", "lab"]).exits(0);
    shell.run(&["context", "remove", "lab"]).exits(3);
    shell.run(&["list"]).exits(2).says("rolldeck demo");
    shell.run(&["list", "--context", "nowhere"]).exits(2).says("there are prod");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_that_others_can_read_is_refused_and_a_token_is_shown_nowhere() {
    let (shell, server) = (Shell::new(), server("viewer").await);
    let token = TokenText::new([1; 5], &[2; 32]);
    let file = shell.file("token", token.expose());
    let args = ["doctor", "--server", &server.uri(), "--token-file", file.to_str().unwrap()];
    let ran = shell.run(&args);
    assert!(ran.out.contains("you are mira, viewer"), "{ran:?}");
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["authorization"], format!("Bearer {}", token.expose()));
    assert!(!request.url.as_str().contains("rdk_"));

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = shell.run(&["list", "--server", &server.uri(), "--token-file", file.to_str().unwrap()]).exits(2);
    assert!(ran.err.contains("chmod 600") && !ran.err.contains(token.expose()), "{ran:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_configured_reachable_and_permitted() {
    let (shell, server) = (Shell::new(), server("commander").await);
    std::fs::create_dir(shell.path("config/themes")).unwrap();
    shell.file("config/themes/mine.toml", "extends = 3\n");
    let mut command = shell.command(&["doctor", "--server", &server.uri(), "--theme", "mine"]);
    command.env("TERM", "xterm-256color").env("LANG", "en_US.UTF-8");
    let ran = shell.finish(command).exits(1);
    for said in ["mira, commander on dc-*", "mine.toml", "256 colours", "LANG=en_US.UTF-8", "MiB free", "PROBLEM"] {
        assert!(ran.out.contains(said), "no {said:?} in {}", ran.out);
    }
}

#[test]
fn the_doctor_says_what_a_theme_is_made_for_and_what_of_it_cannot_be_read() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path("config/themes")).unwrap();
    let text = "extends = \"light\"\n[roles]\nfail = { fg = \"#FFB000\" }\n";
    shell.file("config/themes/mine.toml", text);
    for (theme, said) in [
        ("terminal", "in your terminal's own colours"),
        ("dark", "made for a background up to #282C34"),
        ("high-contrast", "it paints its own background"),
        ("mine", "fail has a contrast of 1.7 to 1, where 4.5 are needed: many people cannot read it"),
    ] {
        let ran = shell.run(&["doctor", "--offline", "--theme", theme, "--color", "true"]);
        assert!(ran.out.contains(said), "no {said:?} in {}", ran.out);
    }
}
