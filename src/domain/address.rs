//! Where a server is: its URL, checked.

use core::net::IpAddr;

use url::Url;

/// Why a text is not a server's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no server's URL: {why}; write it like https://rolldeck.example:7070")]
pub struct AddressError {
    /// What was given, without credentials.
    given: String,
    /// What is wrong with it.
    why: String,
}

/// Reads a server's URL: `http` or `https`, a host, no credentials, no query. Ends with `/`, so
/// that `join` adds to it.
///
/// # Errors
/// [`AddressError`], which never repeats a password.
pub fn server_url(text: &str) -> Result<Url, AddressError> {
    // Whatever stands before an @ may be a secret.
    let given: String = text.rsplit('@').next().unwrap_or_default().chars().take(200).collect();
    let wrong = |why: &str| AddressError { given: given.clone(), why: why.to_owned() };
    let mut url = Url::parse(text.trim()).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it begins with neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it carries credentials; tokens come from a token file"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Whether the URL's host is this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it_and_a_password_is_never_repeated() {
        assert_eq!(server_url("http://127.0.0.1:7070").unwrap().as_str(), "http://127.0.0.1:7070/");
        assert_eq!(server_url("https://a.example/deck").unwrap().as_str(), "https://a.example/deck/");
        for bad in ["", "a.example", "ftp://a.example", "https://a.example/?x=1", "https://a.example/#x"] {
            assert!(server_url(bad).is_err(), "{bad:?}");
        }
        assert_eq!(server_url("https://Bücher.example").unwrap().as_str(), "https://xn--bcher-kva.example/");
        assert!(server_url("https://xn--a\u{ad}.example").is_err(), "a control character in a name");
        let error = server_url("https://me:hunter22@a.example").unwrap_err().to_string();
        assert!(!error.contains("hunter22"), "{error}");
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for (url, here) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://LOCALHOST", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&server_url(url).unwrap()), here, "{url}");
        }
    }
}
