//! `/api/v1/sites`: the fleet.

use axum::{extract::State, routing::get};

use super::Route;
use crate::{
    server::{App, auth::Caller, extract::Json, problem::Answer},
    wire::SitesPage,
};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/sites", "listSites", "Sites of the fleet: desired, reported and measured", get(list))
            .json::<SitesPage>(200, "Sites with their lanes."),
    ]
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<SitesPage>> {
    Ok(Json(app.control.sites(&who).await?))
}
