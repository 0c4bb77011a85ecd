//! Who asks: a bearer token, or nobody in particular on loopback while there is no token at all.
//!
//! Only the hash of a token is known here. A handler gets its caller by taking [`Caller`] (or
//! [`UnitCaller`], where a unit's agent is expected), so it cannot be reached without one; what
//! the caller may is decided by control.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq as _;

use super::{
    App,
    extract::Path,
    origin,
    problem::{Answer, Failure},
};
use crate::{
    backend::local::Local,
    domain::{ActorKind, Binding, LaneName, Principal, Role, SafeText, SiteName, TargetName, TokenText, UnitId, Via},
    store::TokenRecord,
    wire::Code,
};

/// An authenticated caller.
#[derive(Debug)]
pub struct Caller(pub Principal);

/// The agent of the unit that the path names.
#[derive(Debug)]
pub struct UnitCaller {
    /// Who asks.
    pub who: Principal,
    /// The unit.
    pub unit: UnitId,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        authenticate(parts, app).map(Self)
    }
}

/// Whoever asks what flags are: a caller whose token may also be given as OpenFeature's clients do, in
/// `X-API-Key`.
#[derive(Debug)]
pub struct FlagCaller(pub Principal);

impl FromRequestParts<App> for FlagCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let given = match bearer(&parts.headers) {
            Given::Nothing => api_key(&parts.headers),
            given => given,
        };
        authenticate_with(parts, app, &given).map(Self)
    }
}

/// The caller that a token is for, by the token's public id, where it is still good: for a grant that was
/// given to it before.
pub fn holder(app: &App, credential: &str, parts: &Parts) -> Answer<Principal> {
    let tokens = app.control.tokens();
    let token = tokens.iter().find(|record| record.id == credential && record.revoked_at.is_none());
    let token = token.ok_or_else(|| Failure::new(Code::Unauthenticated, UNKNOWN))?;
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    Ok(principal(token, None, peer.map(|peer| SafeText::new(peer.to_string()))))
}

/// Whether the credential of a caller is still good; a caller without one is for as long as nobody needs one.
pub fn is_good(app: &App, who: &Principal) -> bool {
    let tokens = app.control.tokens();
    match &who.credential {
        Some(id) => tokens.iter().any(|record| record.id == id.as_str() && record.revoked_at.is_none()),
        None => app.options.owner.is_some() || tokens.is_empty(),
    }
}

impl FromRequestParts<App> for UnitCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let mut who = authenticate(parts, app)?;
        let Path((group, site, lane)) =
            Path::<(TargetName, SiteName, LaneName)>::from_request_parts(parts, app).await?;
        let unit = UnitId { group, site, lane };
        if who.credential.is_none() {
            // Nobody has a token, so everybody on this machine may be this unit's agent too.
            who.role = Role::Agent;
            who.kind = ActorKind::Agent;
            who.via = Via::Agent;
            who.binding =
                Some(Binding { group: unit.group.clone(), site: unit.site.clone(), lane: Some(unit.lane.clone()) });
        }
        if who.role != Role::Agent {
            let role = who.role.as_str();
            return Err(Failure::new(
                Code::Forbidden,
                format!("a unit is spoken for by its agent only; this token has the role {role}"),
            ));
        }
        let bound = who.binding.as_ref().is_some_and(|binding| {
            binding.group == unit.group
                && binding.site == unit.site
                && binding.lane.as_ref().is_none_or(|lane| *lane == unit.lane)
        });
        if !bound {
            return Err(Failure::new(Code::Forbidden, format!("this agent's token is not bound to {unit}")));
        }
        Ok(Self { who, unit })
    }
}

/// Whoever subscribes to a calendar: a caller whose token may also be given as calendars do, as the password of HTTP's
/// basic authentication under any name.
#[derive(Debug)]
pub struct FeedCaller(pub Principal);

impl FromRequestParts<App> for FeedCaller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let password = basic_password(&parts.headers);
        let given = match &password {
            Some(Ok(token)) => Given::Token(token),
            Some(Err(why)) => Given::Other(why),
            None => bearer(&parts.headers),
        };
        authenticate_with(parts, app, &given).map(Self).map_err(|failure| {
            let mut refused = failure.into_response();
            if refused.status() == StatusCode::UNAUTHORIZED {
                // A calendar asks its owner for a password only where it is told that one is wanted.
                refused.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(PASSWORD));
            }
            refused
        })
    }
}

/// What a calendar is told that it may come with.
const PASSWORD: &str = "Basic realm=\"rolldeck\", charset=\"UTF-8\"";

/// The password of basic authentication; none where the request has another kind of credential, or none.
fn basic_password(headers: &HeaderMap) -> Option<Result<String, &'static str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, encoded) = values.next()?.to_str().ok()?.split_once(' ')?;
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password.trim());
    Some(password.map(str::to_owned).ok_or("Authorization: Basic is followed by name:token in base64"))
}

fn authenticate(parts: &Parts, app: &App) -> Answer<Principal> {
    authenticate_with(parts, app, &bearer(&parts.headers))
}

fn authenticate_with(parts: &Parts, app: &App, given: &Given<'_>) -> Answer<Principal> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let claimed = via(&parts.headers)?;
    let tokens = app.control.tokens();
    let source = peer.map(|peer| SafeText::new(peer.to_string()));
    if let Some(owner) = &app.options.owner {
        return Ok(Local::person(owner.as_str(), claimed.unwrap_or(Via::Api)));
    }
    match given {
        Given::Nothing if tokens.is_empty() => {
            origin::is_direct(parts, peer, app.options.listen)?;
            Ok(Principal {
                id: SafeText::new("local"),
                kind: ActorKind::Human,
                role: Role::Commander,
                targets: vec!["*".to_owned()],
                binding: None,
                credential: None,
                via: claimed.unwrap_or(Via::Api),
                source,
            })
        }
        Given::Nothing => Err(Failure::new(
            Code::Unauthenticated,
            "a token is needed: send it as Authorization: Bearer rolldeck_... (rolldeck token add makes one)",
        )),
        Given::Token(text) => match find(&tokens, text) {
            Ok(token) => Ok(principal(token, claimed, source)),
            Err(why) => Err(refused(app, peer, why)),
        },
        Given::Other(why) => Err(refused(app, peer, why)),
    }
}

fn refused(app: &App, peer: Option<IpAddr>, why: &str) -> Failure {
    app.control.credential_refused(&peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string()));
    Failure::new(Code::Unauthenticated, why)
}

/// What a request carries as its credential.
enum Given<'h> {
    /// No credential.
    Nothing,
    /// A bearer token.
    Token(&'h str),
    /// Something that is none, and why.
    Other(&'static str),
}

fn bearer(headers: &HeaderMap) -> Given<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Given::Nothing };
    if values.next().is_some() {
        return Given::Other("Authorization is given more than once");
    }
    let Ok(text) = value.to_str() else { return Given::Other("Authorization is no text") };
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Given::Token(token.trim()),
        _ => Given::Other("Authorization must be: Bearer, a blank, and a token"),
    }
}

fn api_key(headers: &HeaderMap) -> Given<'_> {
    let mut values = headers.get_all("x-api-key").iter();
    let Some(value) = values.next() else { return Given::Nothing };
    match (value.to_str(), values.next()) {
        (Ok(token), None) => Given::Token(token.trim()),
        (_, Some(_)) => Given::Other("X-API-Key is given more than once"),
        (Err(_), _) => Given::Other("X-API-Key is no text"),
    }
}

const UNKNOWN: &str = "this token is not known here, or was revoked";

fn find<'t>(tokens: &'t [TokenRecord], text: &str) -> Result<&'t TokenRecord, &'static str> {
    let token = TokenText::parse(text)
        .map_err(|_| "this is not a whole rolldeck token: one begins with rolldeck_ and ends with a checksum")?;
    let (id, hash) = (token.id(), token.hash());
    let found = tokens.iter().find(|record| record.id == id);
    // A hash is compared in any case, so that the time taken does not tell which ids exist.
    let stored = found.map_or(UNKNOWN, |record| record.secret_hash.as_str());
    let same = bool::from(stored.as_bytes().ct_eq(hash.as_bytes()));
    found.filter(|record| same && record.revoked_at.is_none()).ok_or(UNKNOWN)
}

fn principal(token: &TokenRecord, claimed: Option<Via>, source: Option<SafeText>) -> Principal {
    let is_agent = token.role == Role::Agent;
    let via = claimed.unwrap_or(if is_agent { Via::Agent } else { Via::Api });
    let kind = match (is_agent, token.holder, via) {
        (true, ..) => ActorKind::Agent,
        // What the token says holds, whatever its client claims.
        (false, Some(holder), _) => holder.into(),
        (false, None, Via::Tui | Via::Cli) => ActorKind::Human,
        (false, None, Via::Api | Via::Agent) => ActorKind::Automation,
    };
    Principal {
        id: SafeText::new(&token.name),
        kind,
        role: token.role,
        targets: token.targets.clone(),
        binding: token.binding.clone(),
        credential: Some(SafeText::new(&token.id)),
        via,
        source,
    }
}

fn via(headers: &HeaderMap) -> Answer<Option<Via>> {
    let Some(value) = headers.get("Rolldeck-Via") else { return Ok(None) };
    match value.as_bytes() {
        b"tui" => Ok(Some(Via::Tui)),
        b"cli" => Ok(Some(Via::Cli)),
        b"api" => Ok(Some(Via::Api)),
        b"agent" => Ok(Some(Via::Agent)),
        _ => Err(Failure::invalid("Rolldeck-Via", "Rolldeck-Via must be one of tui, cli, api, agent")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Holder;

    fn record(text: &TokenText) -> TokenRecord {
        TokenRecord {
            id: text.id(),
            name: "ana".to_owned(),
            secret_hash: text.hash(),
            role: Role::Operator,
            holder: None,
            targets: vec!["*".to_owned()],
            binding: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
            revoked_at: None,
        }
    }

    #[test]
    fn only_the_whole_token_of_a_record_that_is_not_revoked_gets_in() {
        let good = TokenText::new([1; 5], &[2; 32]);
        let same_id = TokenText::new([1; 5], &[3; 32]);
        let other = TokenText::new([9; 5], &[2; 32]);
        let tokens = [record(&good)];
        assert_eq!(find(&tokens, good.expose()).unwrap().name, "ana");
        assert!(find(&tokens, same_id.expose()).is_err(), "another secret under a known id");
        assert!(find(&tokens, other.expose()).is_err(), "an unknown id");
        assert!(find(&tokens, &good.hash()).is_err(), "what the store holds is no credential");
        let revoked = [TokenRecord { revoked_at: Some(chrono::DateTime::UNIX_EPOCH), ..record(&good) }];
        assert!(find(&revoked, good.expose()).is_err());
    }

    #[test]
    fn a_token_used_by_a_script_is_not_recorded_as_a_person() {
        let token = record(&TokenText::new([1; 5], &[2; 32]));
        assert_eq!(principal(&token, None, None).kind, ActorKind::Automation);
        assert_eq!(principal(&token, Some(Via::Tui), None).kind, ActorKind::Human);
        let held = |holder| TokenRecord { holder: Some(holder), ..token.clone() };
        let pipeline = held(Holder::Automation);
        assert_eq!(principal(&pipeline, Some(Via::Cli), None).kind, ActorKind::Automation, "whatever it claims");
        assert_eq!(principal(&held(Holder::Human), None, None).kind, ActorKind::Human, "a person with curl");
        let agent = TokenRecord { role: Role::Agent, ..token };
        assert_eq!(principal(&agent, Some(Via::Cli), None).kind, ActorKind::Agent);
    }
}
