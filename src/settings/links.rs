//! Links to other places of an organisation: templates of URLs, with what is filled into them encoded, so
//! that no text from outside can lead anywhere but to a host that the config names.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// Longest URL that is made, in bytes: what terminals still take as a link.
pub const URL_MAX: usize = 1500;
/// All but RFC 3986's unreserved characters is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What can be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Linked {
    /// A rollout: `{target}` and `{name}`.
    Rollout,
    /// A flag: `{flag}`.
    Flag,
    /// A change window: `{window}`.
    Window,
    /// A site: `{group}` and `{site}`.
    Site,
    /// A ticket: `{ticket}`.
    Ticket,
}

impl Linked {
    /// The names of what is filled in.
    const fn places(self) -> &'static [&'static str] {
        match self {
            Self::Rollout => &["target", "name"],
            Self::Flag => &["flag"],
            Self::Window => &["window"],
            Self::Site => &["group", "site"],
            Self::Ticket => &["ticket"],
        }
    }
}

/// Templates by what they link, as the config has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeMap<Linked, String>", into = "BTreeMap<Linked, String>")]
#[schemars(with = "BTreeMap<Linked, String>")]
pub struct Links(BTreeMap<Linked, String>);

impl TryFrom<BTreeMap<Linked, String>> for Links {
    type Error = String;

    fn try_from(templates: BTreeMap<Linked, String>) -> Result<Self, String> {
        for (linked, template) in &templates {
            check(*linked, template)?;
        }
        Ok(Self(templates))
    }
}

impl From<Links> for BTreeMap<Linked, String> {
    fn from(links: Links) -> Self {
        links.0
    }
}

/// Whether a template is a URL whose host is written out, with places that can be filled.
fn check(linked: Linked, template: &str) -> Result<(), String> {
    let shown: String = template.chars().take(60).collect();
    let wrong = |why: &str| Err(format!("{shown:?} is no template of a link: {why}"));
    let Some((scheme, rest)) = template.split_once("://") else {
        return wrong("expected https://HOST/... or http://HOST/...");
    };
    if !matches!(scheme, "https" | "http") {
        return wrong("expected https or http");
    }
    if template.len() > URL_MAX || template.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return wrong("expected at most 1500 characters and no blanks");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return wrong("it has no host");
    }
    if authority.contains(['{', '}', '@', '\\']) {
        return wrong("its host has to be written out, without a user");
    }
    let places = linked.places();
    let mut parts = template.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.split_once('}').filter(|(name, _)| places.contains(name));
        let Some((_, after)) = name else {
            let known = places.iter().map(|place| format!("{{{place}}}")).collect::<Vec<_>>().join(" and ");
            return wrong(&format!("what can be filled in here is {known}"));
        };
        filled.push('x');
        filled.push_str(after);
    }
    if filled.contains('}') {
        return wrong("a } has no {");
    }
    match Url::parse(&filled) {
        Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(()),
        Ok(_) => wrong("it has no host"),
        Err(error) => wrong(&error.to_string()),
    }
}

impl Links {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These, and where they say nothing, others.
    #[must_use]
    pub fn over(&self, others: &Self) -> Self {
        let mut all = others.0.clone();
        all.extend(self.0.clone());
        Self(all)
    }

    /// The URL of a rollout.
    #[must_use]
    pub fn rollout(&self, target: &str, name: &str) -> Option<String> {
        self.fill(Linked::Rollout, &[target, name])
    }

    /// The URL of a flag.
    #[must_use]
    pub fn flag(&self, flag: &str) -> Option<String> {
        self.fill(Linked::Flag, &[flag])
    }

    /// The URL of a window.
    #[must_use]
    pub fn window(&self, window: &str) -> Option<String> {
        self.fill(Linked::Window, &[window])
    }

    /// The URL of a site.
    #[must_use]
    pub fn site(&self, group: &str, site: &str) -> Option<String> {
        self.fill(Linked::Site, &[group, site])
    }

    /// The URL of a ticket: what the template says; or the ticket itself, where it is a URL on a host that
    /// the templates name.
    #[must_use]
    pub fn ticket(&self, ticket: &str) -> Option<String> {
        let ticket = ticket.trim();
        match Url::parse(ticket) {
            Ok(url) if url.has_host() => self.permits(&url).then(|| safe(&url)).flatten(),
            _ if ticket.contains("://") => None,
            _ => self.fill(Linked::Ticket, &[ticket]),
        }
    }

    /// Whether a URL is on a host of the templates, by their scheme and port, and names no user.
    fn permits(&self, url: &Url) -> bool {
        let same = |template: &String| origin(template).is_some_and(|origin| origin == url.origin());
        url.username().is_empty() && url.password().is_none() && self.0.values().any(same)
    }

    fn fill(&self, linked: Linked, values: &[&str]) -> Option<String> {
        let template = self.0.get(&linked)?;
        // A segment of dots would walk to another place of the host.
        if values.iter().any(|value| value.is_empty() || matches!(*value, "." | "..")) {
            return None;
        }
        let mut text = template.clone();
        for (place, value) in linked.places().iter().zip(values) {
            // What is filled in holds no braces any more: nothing is filled twice.
            text = text.replace(&format!("{{{place}}}"), &utf8_percent_encode(value, ENCODED).to_string());
        }
        let url = Url::parse(&text).ok()?;
        (origin(template)? == url.origin()).then(|| safe(&url)).flatten()
    }
}

fn origin(template: &str) -> Option<url::Origin> {
    let filled = template.replace(['{', '}'], "");
    Url::parse(&filled).ok().map(|url| url.origin())
}

/// The text of a URL, if it is short and printable ASCII throughout.
fn safe(url: &Url) -> Option<String> {
    let text = url.as_str();
    (text.len() <= URL_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(entries: &[(Linked, &str)]) -> Result<Links, String> {
        let entries: BTreeMap<Linked, String> =
            entries.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
        Links::try_from(entries)
    }

    fn usual() -> Links {
        links(&[
            (Linked::Rollout, "https://deck.example/r/{target}/{name}?from=tui"),
            (Linked::Ticket, "https://jira.example:8443/browse/{ticket}"),
        ])
        .unwrap()
    }

    #[test]
    fn what_is_filled_in_is_encoded() {
        let links = usual();
        assert_eq!(links.rollout("shop", "cart").as_deref(), Some("https://deck.example/r/shop/cart?from=tui"));
        assert_eq!(
            links.ticket("OPS-1 / näh?#{name}").as_deref(),
            Some("https://jira.example:8443/browse/OPS-1%20%2F%20n%C3%A4h%3F%23%7Bname%7D")
        );
        assert_eq!(links.flag("checkout"), None, "no template, no link");
    }

    #[test]
    fn a_hostile_text_leads_nowhere_else() {
        let links = usual();
        for ticket in [
            "..",
            ".",
            "",
            "https://evil.example/OPS-1",
            "https://jira.example/OPS-1",
            "https://mira@jira.example:8443/OPS-1",
            "http://jira.example:8443/OPS-1",
            "javascript://jira.example:8443/%0aalert(1)",
            "file:///etc/passwd",
            "x://",
            "\x1b]8;;https://evil.example\x07",
        ] {
            assert_eq!(links.ticket(ticket), None, "{ticket}");
        }
        for ticket in ["\x1b]8;;evil.example\x07", "../../../admin", "a\nb", "\u{202e}x", "javascript:alert(1)"] {
            let url = links.ticket(ticket).unwrap();
            assert!(url.starts_with("https://jira.example:8443/browse/"), "{url}");
            assert!(!url["https://jira.example:8443/browse/".len()..].contains('/'), "{url}");
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
        }
        assert_eq!(links.ticket(&"x".repeat(5000)), None);
    }

    #[test]
    fn a_ticket_that_is_a_link_to_a_host_of_the_config_is_that_link() {
        let url = "https://jira.example:8443/browse/OPS-1?focus=2";
        assert_eq!(usual().ticket(url).as_deref(), Some(url));
    }

    #[test]
    fn a_template_that_could_lead_anywhere_is_refused_in_words() {
        for (template, why) in [
            ("deck.example/{ticket}", "https://HOST"),
            ("ftp://deck.example/{ticket}", "https or http"),
            ("https://{ticket}/x", "written out"),
            ("https://x@deck.example/{ticket}", "written out"),
            ("https://deck.example/{name}", "{ticket}"),
            ("https://deck.example/{ticket", "{ticket}"),
            ("https://deck.example/ticket}", "has no {"),
            ("https://deck.example/a b{ticket}", "no blanks"),
            ("https:///x/{ticket}", "host"),
        ] {
            let error = links(&[(Linked::Ticket, template)]).unwrap_err();
            assert!(error.contains(why), "{template}: {error}");
        }
    }

    #[test]
    fn the_links_of_a_context_lie_over_those_of_all() {
        let own = links(&[(Linked::Rollout, "https://lab.example/{target}/{name}")]).unwrap();
        let both = own.over(&usual());
        assert_eq!(both.rollout("a", "b").as_deref(), Some("https://lab.example/a/b"));
        assert!(both.ticket("OPS-1").is_some());
    }

    proptest::proptest! {
        #[test]
        fn no_ticket_leads_to_another_host_or_carries_a_control(ticket in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
            if let Some(url) = usual().ticket(&ticket) {
                proptest::prop_assert!(url.starts_with("https://jira.example:8443/") || url.starts_with("https://deck.example/"));
                proptest::prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
