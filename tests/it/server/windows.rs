//! Windows over the API: all of their fields, any instant, the calendar, files in and out.

use rolldeck::domain::{Binding, Role};
use serde_json::json;

use super::world::{Call, WHY, World};

fn windows() -> Call {
    Call::post("/api/v1/windows")
}

#[tokio::test]
async fn a_window_comes_back_with_all_that_was_said_of_it_and_a_change_says_what_it_changed() {
    let world = World::new().await;
    let body = json!({
        "scope": "target=dc-*,stage=fleet", "reason": WHY, "name": "nights", "effect": "deny",
        "schedule": {"zone": "Europe/Oslo", "start": "2026-03-01T22:00:00", "end": "2026-03-02T06:00:00",
                     "rrule": "FREQ=DAILY", "exdate": ["2026-12-24T22:00:00"]},
        "actions": ["promote", "advance"], "initiators": ["automation"], "on_enter": "pause",
        "overridable": "two_person", "contact": "#release", "ticket": "CHG-7",
    });
    let added = world.send(windows().json(&body)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let window = &added.json["window"];
    for field in ["name", "schedule", "initiators", "on_enter", "overridable", "contact", "ticket"] {
        assert_eq!(window[field], body[field], "{field}: {}", added.text);
    }
    assert_eq!((&window["from"], &window["until"]), (&json!("2026-03-01T21:00:00Z"), &json!(null)));
    assert!(window["next_transition"].is_string(), "{}", added.text);
    let fields: Vec<&str> =
        added.json["audit"]["changes"].as_array().unwrap().iter().map(|c| c["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"schedule.rrule") && fields.contains(&"overridable"), "{fields:?}");

    let id = window["id"].as_str().unwrap();
    let mut longer = body.clone();
    longer["schedule"]["end"] = json!("2026-03-02T07:00:00");
    let put = |body: &serde_json::Value| Call::new("PUT", &format!("/api/v1/windows/{id}")).json(body);
    let changed = world.send(put(&longer).header("if-match", "\"1\"")).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(
        changed.json["audit"]["changes"],
        json!([{"field": "schedule.end", "before": "\"2026-03-02T06:00:00\"", "after": "\"2026-03-02T07:00:00\""}])
    );
    let again = world.send(put(&longer)).await;
    assert_eq!((again.json["outcome"].as_str(), &again.json["window"]["revision"]), (Some("no_op"), &json!(2)));
}

#[tokio::test]
async fn what_is_wrong_with_a_window_is_named() {
    let world = World::new().await;
    let with =
        |schedule: serde_json::Value| windows().json(&json!({"scope": "dc-west", "reason": WHY, "schedule": schedule}));
    let start = "2026-03-01T22:00:00";
    for (call, says) in [
        (with(json!({"zone": "Europe/Olso", "start": start})), "Europe/Oslo"),
        (with(json!({"zone": "UTC", "start": "2026-02-30T00:00:00"})), "schedule"),
        (with(json!({"zone": "UTC", "start": start, "duration": "PT1H", "rrule": "FREQ=HOURLY"})), "HOURLY"),
        (with(json!({"zone": "UTC", "start": start, "duration": "PT1H", "rrule": "0 22 * * *"})), "rrule"),
        (windows().json(&json!({"scope": "dc-west", "reason": WHY, "actions": ["rollback"]})), "actions"),
        (windows().json(&json!({"scope": "dc-west", "reason": WHY, "overridable": "never"})), "end"),
    ] {
        let reply = world.send(call).await;
        reply.is_problem(400, "invalid");
        assert!(reply.text.contains(says), "{says}: {}", reply.text);
    }
    for path in [
        "/api/v1/windows/state?site=s1",
        "/api/v1/windows/state?target=dc-west&action=rollback",
        "/api/v1/windows/state?at=9999-01-01T00:00:00Z",
        "/api/v1/windows/calendar",
        "/api/v1/windows/calendar?from=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z",
        "/api/v1/windows/calendar?from=2026-01-01T00:00:00Z&until=2027-06-01T00:00:00Z",
    ] {
        world.get(path).await.is_problem(400, "invalid");
    }
}

#[tokio::test]
async fn any_instant_can_be_asked_about_for_a_place_an_action_and_whoever_does_it() {
    let world = World::new().await;
    let body = json!({"scope": "target=dc-west,site=s1", "reason": WHY, "initiators": ["automation"],
                      "from": "2099-01-01T00:00:00Z", "until": "2099-01-02T00:00:00Z"});
    let id = world.send(windows().json(&body)).await.json["window"]["id"].clone();
    let ask = |query: &str| format!("/api/v1/windows/state?at=2099-01-01T12:00:00Z&target=dc-west{query}");
    for (query, expected) in [
        ("&site=s1&initiator=automation", "closed"),
        ("&site=s1&initiator=human", "open"),
        ("&site=s2&initiator=automation", "open"),
        ("&initiator=automation", "open"),
    ] {
        let state = world.get(&ask(query)).await.json;
        assert_eq!(state["state"], expected, "{query}: {state}");
        assert_eq!(state["active"][0]["id"], id, "{state}");
        assert!(state["tzdb"].as_str().is_some_and(|version| version.starts_with("20")), "{state}");
    }
    let closed = world.get(&ask("&site=s1&initiator=automation")).await.json;
    assert_eq!((&closed["decided_by"][0]["window"], &closed["next_transition"]), (&id, &json!("2099-01-02T00:00:00Z")));
}

const TWO: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n\
BEGIN:VEVENT\r\nUID:a@test\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Oslo:20991224T120000\r\n\
DTEND;TZID=Europe/Oslo:20991227T080000\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:b@test\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20990101T000000Z\r\nDTEND:20990101T060000Z\r\n\
SUMMARY:New year\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[tokio::test]
async fn a_file_is_taken_whole_or_not_at_all_and_tried_without_a_trace() {
    let world = World::new().await;
    let import = |text: &str, dry: bool| {
        let body = json!({"format": "ical", "text": text, "scope": "dc-west", "reason": WHY, "dry_run": dry});
        Call::post("/api/v1/windows/import").header("idempotency-key", "i1").json(&body)
    };
    let size = world.get("/api/v1/audit/checkpoint").await.json["size"].clone();
    let tried = world.send(import(TWO, true)).await;
    assert_eq!((tried.status.as_u16(), &tried.json["outcome"]), (200, &json!("intended")), "{}", tried.text);
    assert_eq!(tried.json["windows"].as_array().unwrap().len(), 2);
    let broken = TWO.replace("DTSTART:20990101", "DTSTART:20990231");
    let refused = world.send(import(&broken, false)).await;
    refused.is_problem(400, "invalid");
    assert_eq!(world.get("/api/v1/windows").await.json["windows"], json!([]));
    assert_eq!(world.get("/api/v1/audit/checkpoint").await.json["size"], size, "nothing was journalled");

    let done = world.send(import(TWO, false)).await;
    assert_eq!((done.status.as_u16(), &done.json["outcome"]), (200, &json!("applied")), "{}", done.text);
    let again = world.send(import(TWO, false)).await;
    assert_eq!(again.json, done.json, "the same key adds nothing twice");
    assert_eq!(world.get("/api/v1/windows").await.json["windows"].as_array().unwrap().len(), 2);
    let entries = world.get("/api/v1/audit?action=window_add").await.json["entries"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 2);
    assert_eq!(entries[0]["correlation_id"], entries[1]["correlation_id"]);
}

#[tokio::test]
async fn why_a_window_is_changed_is_in_the_trail_and_why_it_is_there_stays_on_the_screen() {
    let world = World::new().await;
    let body = json!({"scope": "dc-west", "reason": "pilot window on site", "until": "2099-01-01T00:00:00Z"});
    let added = world.send(windows().json(&body)).await;
    let id = added.json["window"]["id"].as_str().unwrap();
    let put = |body: serde_json::Value| Call::new("PUT", &format!("/api/v1/windows/{id}")).json(&body);
    let longer = |more: serde_json::Value| {
        let mut body = json!({"scope": "dc-west", "reason": "the pilot takes longer", "until": "2099-01-02T00:00:00Z"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let changed = world.send(put(longer(json!({})))).await.json;
    assert_eq!(changed["window"]["reason"], "pilot window on site", "{changed}");
    assert_eq!(changed["audit"]["reason"], "the pilot takes longer", "{changed}");
    assert_eq!(changed["audit"]["changes"].as_array().unwrap().len(), 1, "{changed}");
    let shown = world.send(put(longer(json!({"shown_reason": "the pilot of two sites"})))).await.json;
    assert_eq!(shown["window"]["reason"], "the pilot of two sites", "{shown}");
    let wrong = world.send(put(longer(json!({"shown_reason": "short"})))).await;
    wrong.is_problem(400, "reason-required");
    assert_eq!(wrong.json["field"], "shown_reason", "{}", wrong.text);
}

/// An import with a key of its own, so that nothing is answered from memory.
fn import(format: &str, text: &str, dry: bool) -> Call {
    // What a sync window is about it says itself.
    import_for((format != "argocd").then_some("dc-west"), format, text, dry)
}

fn import_for(scope: Option<&str>, format: &str, text: &str, dry: bool) -> Call {
    static KEYS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let key = format!("import-{}", KEYS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let body = json!({"format": format, "text": text, "scope": scope, "reason": WHY, "dry_run": dry});
    Call::post("/api/v1/windows/import").header("idempotency-key", &key).json(&body)
}

/// What became of the windows, and how many there are then.
async fn became(world: &World, call: Call) -> (String, serde_json::Value, serde_json::Value, usize) {
    let reply = world.send(call).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let all = world.get("/api/v1/windows").await.json["windows"].as_array().unwrap().len();
    (reply.json["outcome"].as_str().unwrap().to_owned(), reply.json["imported"].clone(), reply.json, all)
}

#[tokio::test]
async fn the_same_calendar_again_adds_nothing_and_an_event_that_changed_replaces_its_window() {
    let world = World::new().await;
    let (outcome, imported, first, all) = became(&world, import("ical", TWO, false)).await;
    assert_eq!((outcome.as_str(), imported, all), ("applied", json!(["new", "new"]), 2));
    let entries = || async { world.get("/api/v1/audit/checkpoint").await.json["size"].as_u64().unwrap() };
    let before = entries().await;
    for dry in [true, false] {
        let (outcome, imported, again, all) = became(&world, import("ical", TWO, dry)).await;
        assert_eq!(outcome, if dry { "intended" } else { "no_op" });
        assert_eq!((imported, all), (json!(["unchanged", "unchanged"]), 2));
        assert!(again["windows"][0]["id"].is_string() && again["windows"][0]["id"] == first["windows"][0]["id"]);
    }
    assert_eq!(entries().await, before + 1, "that nothing was to be done is journalled once");

    // The second one is longer now, and a third is one start of a series that has another time.
    let series = "BEGIN:VEVENT\r\nUID:b@test\r\nRECURRENCE-ID:20990108T000000Z\r\nDTSTART:20990108T010000Z\r\n\
                  DTEND:20990108T020000Z\r\nEND:VEVENT\r\nEND:VCALENDAR";
    let changed = TWO.replace("DTEND:20990101T060000Z", "DTEND:20990101T080000Z\r\nSEQUENCE:1");
    let changed = changed.replace("END:VCALENDAR", series);
    let expected = json!(["unchanged", "replaced", "new"]);
    let (_, tried, _, all) = became(&world, import("ical", &changed, true)).await;
    assert_eq!((&tried, all), (&expected, 2));
    let (outcome, done, reply, all) = became(&world, import("ical", &changed, false)).await;
    assert_eq!((outcome.as_str(), &done, all), ("applied", &expected, 3));
    let replaced = &reply["windows"][1];
    assert_eq!(replaced["id"], first["windows"][1]["id"]);
    assert_eq!((&replaced["revision"], &replaced["until"]), (&json!(2), &json!("2099-01-01T08:00:00Z")));
    let uids = [&replaced["imported_from"]["uid"], &reply["windows"][2]["imported_from"]["uid"]];
    assert_eq!(uids, [&json!("b@test"), &json!("b@test")]);
    let entry = world.get("/api/v1/audit?action=window_change").await.json["entries"][0].clone();
    assert!(entry["effect"].as_str().unwrap().ends_with("(imported from iCalendar)"), "{entry}");
    assert!(entry["correlation_id"].is_string() && entry["reason"] == json!(WHY), "{entry}");

    // An older file takes nothing back, and what a person lifted stays lifted.
    let (_, older, _, _) = became(&world, import("ical", TWO, false)).await;
    assert_eq!(older, json!(["unchanged", "unchanged"]));
    let id = replaced["id"].as_str().unwrap();
    let lift = Call::post(&format!("/api/v1/windows/{id}/lift")).json(&json!({"reason": WHY}));
    assert_eq!(world.send(lift).await.status, 200);
    let (_, again, reply, all) = became(&world, import("ical", &changed, false)).await;
    assert_eq!((again, all), (json!(["unchanged", "unchanged", "unchanged"]), 3));
    assert!(reply["remarks"].to_string().contains(&format!("window {id} was lifted by")), "{reply}");
    // What is cancelled is said, and left to a person.
    let cancelled = TWO.replace("SUMMARY:Christmas", "STATUS:CANCELLED");
    let (_, _, reply, all) = became(&world, import("ical", &cancelled, true)).await;
    let christmas = first["windows"][0]["id"].as_str().unwrap();
    assert!(reply["remarks"].to_string().contains(&format!("rolldeck window lift {christmas}")), "{reply}");
    assert_eq!(all, 3);
    // Another scope is another window, and what was exported comes back as what it is.
    let (_, elsewhere, _, all) = became(&world, import_for(Some("dc-east"), "ical", TWO, false)).await;
    assert_eq!((elsewhere, all), (json!(["new", "new"]), 5));
    let feed = world.get("/api/v1/windows.ics").await;
    let (outcome, back, reply, all) = became(&world, import("ical", &feed.text, false)).await;
    assert_eq!((outcome.as_str(), all), ("no_op", 5), "{reply}");
    assert!(back.as_array().unwrap().iter().all(|what| what == "unchanged"), "{reply}");
}

#[tokio::test]
async fn windows_of_a_form_without_names_for_them_are_known_by_what_they_hold() {
    let world = World::new().await;
    let project = json!({"kind": "AppProject", "spec": {"syncWindows": [
        {"kind": "deny", "schedule": "0 22 * * *", "duration": "8h", "namespaces": ["dc-west"], "timeZone": "Europe/Oslo"},
    ]}});
    let periods = json!([{"freeze_start": "0 23 * * 5", "freeze_end": "0 7 * * 1", "cron_timezone": "UTC"}]);
    for (format, text) in [("argocd", project.to_string()), ("gitlab", periods.to_string())] {
        let (_, first, _, all) = became(&world, import(format, &text, false)).await;
        assert!(first.as_array().unwrap().iter().all(|what| what == "new"), "{format}: {first}");
        let (outcome, again, _, still) = became(&world, import(format, &text, false)).await;
        assert_eq!((outcome.as_str(), still), ("no_op", all), "{format}");
        assert!(again.as_array().unwrap().iter().all(|what| what == "unchanged"), "{format}: {again}");
    }
    let other = project.to_string().replace("22 * * *", "21 * * *");
    let (_, other, _, _) = became(&world, import("argocd", &other, false)).await;
    assert_eq!(other, json!(["new"]));
    // What this server exported is what it has.
    let feed = world.get("/api/v1/windows.ics").await;
    let (outcome, back, _, _) = became(&world, import("ical", &feed.text, false)).await;
    assert_eq!((outcome.as_str(), back), ("no_op", json!(["unchanged", "unchanged", "unchanged"])));
}

#[tokio::test]
async fn a_calendar_can_subscribe_to_what_its_token_may_see() {
    let world = World::new().await;
    for scope in ["dc-west", "shop-1"] {
        let body =
            json!({"scope": scope, "reason": WHY, "name": format!("freeze {scope}"), "until": "2099-01-01T00:00:00Z"});
        assert_eq!(world.send(windows().json(&body)).await.status, 201);
    }
    let vera = world.token("vera", Role::Viewer, &["shop-*"], None).await;
    let bound = Binding { group: "dc-west".parse().unwrap(), site: "s1".parse().unwrap(), lane: None };
    let agent = world.token("s1", Role::Agent, &["dc-west"], Some(bound)).await;
    let feed = || Call::get("/api/v1/windows.ics");
    world.send(feed()).await.is_problem(401, "unauthenticated");
    world.send(feed().bearer(&agent)).await.is_problem(403, "forbidden");
    let got = world.send(feed().bearer(&vera)).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert!(got.header("content-type").starts_with("text/calendar"));
    assert!(got.text.starts_with("BEGIN:VCALENDAR\r\n") && got.text.ends_with("END:VCALENDAR\r\n"), "{}", got.text);
    assert!(got.text.contains("freeze shop-1") && !got.text.contains("dc-west"), "{}", got.text);
    let tag = got.header("etag").to_owned();
    let same = world.send(feed().bearer(&vera).header("if-none-match", &tag)).await;
    assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""));
    let body = json!({"scope": "shop-2", "reason": WHY});
    let cora = world.token("cora", Role::Commander, &["*"], None).await;
    assert_eq!(world.send(windows().bearer(&cora).json(&body)).await.status, 201);
    assert_eq!(world.send(feed().bearer(&vera).header("if-none-match", &tag)).await.status, 200);
}
