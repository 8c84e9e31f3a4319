//! Telling somebody else's server: a webhook or a callback, again after a while where that may help.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use verify_core::{Fetch, FetchErrorKind};

/// How often one message is tried: with the pauses in between that is seven and a half seconds, in which a server is restarted,
/// and less than an engine waits.
pub(crate) const TRIES: u8 = 5;

/// Before the second try; before each that follows twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// An address that can be called: absolute, and of HTTP.
#[cfg(any(feature = "twilio", feature = "govifi"))]
pub(crate) fn url(text: &str) -> Option<http::Uri> {
    let url: http::Uri = text.parse().ok()?;
    let is_absolute = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    is_absolute.then_some(url)
}

/// What one try came to.
enum Try {
    Taken,
    /// It may be taken another time, and no sooner than its receiver says.
    Again(Option<Duration>),
    /// It is never taken.
    Refused,
}

/// Sends a message until it is taken or refused, so many times and so long at most; says whether it was taken.
///
/// | answer | then |
/// |---|---|
/// | 2xx | taken |
/// | none, 408, 425, 429, 5xx | once more, after half a second and then twice as long each time, or as long as `Retry-After` says |
/// | any other, a redirect too | refused: who says no says so again, and who points elsewhere is not followed |
///
/// A try that would come too late is not waited for. Without a runtime, which has the timer, there is one try.
pub(crate) async fn tell(
    fetch: &dyn Fetch,
    tries: u8,
    within: Duration,
    request: impl Fn() -> Option<Request<Bytes>>,
) -> bool {
    if Handle::try_current().is_err() {
        return matches!(once(fetch, request()).await, Try::Taken);
    }
    let begun = Instant::now();
    let all = async {
        let mut pause = FIRST_PAUSE;
        for left in (0..tries).rev() {
            let wished = match once(fetch, request()).await {
                Try::Taken => return true,
                Try::Refused => return false,
                Try::Again(wished) => wished.unwrap_or_default(),
            };
            let wait = pause.max(wished);
            if left == 0 || wait >= within.saturating_sub(begun.elapsed()) {
                return false;
            }
            sleep(wait).await;
            pause = pause.saturating_mul(2);
        }
        false
    };
    timeout(within, all).await.unwrap_or(false)
}

async fn once(fetch: &dyn Fetch, request: Option<Request<Bytes>>) -> Try {
    let Some(request) = request else { return Try::Refused };
    match fetch.fetch(request).await {
        Ok(answer) => match answer.status().as_u16() {
            200..=299 => Try::Taken,
            408 | 425 | 429 | 500.. => Try::Again(wished(&answer)),
            _ => Try::Refused,
        },
        Err(error) if error.kind() == FetchErrorKind::Forbidden => Try::Refused,
        Err(_) => Try::Again(None),
    }
}

/// How long a receiver wants to be left alone, in seconds.
fn wished(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    use async_trait::async_trait;
    use verify_core::FetchError;

    use super::*;

    /// Answers as it is told, the first one last, and notes when it was asked.
    #[derive(Debug)]
    struct Receiver {
        answers: Mutex<Vec<&'static str>>,
        asked: Mutex<Vec<Duration>>,
        since: Instant,
    }

    impl Receiver {
        fn new(answers: &[&'static str]) -> Self {
            let answers = Mutex::new(answers.iter().rev().copied().collect());
            Self { answers, asked: Mutex::default(), since: Instant::now() }
        }

        /// When it was asked, in milliseconds.
        fn asked(&self) -> Vec<u128> {
            self.asked.lock().unwrap().iter().map(Duration::as_millis).collect()
        }
    }

    #[async_trait]
    impl Fetch for Receiver {
        async fn fetch(&self, _: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
            self.asked.lock().unwrap().push(self.since.elapsed());
            let answer = self.answers.lock().unwrap().pop().unwrap_or("200");
            let (status, wait) = answer.split_once(' ').unwrap_or((answer, ""));
            let response = Response::builder().status(match status {
                "unsent" => return Err(FetchErrorKind::Unsent.into()),
                "broken" => return Err(FetchErrorKind::Broken.into()),
                "forbidden" => return Err(FetchErrorKind::Forbidden.into()),
                "silent" => std::future::pending().await,
                status => status,
            });
            let response = if wait.is_empty() { response } else { response.header(RETRY_AFTER, wait) };
            Ok(response.body(Bytes::new()).unwrap())
        }
    }

    const LONG: Duration = Duration::from_secs(10);

    async fn told(answers: &[&'static str]) -> (bool, Vec<u128>) {
        let receiver = Receiver::new(answers);
        let request = || Request::post("https://app.example/hook").body(Bytes::new()).ok();
        (tell(&receiver, TRIES, LONG, request).await, receiver.asked())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_taken_later_is_tried_again_after_pauses_and_not_for_ever() {
        assert_eq!(told(&["204"]).await, (true, vec![0]));
        for failure in ["unsent", "broken", "408", "425", "429", "500", "503"] {
            assert_eq!(told(&[failure]).await, (true, vec![0, 500]), "{failure}");
        }
        assert_eq!(told(&["503"; 4]).await, (true, vec![0, 500, 1500, 3500, 7500]));
        assert_eq!(told(&["503"; 9]).await, (false, vec![0, 500, 1500, 3500, 7500]));
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_no_or_points_elsewhere_is_not_asked_again() {
        for answer in ["400", "401", "404", "410", "422", "301", "307", "forbidden"] {
            assert_eq!(told(&[answer]).await, (false, vec![0]), "{answer}");
        }
        let none = tell(&Receiver::new(&[]), TRIES, LONG, || None).await;
        assert!(!none, "what cannot be written as a request");
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_says_how_long_it_wants_to_be_left_alone() {
        assert_eq!(told(&["429 3", "503 0"]).await, (true, vec![0, 3000, 4000]));
        let since = Instant::now();
        assert_eq!(told(&["503 10"]).await, (false, vec![0]), "nobody waits for what comes too late");
        assert_eq!(told(&["503 later"]).await, (true, vec![0, 500]));
        assert!(since.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn all_tries_together_keep_the_time() {
        let since = Instant::now();
        assert_eq!(told(&["503", "silent"]).await, (false, vec![0, 500]));
        assert_eq!(since.elapsed(), LONG);
    }

    #[test]
    fn without_a_runtime_there_is_one_try() {
        let receiver = Receiver::new(&["503"]);
        let request = || Request::post("https://app.example/hook").body(Bytes::new()).ok();
        let mut told = pin!(tell(&receiver, TRIES, LONG, request));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(told.as_mut().poll(&mut context), Poll::Ready(false));
        assert_eq!(receiver.asked().len(), 1);
    }
}
