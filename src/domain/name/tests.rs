//! Which texts are names.

use super::*;

#[test]
fn a_name_starts_with_a_letter_or_digit_and_has_no_surprises() {
    let longest = "x".repeat(NAME_MAX);
    for good in ["a", "7", "dc-west", "A.b_c-9", "pick-assist", &longest] {
        assert_eq!(TargetName::new(good).unwrap().as_str(), good);
    }
    for bad in
        ["", "-a", ".", "..", "_x", "a b", "a/b", "a\nb", "a\0", "ä", "а", "a\u{200b}", "*", &format!("{longest}x")]
    {
        let error = TargetName::new(bad).unwrap_err();
        assert_eq!(error.what, "a target");
        let said = error.to_string();
        assert!(said.starts_with("a target must be"), "{said}");
        assert!(said.len() < 400 && !said.chars().any(char::is_control), "{said:?}");
    }
}

#[test]
fn json_cannot_bring_in_what_is_no_name() {
    assert!(serde_json::from_str::<SiteName>("\"sea 1\"").is_err());
    assert_eq!(serde_json::from_str::<SiteName>("\"sea-1\"").unwrap().as_str(), "sea-1");
}

#[test]
fn the_address_of_a_rollout_has_exactly_one_slash() {
    let id: RolloutId = "dc-west/pick-assist".parse().unwrap();
    assert_eq!((id.target.as_str(), id.name.as_str()), ("dc-west", "pick-assist"));
    assert_eq!(id.to_string(), "dc-west/pick-assist");
    for bad in ["", "pick-assist", "/", "dc-west/", "/pick-assist", "a/b/c", "dc west/x", "../x"] {
        assert!(bad.parse::<RolloutId>().is_err(), "{bad}");
        assert!(serde_json::from_str::<RolloutId>(&format!("\"{bad}\"")).is_err(), "{bad}");
    }
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"dc-west/pick-assist\"");
    assert_eq!(serde_json::from_str::<RolloutId>("\"dc-west/pick-assist\"").unwrap(), id);
}
