//! What a store in memory promises of the contract: all but to be there after a restart.

use std::sync::Arc;

use rolldeck::store::{Store, memory::Memory};

use super::contract;

macro_rules! kept_in_memory {
    ($($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            let store: Arc<dyn Store> = Arc::new(Memory::default());
            contract::$promise(async || Arc::clone(&store)).await;
        }
    )*};
}
kept_in_memory! {
    everything_committed_is_there_after_a_restart
    an_empty_store_is_empty
    what_is_written_again_replaces_what_was_there
    an_answer_is_forgotten_and_others_are_kept
    a_batch_with_a_gap_leaves_nothing_of_itself_and_the_next_one_works
    entries_are_found_by_each_filter_and_all_together
    checkpoints_are_listed_ascending_and_the_same_one_twice_is_one
    the_stored_trail_verifies_while_it_grows
}
