//! Reading a database from outside, while a server runs on it or not. Changes nothing there.

use sqlx::PgConnection;

use super::{
    address::Address,
    open,
    view::{BEGIN, PostgresView, TAKE_TIME, answer},
};
use crate::store::{StoreError, view::View};

/// A database opened for reading, as it was at one instant.
#[derive(Debug)]
pub struct Reader {
    place: String,
    connection: PgConnection,
}

pub(super) async fn open(address: &Address) -> Result<Reader, StoreError> {
    let place = address.place().to_owned();
    let mut connection = open::reader(address).await?;
    for sql in [BEGIN, TAKE_TIME] {
        answer(&place, "opening the database", sqlx::raw_sql(sql).execute(&mut connection)).await?;
    }
    Ok(Reader { place, connection })
}

impl Reader {
    /// What it reads.
    pub(in crate::store) fn view(&mut self) -> impl View {
        PostgresView { connection: &mut self.connection, place: &self.place }
    }
}
