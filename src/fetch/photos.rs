//! The inputs of one request of which some are URLs of photos: fetched side by side, within the memory that all
//! of them together may have.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

use super::{FetchError, Fetcher, Memory};
use crate::{
    admission::{BodyMemory, Refusal, Visit},
    upload::{Input, Photo},
};

/// Photos of one request that are fetched at the same time.
const AT_ONCE: usize = 8;

impl Fetcher {
    /// `inputs` with files in the place of URLs, or with the reason why there is none
    /// ([`Photo::Missing`]); with `until_one_fails` those up to the first that fails. Their files have
    /// at most `limit` bytes together, for which `visit`, whose body has been read, reserves memory: it
    /// comes with them.
    ///
    /// # Errors
    /// When the memory for one was not free in time.
    pub async fn inputs(
        &self,
        inputs: Vec<Input>,
        limit: usize,
        until_one_fails: bool,
        visit: &mut Visit,
    ) -> Result<(Vec<Input>, Option<BodyMemory>), Refusal> {
        if !inputs.iter().any(|input| matches!(input, Input::Photo(Photo::Url(_)))) {
            return Ok((inputs, None));
        }
        let account = Mutex::new(Account { visit, bytes: 0, limit });
        let mut fetched = Vec::with_capacity(inputs.len());
        {
            let inputs = stream::iter(inputs).map(|input| self.input(input, &account));
            let mut inputs = std::pin::pin!(inputs.buffered(AT_ONCE));
            while let Some(input) = inputs.next().await {
                let input = input?;
                let ends = until_one_fails && matches!(input, Input::Photo(Photo::Missing(_)));
                fetched.push(input);
                if ends {
                    break;
                }
            }
        }
        let Account { visit, bytes, .. } = account.into_inner();
        Ok((fetched, visit.read(bytes)))
    }

    async fn input(&self, input: Input, account: &Mutex<Account<'_>>) -> Result<Input, Refusal> {
        let Input::Photo(Photo::Url(url)) = input else { return Ok(input) };
        match self.file(&url, account).await {
            Ok(file) => Ok(Photo::Bytes(file).into()),
            Err(FetchError::Busy(refusal)) => Err(refusal),
            Err(error) => Ok(Photo::Missing(error.into()).into()),
        }
    }

    async fn file(&self, url: &str, account: &Mutex<Account<'_>>) -> Result<Bytes, FetchError> {
        let mut part = Part { account, bytes: 0 };
        let file = self.get(url, &mut part).await;
        if file.is_err() {
            // What came of it is gone.
            account.lock().await.bytes -= part.bytes;
        }
        file
    }
}

/// What the files of a request have together.
struct Account<'a> {
    visit: &'a mut Visit,
    bytes: usize,
    limit: usize,
}

/// One photo's part of it.
struct Part<'a, 'b> {
    account: &'a Mutex<Account<'b>>,
    bytes: usize,
}

impl Memory for &mut Part<'_, '_> {
    async fn grow(&mut self, bytes: usize) -> Result<(), FetchError> {
        let mut account = self.account.lock().await;
        let sum = account.bytes - self.bytes + bytes;
        if sum > account.limit {
            let setting = "--max-body-bytes, for all photos of a request";
            return Err(FetchError::TooLarge { limit: account.limit, setting });
        }
        account.visit.grow(sum).await?;
        account.bytes = sum;
        self.bytes = bytes;
        Ok(())
    }
}
