//! Several futures in one task. What is well kept elsewhere is taken from there; dropping the loser of a race is what ends its call.

use core::pin::pin;
use core::task::Poll;

use futures_util::future::{Either, select};

pub use futures_util::future::{join, join_all, join3, try_join, try_join_all};

/// The value of whichever ends first, the left one if both do at the same time. The other one is dropped: a call that is under way is
/// asked to end.
pub async fn race<A: Future, B: Future>(left: A, right: B) -> Either<A::Output, B::Output> {
    match select(pin!(left), pin!(right)).await {
        Either::Left((value, _)) => Either::Left(value),
        Either::Right((value, _)) => Either::Right(value),
    }
}

/// Lets all other tasks that can run do so once.
pub async fn yield_now() {
    let mut has_yielded = false;
    core::future::poll_fn(|context| {
        if has_yielded {
            return Poll::Ready(());
        }
        has_yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
