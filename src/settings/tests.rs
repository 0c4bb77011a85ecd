//! Tests of the merge, the file's errors, and its edits.

mod cluster;

use std::path::Path;

use super::*;

fn paths() -> Paths {
    Paths {
        config_file: "/c/config.toml".into(),
        config_dir: "/c".into(),
        data_dir: "/d".into(),
        state_dir: "/s".into(),
    }
}

fn parse(text: &str) -> Result<ConfigFile, SettingsError> {
    ConfigFile::parse(Path::new("/c/config.toml"), text)
}

const FULL: &str = r#"
current = "prod"
theme = "light"
keymap = "vim"
color = "256"
glyphs = "ascii"
time_zone = "local"

[contexts.prod]
server = "https://deck.example"
token_file = "tokens/prod"
protected = true

[contexts.here]
server = "http://127.0.0.1:7070"
"#;

#[test]
fn arguments_win_over_environment_over_file_over_what_is_built_in() {
    let file = parse(FULL).unwrap();
    let plain = Settings::build(&Overrides::default(), &Env::default(), paths(), ConfigFile::default()).unwrap();
    assert_eq!((plain.theme.as_str(), plain.keymap.as_str(), plain.color), ("terminal", "default", ColorChoice::Auto));

    let from_file = Settings::build(&Overrides::default(), &Env::default(), paths(), file.clone()).unwrap();
    assert_eq!((from_file.theme.as_str(), from_file.color), ("light", ColorChoice::Palette));
    assert_eq!((from_file.glyphs, from_file.time_zone), (GlyphChoice::Ascii, TimeZone::Local));

    let env = Env::of([("NO_COLOR", "1"), ("ROLLDECK_THEME", "mine")]);
    let from_env = Settings::build(&Overrides::default(), &env, paths(), file.clone()).unwrap();
    assert_eq!((from_env.theme.as_str(), from_env.color), ("mine", ColorChoice::Never));

    let args = Overrides { theme: Some("other".to_owned()), color: Some(ColorChoice::True), ..Overrides::default() };
    let from_args = Settings::build(&args, &env, paths(), file).unwrap();
    assert_eq!((from_args.theme.as_str(), from_args.color), ("other", ColorChoice::True));
    // An empty variable is none: https://no-color.org.
    let empty = Settings::build(&Overrides::default(), &Env::of([("NO_COLOR", "")]), paths(), ConfigFile::default());
    assert_eq!(empty.unwrap().color, ColorChoice::Auto);
}

#[test]
fn the_endpoint_is_what_was_named_last_and_relative_files_lie_beside_the_config() {
    let file = parse(FULL).unwrap();
    let build = |args: &Overrides, env: &Env| Settings::build(args, env, paths(), file.clone()).unwrap().endpoint();

    let prod = build(&Overrides::default(), &Env::default()).unwrap().unwrap();
    assert_eq!((prod.name.as_str(), prod.protected), ("prod", true));
    assert!(matches!(prod.token, TokenSource::File(path) if path == Path::new("/c/tokens/prod")));

    let env = Env::of([("ROLLDECK_CONTEXT", "here")]);
    assert_eq!(build(&Overrides::default(), &env).unwrap().unwrap().name, "here");

    let args = Overrides { server: Some("http://localhost:9/".to_owned()), ..Overrides::default() };
    let server = build(&args, &env).unwrap().unwrap();
    assert_eq!((server.name.as_str(), server.is_context, server.protected), ("localhost:9", false, false));

    let args = Overrides { context: Some("nowhere".to_owned()), ..Overrides::default() };
    let error = build(&args, &Env::default()).unwrap_err().to_string();
    assert!(error.contains("nowhere") && error.contains("here, prod"), "{error}");

    let nothing = Settings::build(&Overrides::default(), &Env::default(), paths(), ConfigFile::default()).unwrap();
    assert!(nothing.endpoint().unwrap().is_none());
}

#[test]
fn a_bad_config_says_file_line_field_and_what_was_expected() {
    let table = [
        ("theme = 3", "/c/config.toml:1:9: theme: ", "expected a string"),
        ("\n\ncolour = 'auto'", "/c/config.toml:3:1: colour: ", "expected one of"),
        ("color = 'pink'", "/c/config.toml:1:9: color: ", "expected one of"),
        ("[contexts.a]\nserver = 'https://a'\nprotect = true", "/c/config.toml:3:1: contexts.a.protect: ", "protected"),
        ("[contexts.a]\ntoken_file = 'x'", "/c/config.toml:1:1: contexts.a: ", "missing field `server`"),
        ("[contexts.a]\nserver = 'deck'", "/c/config.toml:2:1: contexts.a.server: ", "https://"),
        ("[contexts.a]\nserver = 'http://deck.example'", "/c/config.toml:2:1: contexts.a.server: ", "https"),
        ("current = 'b'\n[contexts.a]\nserver = 'https://a'", "/c/config.toml:1:1: current: ", "[contexts.b]"),
        ("theme = '../../etc/passwd'", "/c/config.toml:1:1: theme: ", "letters, digits"),
        ("theme = 'a'\ntheme = 'b'", "/c/config.toml:2:1: theme: ", "duplicate key"),
        ("theme = 'a", "/c/config.toml:1:", "expected"),
        ("[sources.a]\ntimeout = '5s'", "/c/config.toml:1:1: sources.a: ", "missing field `url`"),
        ("[sources.a]\nurl = 'https://p'\ntokenfile = 'x'", "/c/config.toml:3:1: sources.a.tokenfile: ", "token_file"),
        ("[sources.a]\nurl = 'https://p'\nkind = 'graphite'", "/c/config.toml:3:8: sources.a.kind: ", "prometheus"),
        ("[sources.a]\nurl = 'p:9090'", "/c/config.toml:2:1: sources.a.url: ", "https://"),
        ("[sources.a]\nurl = 'https://p'\ntimeout = '10'", "/c/config.toml:3:11: sources.a.timeout: ", "10s"),
        ("[sources.a]\nurl = 'https://p'\ntimeout = '1h'", "/c/config.toml:3:11: sources.a.timeout: ", "500ms to 1m"),
        (
            "[sources.a]\nurl = 'https://p'\nusername = 'me'",
            "/c/config.toml:3:1: sources.a.username: ",
            "password_file",
        ),
        (
            "[sources.a]\nurl = 'https://p'\nusername = 'me'\npassword_file = 'p'\ntoken_file = 't'",
            "/c/config.toml:5:1: sources.a.token_file: ",
            "not both",
        ),
        (
            "[sources.a]\nurl = 'http://prometheus.example'\ntoken_file = 't'",
            "/c/config.toml:2:1: sources.a.url: ",
            "https",
        ),
        (
            "[sources.a]\nurl = 'https://p'\nclient_key_file = 'k'",
            "/c/config.toml:3:1: sources.a.client_key_file: ",
            "client_certificate_file",
        ),
        (
            "[sources.a]\nurl = 'https://p'\ntenant = 'a\tb'",
            "/c/config.toml:3:1: sources.a.tenant: ",
            "without a space",
        ),
        ("[sources.reported]\nurl = 'https://p'", "/c/config.toml:1:1: sources.reported: ", "what agents report"),
    ];
    for (text, place, expected) in table {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(place), "{text:?}: {error}");
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    for text in [
        "[contexts.a]\nserver = 'https://me:hunter22@deck.example'",
        "[sources.a]\nurl = 'https://me:hunter22@prometheus.example'",
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(!error.contains("hunter22"), "{error}");
    }
}

#[test]
fn sources_are_read_whole_and_their_files_lie_beside_the_config() {
    let text = "[sources.main]
url = 'https://prometheus.example/prefix'
kind = 'prometheus'
username = 'deck'
password_file = 'secrets/password'
ca_file = '/etc/ca.pem'
client_certificate_file = 'me.pem'
client_key_file = 'me.key'
tenant = 'team-a|team-b'
timeout = '2500ms'

[sources.near]
url = 'http://127.0.0.1:9090'
token_file = 'token'

[contexts.prod]
server = 'https://deck.example'
slis = 'slis/shop.yaml'
";
    let file = parse(text).unwrap();
    let settings = Settings::build(&Overrides::default(), &Env::default(), paths(), file.clone()).unwrap();
    let main = &settings.sources["main"];
    assert_eq!(main.patience(), std::time::Duration::from_millis(2500));
    assert_eq!(main.password_file.as_deref(), Some(Path::new("/c/secrets/password")));
    assert_eq!(main.ca_file.as_deref(), Some(Path::new("/etc/ca.pem")));
    assert_eq!(main.client_key_file.as_deref(), Some(Path::new("/c/me.key")));
    assert_eq!(settings.sources["near"].patience(), source::TIMEOUT);
    let args = Overrides { context: Some("prod".to_owned()), ..Overrides::default() };
    let settings = Settings::build(&args, &Env::default(), paths(), file.clone()).unwrap();
    assert_eq!(settings.endpoint().unwrap().unwrap().slis.as_deref(), Some(Path::new("/c/slis/shop.yaml")));
    // What is written back is the same.
    assert_eq!(parse(&toml::to_string(&file).unwrap()).unwrap(), file);
}

#[cfg(unix)]
#[test]
fn a_sources_secrets_come_from_files_of_this_user_alone_and_show_nowhere() {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let of = |password: &Path| SourceSettings {
        url: "https://prometheus.example".to_owned(),
        username: Some("deck".to_owned()),
        password_file: Some(password.to_owned()),
        ..SourceSettings::default()
    };
    // A password may hold blanks and signs, and ends where the line does.
    let secrets = of(&file("good", "hunter2 ü:%\n", 0o600)).secrets().unwrap();
    match &secrets.credentials {
        SourceCredentials::Basic { username, password } => {
            assert_eq!((username.as_str(), password.expose_secret()), ("deck", "hunter2 ü:%"));
        }
        other => panic!("{other:?}"),
    }
    assert!(!format!("{secrets:?}").contains("hunter2"));
    let table = [
        (file("open", "hunter2", 0o640), "chmod 600"),
        (file("two-lines", "hunter2\r\nX-Evil: 1\n", 0o600), "one line"),
        (file("empty", "\n", 0o600), "one line"),
        (file("long", &"hunter2".repeat(1000), 0o600), "one line"),
        (dir.path().to_owned(), "one line"),
        (dir.path().join("absent"), "cannot read"),
    ];
    for (path, expected) in table {
        let error = of(&path).secrets().unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
    let with_key = |key: &Path| SourceSettings {
        url: "https://prometheus.example".to_owned(),
        client_certificate_file: Some(file("me.pem", "-----BEGIN CERTIFICATE-----\n", 0o644)),
        client_key_file: Some(key.to_owned()),
        ..SourceSettings::default()
    };
    let key = "-----BEGIN PRIVATE KEY-----\nhunter2\n";
    let secrets = with_key(&file("key", key, 0o400)).secrets().unwrap();
    assert!(!format!("{secrets:?}").contains("hunter2"));
    assert_eq!(secrets.identity.unwrap().expose_secret(), format!("-----BEGIN CERTIFICATE-----\n\n{key}"));
    assert!(with_key(&file("key-open", key, 0o644)).secrets().unwrap_err().to_string().contains("chmod 600"));
    assert!(with_key(&file("no-key", "hunter2", 0o600)).secrets().unwrap_err().to_string().contains("PEM"));
}

#[test]
fn a_secret_of_the_environment_shows_in_no_debug_form() {
    let env = Env::of([("ROLLDECK_TOKEN", "rdk_hunter2"), ("ROLLDECK_SERVER", "http://127.0.0.1:1")]);
    let settings = Settings::build(&Overrides::default(), &env, paths(), ConfigFile::default()).unwrap();
    let endpoint = settings.endpoint().unwrap().unwrap();
    assert!(matches!(endpoint.token, TokenSource::Env(_)));
    assert!(!format!("{env:?} {settings:?} {endpoint:?}").contains("hunter2"));
}

#[test]
fn changing_contexts_keeps_comments_and_the_rest_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/config.toml");
    let mut editor = ConfigEditor::open(&path).unwrap();
    editor.set_context("one", &Context { server: "https://one.example".to_owned(), ..Context::default() });
    editor.set_current("one");
    editor.save().unwrap();
    let first = std::fs::read_to_string(&path).unwrap();
    assert!(first.contains("[contexts.one]"), "{first}");

    let mine = format!("# my notes\ntheme = \"light\" # in the sun\n{first}# the end\n");
    std::fs::write(&path, &mine).unwrap();
    let mut editor = ConfigEditor::open(&path).unwrap();
    editor.set_context(
        "two",
        &Context { server: "https://two.example".to_owned(), protected: true, ..Context::default() },
    );
    editor.save().unwrap();
    let mut editor = ConfigEditor::open(&path).unwrap();
    assert!(editor.remove_context("one"));
    assert!(!editor.remove_context("one"));
    editor.save().unwrap();

    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("# my notes") && text.contains("# in the sun"), "{text}");
    let file = ConfigFile::read(&path, true).unwrap();
    assert_eq!((file.current.as_deref(), file.contexts.len()), (None, 1));
    assert!(file.contexts["two"].protected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_config_that_somebody_changed_meanwhile_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let mut editor = ConfigEditor::open(&path).unwrap();
    std::fs::write(&path, "theme = 'light'\n").unwrap();
    editor.set_context("one", &Context { server: "https://one.example".to_owned(), ..Context::default() });
    assert!(editor.save().unwrap_err().to_string().contains("cannot write"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "theme = 'light'\n");
    // A bad one is not opened for a change at all.
    std::fs::write(&path, "theme = \n").unwrap();
    assert!(ConfigEditor::open(&path).is_err());
}

#[test]
fn what_the_dashboard_does_beside_its_screen_is_read_from_its_own_tables() {
    let file = parse(
        r#"
time_zone = "Europe/Oslo"

[tui]
clipboard = "off"
notify = "osc9"
notify_on = ["needs-you", "frozen"]
history = false

[links]
rollout = "https://deck.example/{target}/{name}"

[contexts.prod]
server = "https://deck.example"

[contexts.prod.links]
ticket = "https://jira.example/browse/{ticket}"
"#,
    )
    .unwrap();
    let settings = Settings::build(&Overrides::default(), &Env::default(), paths(), file).unwrap();
    assert_eq!(settings.time_zone, TimeZone::Named("Europe/Oslo".parse().unwrap()));
    assert_eq!(
        (settings.tui.clipboard, settings.tui.notify, settings.tui.history),
        (Clipboard::Off, Notify::Osc9, false)
    );
    assert_eq!(settings.tui.notify_on, [Occasion::NeedsYou, Occasion::Frozen]);
    assert!(settings.tui.links, "what is not said holds as ever");
    let links = settings.contexts["prod"].links.over(&settings.links);
    assert_eq!(links.ticket("OPS-1").as_deref(), Some("https://jira.example/browse/OPS-1"));
    assert_eq!(links.rollout("shop", "cart").as_deref(), Some("https://deck.example/shop/cart"));
}

#[test]
fn a_mistake_in_them_is_told_with_its_line_and_what_was_expected() {
    for (text, at, said) in [
        ("time_zone = \"Europe/Olso\"", ":1:", "an IANA name such as Europe/Oslo"),
        ("[tui]\nnotify = \"loudly\"", ":2:", "osc9"),
        ("[tui]\nnotify_on = [\"everything\"]", ":2:", "needs-you"),
        ("[tui]\nclipbord = \"off\"", ":2:", "clipboard"),
        ("[links]\nticket = \"ftp://x.example/{ticket}\"", "config.toml:", "expected https or http"),
        ("[links]\nrollout = \"https://{target}/{name}\"", "config.toml:", "written out"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(at) && error.contains(said), "{text}: {error}");
    }
}
