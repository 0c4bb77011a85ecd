//! Keymaps from the shell: what is wrong with them, and what they come to.

use super::Shell;

#[test]
fn the_shipped_maps_are_clean_and_one_with_mistakes_says_each_with_its_line() {
    let shell = Shell::new();
    for name in ["default", "vim", "emacs"] {
        shell.run(&["keys", "check", name]).exits(0).tells("nothing is wrong");
    }
    std::fs::create_dir(shell.path("config/keymaps")).unwrap();
    let text = "extends = \"vim\"\n[global]\n\"F9\" = \"refesh\"\n\"Ctrl+u\" = \"help\"\n\"^u\" = \"back\"\n[list]\n\"P\" = \"pause\"\n\"R\" = \"sort\"\n";
    let path = shell.file("config/keymaps/mine.toml", text);
    let by_name = shell.run(&["keys", "check", "mine"]).exits(1);
    for said in [
        "mine.toml:3: global.\"F9\": 'refesh' is no intent, 'refresh' is near",
        "mine.toml:5: global.\"Ctrl+u\": is bound on line 4 already",
        "mine.toml:7: list.\"P\": 'pause' may not be on one bare key",
        "note: ",
        "mine.toml:8: list.\"R\": hides 'refresh' of [global] in [list], which is on F5 there",
        "3 mistakes",
    ] {
        assert!(by_name.out.contains(said), "no {said:?} in {}", by_name.out);
    }
    let report = shell.run(&["keys", "check", path.to_str().unwrap(), "--json"]).exits(1).json();
    assert_eq!(report["findings"].as_array().unwrap().len(), 3);
    assert_eq!(report["findings"][0]["line"], 3);
    assert_eq!(report["remarks"].as_array().unwrap().len(), 1);
    // The keymap in use, without a name.
    shell.file("config/config.toml", "keymap = \"mine\"\n");
    shell.run(&["keys", "check"]).exits(1).tells("refesh");
    shell.run(&["keys", "check", "--keymap", "emacs"]).exits(0).tells("emacs: ");
    // A config that cannot be read keeps nobody from it.
    shell.file("config/config.toml", "keymap = 5\n");
    shell.run(&["keys", "check", "mine"]).exits(1).tells("refesh");
}

#[test]
fn a_keymap_that_is_nowhere_is_a_wrong_usage_with_the_nearest_name() {
    let shell = Shell::new();
    shell.run(&["keys", "check", "emax"]).exits(2).says("'emacs' is near");
    shell.run(&["keys", "check", "./nowhere.toml"]).exits(2).says("nowhere.toml: cannot be read");
    shell.run(&["keys", "list", "--in", "lists"]).exits(2).says("expected one of always, global, list");
}

#[test]
fn the_effective_map_is_listed_with_where_each_key_is_said() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path("config/keymaps")).unwrap();
    shell.file("config/keymaps/mine.toml", "extends = \"emacs\"\n[global]\n\"R\" = false\n\"F9\" = \"refresh\"\n");
    let list = shell.run(&["keys", "list", "mine", "-o", "json"]).exits(0).json();
    let keys = list["keys"].as_array().unwrap();
    let named = |name: &str| keys.iter().find(|key| key["context"] == "global" && key["keys"] == name);
    assert_eq!(named("R"), None);
    assert_eq!(
        (named("F9").unwrap()["intent"].as_str(), named("F9").unwrap()["own"].as_bool()),
        (Some("refresh"), Some(true))
    );
    assert_eq!(named("Ctrl+x Ctrl+c").unwrap()["file"], "keymaps/emacs.toml");
    let menu = shell.run(&["keys", "list", "--in", "menu"]).exits(0);
    assert!(menu.out.contains("pause (opens the dialog)") && !menu.out.contains("quit-now"), "{}", menu.out);
}
