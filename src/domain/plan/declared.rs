//! What a plan says of indicators, apart from the rest of it: read from a file that holds nothing else,
//! or lent to a plan that declares none.

use serde_json::{Map, Value as Json};

use super::{
    PlanError, PlanSli, PlanTelemetry,
    document::{Node, Value},
    read, write,
};

/// The indicators of a plan, and where they come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared {
    /// The indicators, in their order.
    pub slis: Vec<PlanSli>,
    /// Where they come from, where it is said.
    pub telemetry: Option<PlanTelemetry>,
}

impl Declared {
    /// Reads the `slis` and the `telemetry` of a plan's document, and looks at nothing else of it.
    ///
    /// # Errors
    /// [`PlanError`] with line, column and field.
    pub fn from_node(root: &Node) -> Result<Self, PlanError> {
        let Value::Map(entries) = &root.value else { return Ok(Self::default()) };
        read::declared(entries)
    }

    /// Whether a document has an entry for indicators.
    #[must_use]
    pub fn is_in(root: &Node) -> bool {
        matches!(&root.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.name == "slis"))
    }

    /// As JSON of the same form as in a plan.
    #[must_use]
    pub fn to_value(&self) -> Json {
        let mut object = Map::new();
        object.insert("slis".to_owned(), self.slis.iter().map(write::sli).collect());
        if let Some(said) = self.telemetry.as_ref().and_then(write::telemetry) {
            object.insert("telemetry".to_owned(), said);
        }
        Json::Object(object)
    }
}
