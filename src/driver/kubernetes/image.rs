//! What people call the version that an image is of.

use crate::domain::SafeText;

/// Characters of a digest that are shown.
const DIGEST_SHOWN: usize = 12;

/// The tag of an image: `1.2.0` of `registry.example:5000/shop:1.2.0`. The beginning of its digest where it
/// has that alone; none where it has neither.
#[must_use]
pub fn tag(image: &str) -> Option<SafeText> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    // A colon before the last slash is a registry's port.
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty());
    let digest = || {
        let (kind, hex) = digest?.split_once(':')?;
        Some(format!("{kind}:{}", hex.chars().take(DIGEST_SHOWN).collect::<String>()))
    };
    tag.map(str::to_owned).or_else(digest).map(SafeText::new)
}

/// What a workload with these images is called, beside another one: the tags in which they differ, else the
/// first one. None where no image has a tag.
#[must_use]
pub fn version(images: &[SafeText], beside: &[SafeText]) -> Option<SafeText> {
    let differs = |image: &&SafeText| !beside.contains(image);
    let own: Vec<SafeText> = images.iter().filter(differs).filter_map(|image| tag(image.as_str())).collect();
    match own.as_slice() {
        [] => images.iter().find_map(|image| tag(image.as_str())),
        [first, rest @ ..] if rest.iter().all(|tag| tag == first) => Some(first.clone()),
        several => Some(SafeText::new(several.iter().map(SafeText::as_str).collect::<Vec<_>>().join("+"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_by_its_tag_and_not_by_its_registry() {
        for (image, said) in [
            ("shop:1.2", Some("1.2")),
            ("registry.example:5000/web/shop:1.2", Some("1.2")),
            ("registry.example:5000/web/shop", None),
            ("shop:1.2@sha256:0123456789abcdef0123", Some("1.2")),
            ("shop@sha256:0123456789abcdef0123", Some("sha256:0123456789ab")),
            ("shop", None),
            ("shop:", None),
            ("", None),
        ] {
            assert_eq!(tag(image).as_ref().map(SafeText::as_str), said, "{image}");
        }
    }

    #[test]
    fn of_several_containers_those_that_change_name_the_version() {
        let images = |list: &[&str]| -> Vec<SafeText> { list.iter().map(SafeText::new).collect() };
        let stable = images(&["envoy:1.30", "shop:1.1", "worker:1.1"]);
        for (candidate, said) in [
            (images(&["envoy:1.30", "shop:1.2", "worker:1.1"]), Some("1.2")),
            (images(&["envoy:1.30", "shop:1.2", "worker:1.2"]), Some("1.2")),
            (images(&["envoy:1.31", "shop:1.2", "worker:1.1"]), Some("1.31+1.2")),
            (stable.clone(), Some("1.30")),
            (images(&["shop"]), None),
            (images(&[]), None),
        ] {
            assert_eq!(version(&candidate, &stable).as_ref().map(SafeText::as_str), said, "{candidate:?}");
        }
    }
}
