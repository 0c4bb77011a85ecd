//! Names of sites.

/// Distribution centres in the west.
pub(super) const WEST: [&str; 12] = [
    "reno", "fresno", "tacoma", "boise", "salem", "provo", "tucson", "eugene", "medford", "yakima", "modesto", "sparks",
];
/// Distribution centres in the east.
pub(super) const EAST: [&str; 10] =
    ["albany", "dover", "macon", "dayton", "toledo", "akron", "scranton", "camden", "newark", "trenton"];
/// Stores in the north.
pub(super) const NORDIC: [&str; 24] = [
    "oslo-1",
    "oslo-2",
    "bergen-1",
    "tromso-1",
    "malmo-1",
    "malmo-2",
    "uppsala-1",
    "lund-1",
    "kiruna-1",
    "turku-1",
    "espoo-1",
    "espoo-2",
    "oulu-1",
    "vaasa-1",
    "aarhus-1",
    "aarhus-2",
    "odense-1",
    "aalborg-1",
    "esbjerg-1",
    "ribe-1",
    "molde-1",
    "bodo-1",
    "narvik-1",
    "alta-1",
];
/// Stores in Belgium, the Netherlands and Luxembourg.
pub(super) const BENELUX: [&str; 16] = [
    "gent-1",
    "gent-2",
    "brugge-1",
    "leuven-1",
    "namur-1",
    "liege-1",
    "breda-1",
    "tilburg-1",
    "utrecht-1",
    "utrecht-2",
    "delft-1",
    "leiden-1",
    "zwolle-1",
    "venlo-1",
    "arlon-1",
    "wiltz-1",
];
/// Parcel hubs in the middle.
pub(super) const DACH: [&str; 8] = ["ulm", "kassel", "erfurt", "bremen", "linz", "graz", "bern", "chur"];
/// Cold stores.
pub(super) const COLD: [&str; 9] =
    ["bodo-cold", "cuxhaven", "vigo", "peterhead", "skagen", "brest", "hull", "urk", "ostend"];
/// Data centres of the web shop.
pub(super) const SHOPS: [&str; 4] = ["dublin", "paris", "frankfurt", "milan"];
/// Where returns are graded.
pub(super) const RETURNS: [&str; 6] = ["lodz", "brno", "gyor", "arad", "plovdiv", "nitra"];

/// As many of them as text.
pub(super) fn all(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
