//! The schemas that the program prints, held against the files that it ships and against broken ones.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Shell;

/// The schema that is printed for a kind of file, ready to be asked.
struct Schema {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    fn printed(kind: &str) -> Self {
        let printed = Shell::new().run(&["schema", kind]).exits(0).json();
        assert_eq!(printed["$schema"], "https://json-schema.org/draft/2020-12/schema", "{kind}");
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        let place = format!("urn:rolldeck:{kind}");
        assert_eq!(printed["$id"], place.as_str());
        compiler.add_resource(&place, printed).unwrap();
        let index = compiler.compile(&place, &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        self.schemas.validate(value, self.index).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn takes(&self, name: &str, value: &Value) {
        if let Err(error) = self.check(value) {
            panic!("{name}: {error}");
        }
    }

    #[track_caller]
    fn refuses(&self, text: &str, value: &Value) {
        assert!(self.check(value).is_err(), "it takes {text}");
    }
}

fn toml(text: &str) -> Value {
    toml::from_str(text).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn shipped(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn shipped_keymaps_fit_their_schema_and_broken_ones_do_not() {
    let schema = Schema::printed("keymap");
    let files = shipped("keymaps");
    assert!(files.len() >= 3);
    for file in files {
        schema.takes(&file.display().to_string(), &toml(&std::fs::read_to_string(&file).unwrap()));
    }
    schema
        .takes("an unbound key", &toml("extends = \"vim\"\n[global]\n\"z\" = false\n\"F9\" = { do = \"refresh\" }\n"));
    for text in [
        "extends = \"nano\"",
        "chord_timeout_ms = 5",
        "colour = 1",
        "[globl]\n\"z\" = \"help\"",
        "[global]\n\"z\" = \"halp\"",
        "[global]\n\"z\" = true",
        "[global]\n\"z\" = { run = \"help\" }",
    ] {
        schema.refuses(text, &toml(text));
    }
}

#[test]
fn shipped_themes_fit_their_schema_and_broken_ones_do_not() {
    let schema = Schema::printed("theme");
    let files = shipped("themes");
    assert!(files.len() >= 6);
    for file in files {
        schema.takes(&file.display().to_string(), &toml(&std::fs::read_to_string(&file).unwrap()));
    }
    schema
        .takes("a single role", &toml("extends = \"dark\"\n[roles]\nfail = { fg = \"208\", bg16 = \"bright-red\" }\n"));
    schema.takes("nothing", &toml(""));
    for text in [
        "extends = \"drak\"",
        "background = \"black\"",
        "[roles]\nfial = {}",
        "[roles]\nfail = { fg = \"rouge\" }",
        "[roles]\nfail = { fg = \"#12345\" }",
        "[roles]\nfail = { fg = \"256\" }",
        "[roles]\nfail = { attributes = [\"blink\"] }",
        "[roles]\nfail = { colour = \"red\" }",
        "[colors]\nfail = {}",
    ] {
        schema.refuses(text, &toml(text));
    }
}

#[test]
fn a_config_with_everything_fits_its_schema_and_broken_ones_do_not() {
    let schema = Schema::printed("config");
    let text = r#"
current = "prod"
theme = "light"
keymap = "vim"
color = "256"
glyphs = "ascii"
time_zone = "local"
read_only = true

[contexts.prod]
server = "https://deck.example"
token_file = "secrets/prod"
ca_file = "ca.pem"
protected = true
approvals = ["promote_full"]

[contexts.cluster]
kubernetes = "kind-lab"
namespaces = ["shop"]

[sources.prometheus]
url = "https://prometheus.example"
username = "deck"
password_file = "secrets/prometheus"
timeout = "10s"

[filters]
freezes = "subject:window since:7d"
"#;
    let shell = Shell::new();
    shell.file("config/config.toml", text);
    shell.run(&["context", "list"]).exits(0);
    schema.takes("everything", &toml(text));
    schema.takes("nothing", &toml(""));
    // What the program writes itself fits too.
    let own = Shell::new();
    own.run(&["context", "add", "lab", "--server", "http://127.0.0.1:9", "--no-check"]).exits(0);
    schema.takes("its own", &toml(&std::fs::read_to_string(own.path("config/config.toml")).unwrap()));
    for text in [
        "color = 256",
        "color = \"plaid\"",
        "colour = \"16\"",
        "read_only = \"yes\"",
        "[contexts.a]\nserver = 5",
        "[contexts.a]\nsever = \"https://a.example\"",
        "[contexts.a]\nserver = \"https://a.example\"\napprovals = [\"promot\"]",
        "[sources.a]\nkind = \"graphite\"\nurl = \"https://a.example\"",
    ] {
        schema.refuses(text, &toml(text));
        shell.file("config/config.toml", text);
        shell.run(&["context", "list"]).exits(2);
    }
}

#[test]
fn the_example_plans_fit_their_schema_and_what_the_reader_refuses_does_not() {
    let schema = Schema::printed("plan");
    let digest = format!("sha256:{}", "0".repeat(64));
    for file in ["assets/examples/pick-assist.yaml", "assets/examples/prometheus/plan.yaml"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        schema.takes(file, &yaml(&text.replace("SNAPSHOT", &digest)));
    }
    let head = format!("rollout: a\ntarget: b\nsnapshot: {digest}\n");
    let takes = [
        "stages: [{canary: 1 site, hold: 1h30m, advance: automatic, gates: [], deadline: 2h}, {rest: 25%}, {fleet: all}]",
        "gates: {a: true, b: 'gap < 10s'}\nstages: [{x: 3 lanes}]",
        "gates: [{a: 'x == 1'}, {b: {verdict: all}}, {c: {budget: s, above: 10%}}]\nslis: {s: {use: request_success_rate}}\nstages: [{x: all}]",
        "slis:\n  s: {kind: latency, unit: s, limit: 0.05, threshold: 300ms, objective: 0.999, period: 30d, histogram: q}\n  t:\nstages: [{x: all}]",
        "telemetry: {arms: release, slice: 5s, max_lag: 30s, on_fail: hold}\nstages: [{x: all}]\non_breach: pause\napprovals: [promote_full, break-glass]",
    ];
    for text in takes {
        let plan = format!("{head}{text}\n");
        rolldeck::domain::Plan::from_yaml(&plan).unwrap_or_else(|error| panic!("{plan}: {error}"));
        schema.takes(text, &yaml(&plan));
    }
    let refused = [
        "",
        "stages: []",
        "stages: [{}]",
        "stages: [{x: 3}]",
        "stages: [{x: 0.5 sites}]",
        "stages: [{x: all, hold: 30}]",
        "stages: [{x: all, hold: soon}]",
        "stages: [{x: all, advance: maybe}]",
        "stages: [{x: all, select: y}]",
        "stage: [{x: all}]",
        "stages: [{x: all}]\ngates: {a: {verdict: [], above: 1}}",
        "stages: [{x: all}]\ngates: {a: {above: 10%}}",
        "stages: [{x: all}]\ngates: {a: 3}",
        "stages: [{x: all}]\ngates: {'a b': x}",
        "stages: [{x: all}]\nslis: {s: {kind: histogram}}",
        "stages: [{x: all}]\nslis: {s: {critcal: true}}",
        "stages: [{x: all}]\ntelemetry: {arms: left}",
        "stages: [{x: all}]\non_breach: explode",
        "stages: [{x: all}]\napprovals: [advance]",
    ];
    for text in refused {
        let plan = format!("{head}{text}\n");
        assert!(rolldeck::domain::Plan::from_yaml(&plan).is_err(), "the reader takes {text}");
        schema.refuses(text, &yaml(&plan));
    }
    let placeholder = format!("{}stages: [{{x: all}}]\n", head.replace(&digest, "sha256:..."));
    schema.refuses("a placeholder", &yaml(&placeholder));
}
