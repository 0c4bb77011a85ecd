//! Objects that nobody would write: whatever is put into a valid one, it is shown as far as it goes.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NAMES: [&str; 8] = [
    "canary-paused-step",
    "canary-aborted-while-user-paused",
    "canary-deadline-exceeded",
    "analysis-failed",
    "background-running",
    "experiment-running",
    "bluegreen-paused",
    "traffic-paused-timed-35",
];

/// Values that are wrong nearly everywhere.
fn absurd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(i64::from(i32::MAX)), Just(-1), Just(0)].prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("\u{1b}]0;owned\u{7}\u{202e}\u{200b}evil\u{e0041}")),
        Just(json!("9".repeat(3000))),
        Just(json!("0001-01-01T00:00:00Z")),
        Just(json!("9999-12-31T23:59:59Z")),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[], {}, 7, "x", null])),
        Just(json!({"deep": {"deeper": {"deepest": [1]}}})),
    ]
}

/// Puts a value in the place of the one at a number, counted in the order in which they are met.
fn put(into: &mut Value, place: &mut usize, value: &Value) -> bool {
    if *place == 0 {
        *into = value.clone();
        return true;
    }
    *place -= 1;
    match into {
        Value::Object(map) => map.values_mut().any(|inner| put(inner, place, value)),
        Value::Array(list) => list.iter_mut().any(|inner| put(inner, place, value)),
        _ => false,
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Object(map) => map.values().map(size).sum(),
        Value::Array(list) => list.iter().map(size).sum(),
        _ => 0,
    }
}

/// Whether a text is one that was not made harmless.
fn is_hostile(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}' | '\u{e0000}'..='\u{e007f}'))
}

fn shown(state: &State, rollout: &Value, children: Option<&Children>) -> Result<(), TestCaseError> {
    let read = Rollout::read(rollout);
    let seen = argo::sighting(&read, children, &Grants::default(), state.now);
    let json = serde_json::to_value(&seen.rollout).unwrap();
    let mut texts = vec![&json];
    while let Some(value) = texts.pop() {
        match value {
            Value::String(text) => prop_assert!(!is_hostile(text), "{text:?}"),
            Value::Array(list) => texts.extend(list),
            Value::Object(map) => texts.extend(map.values()),
            _ => {}
        }
    }
    prop_assert!((0.0..=100.0).contains(&seen.rollout.exposure.percent), "{:?}", seen.rollout.exposure);
    prop_assert_eq!(seen.rollout.offers.len(), 8);
    if seen.rollout.phase == Phase::Unknown {
        prop_assert!(!seen.rollout.message.is_empty(), "what cannot be told says why");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_field_of_a_rollout_is_too_absurd_to_show_the_rest(
        which in 0..NAMES.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), absurd()), 1..4), known in any::<bool>(),
    ) {
        let mut state = state(NAMES[which]);
        let mut rollout = state.rollout.take();
        for (place, value) in &changes {
            let mut place = place.index(size(&rollout));
            put(&mut rollout, &mut place, value);
        }
        shown(&state, &rollout, known.then_some(&state.children))?;
    }

    #[test]
    fn no_object_of_a_rollout_is_too_absurd_to_show_the_rest(
        which in 0..NAMES.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), absurd()), 1..6),
    ) {
        let mut state = state(NAMES[which]);
        for (object, place, value) in &changes {
            let mut all: Vec<&mut Value> = state.children.objects.values_mut().flatten().collect();
            let object = &mut all[object.index(NAMES[which].len().min(4))];
            let mut place = place.index(size(object));
            put(object, &mut place, value);
        }
        let rollout = state.rollout.clone();
        shown(&state, &rollout, Some(&state.children))?;
    }
}
