//! A request that only reads is one read, whatever it asks: to have caught up with other nodes once since it arrived is
//! enough for all of it.
//!
//! The server says which requests are such. Who says nothing catches up for each question: jobs, and requests that write,
//! which ask for the rights again after a long body.

use std::cell::Cell;

use wharf_core::Result;

tokio::task_local! {
    /// Whether the request that this task answers has caught up.
    static CAUGHT_UP: Cell<bool>;
}

/// Answers a request that only reads.
pub async fn as_one_read<T>(request: impl Future<Output = T>) -> T {
    CAUGHT_UP.scope(Cell::new(false), request).await
}

/// Catches up, unless that was done for this very request.
pub(crate) async fn once(catch_up: impl Future<Output = Result<()>>) -> Result<()> {
    if CAUGHT_UP.try_with(Cell::get) == Ok(true) {
        return Ok(());
    }
    catch_up.await?;
    // Outside of such a request there is nobody to tell.
    let _ = CAUGHT_UP.try_with(|caught_up| caught_up.set(true));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn count(catch_ups: &Cell<u32>) {
        once(async {
            catch_ups.set(catch_ups.get() + 1);
            Ok(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn one_read_catches_up_once_and_the_next_one_again() {
        let catch_ups = Cell::new(0);
        for reads in 1..3 {
            as_one_read(async {
                count(&catch_ups).await;
                count(&catch_ups).await;
            })
            .await;
            assert_eq!(catch_ups.get(), reads);
        }
        count(&catch_ups).await;
        count(&catch_ups).await;
        assert_eq!(catch_ups.get(), 4, "who is no such request catches up each time");
    }
}
