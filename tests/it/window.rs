//! Windows against what others make of the same schedules.

mod argocd;
mod zoneinfo;
