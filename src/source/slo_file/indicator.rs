//! What both forms of SLO files come to: one indicator, checked where it was written.

use super::{
    FileSli, SloFile,
    arms::{self, Asks},
    fields::{Field, Fields, Read},
};
use crate::{
    domain::{
        GateName, SafeText,
        plan::{ArmsBy, PlanSli, PlanTelemetry},
        sli::Family,
    },
    source::catalog,
};

/// An indicator that is being read.
pub(super) struct Draft<'n> {
    pub sli: PlanSli,
    pub arms: ArmsBy,
    /// What is to be said of it.
    pub remarks: Vec<String>,
    /// The fields of the file that its own are from, for errors.
    places: Vec<(&'static str, Field<'n>)>,
}

impl<'n> Draft<'n> {
    /// An indicator of which only the name is known.
    pub fn new(name: &str, place: &Field<'n>, arms: ArmsBy) -> Read<Self> {
        // It is the name of what agents report, too, and names in plans are as those of gates are.
        if GateName::new(name).is_err() {
            let shown: String = name.chars().take(60).collect();
            return Err(place.wrong(format!("{shown:?} cannot name an indicator: use letters, digits, - _ and . only")));
        }
        Ok(Self { sli: PlanSli::new(name), arms, remarks: Vec::new(), places: Vec::new() })
    }

    /// A query of the file, made to tell arms apart.
    pub fn query(&mut self, field: &'static str, place: Field<'n>, asks: Asks) -> Read<()> {
        let text = place.text("a query")?;
        let arranged = arms::arrange(text, asks, self.arms)
            .map_err(|refusal| place.wrong(format!("{refusal}{}", arms::by_hand(self.arms))))?;
        for remark in arranged.remarks {
            if !self.remarks.contains(&remark) {
                self.remarks.push(remark);
            }
        }
        // The share of slow requests speaks for latency, and has one vote with it.
        if arranged.durations {
            self.sli.family = Some(Family::Latency);
        }
        let queries = &mut self.sli.queries;
        match field {
            "good" => queries.good = Some(arranged.query),
            "bad" => queries.bad = Some(arranged.query),
            "total" => queries.total = Some(arranged.query),
            _ => queries.value = Some(arranged.query),
        }
        self.places.push((field, place));
        Ok(())
    }

    /// Says where a field of the indicator is from.
    pub fn from(&mut self, field: &'static str, place: Field<'n>) {
        self.places.push((field, place));
    }

    /// Checks the indicator as a plan's is checked, and adds it to the file.
    pub fn finish(
        self,
        object: &Fields<'n>,
        service: Option<SafeText>,
        source: Option<SafeText>,
        file: &mut SloFile,
    ) -> Read<()> {
        let telemetry = PlanTelemetry { source: SafeText::new("any"), arms: self.arms, ..PlanTelemetry::default() };
        if let Err(error) = catalog::resolve(&self.sli, &telemetry) {
            let place = self.places.iter().find(|(field, _)| *field == error.field);
            let message = error.problem.to_string();
            return Err(place.map_or_else(|| object.wrong(&message), |(_, place)| place.wrong(&message)));
        }
        for remark in self.remarks {
            file.remarks.push(SafeText::new(format!("{}: {remark}", self.sli.name)));
        }
        file.indicators.push(FileSli { sli: self.sli, service, source });
        Ok(())
    }
}

/// A share of one, without what dividing adds: 99.9 of a hundred is 0.999.
pub(super) fn of_hundred(percent: f64) -> f64 {
    (percent * 1e10).round() / 1e12
}
