//! Brings the content of one file to disk: resumes what is there, tries again with growing pauses
//! while the network breaks off, and ends only with content of the announced size and digest.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::Path,
    time::Duration,
};

use super::{
    HubError, Settings,
    answer::{Failure, Metadata},
    cache::RepoCache,
    client::{Client, Content},
    digest::Kind,
    error::Wanted,
    progress::Meter,
};

/// Attempts in a row that bring nothing new before giving up, as `huggingface_hub`'s 5 retries.
pub(super) const MAX_FRUITLESS: u32 = 5;

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Pause after the n-th failure in a row: 1, 2, 4, 8, ... seconds, 30 at most.
pub(super) fn pause_after(failures: u32) -> Duration {
    let seconds = 1u64 << failures.saturating_sub(1).min(30);
    Duration::from_secs(seconds).min(LONGEST_PAUSE)
}

/// One file on its way to `incomplete`; the caller holds the lock.
pub(super) struct Download<'a> {
    pub(super) settings: &'a Settings,
    pub(super) client: &'a Client,
    pub(super) cache: &'a RepoCache,
    pub(super) wanted: &'a Wanted,
    pub(super) metadata: &'a Metadata,
    pub(super) incomplete: &'a Path,
}

impl Download<'_> {
    /// Returns with the whole, verified and synced content at `incomplete`.
    ///
    /// # Errors
    /// Content that is wrong twice is [`HubError::Corrupt`] and deleted; after any other error what
    /// has arrived stays, for the next start to resume.
    pub(super) fn run(&self) -> Result<(), HubError> {
        let mut meter =
            self.settings.report.begin(&self.wanted.file, self.length(), self.metadata.size);
        for last in [false, true] {
            self.transfer(&mut meter)?;
            let Some((expected, found)) = self.mismatch()? else { break };
            fs::remove_file(self.incomplete).map_err(|e| self.disk("remove", e))?;
            let wanted = Box::new(self.wanted.clone());
            if last {
                return Err(HubError::Corrupt { wanted, expected, found });
            }
            let file = &wanted.file;
            tracing::warn!(%file, %expected, %found, "the download is damaged: starting over");
        }
        meter.finish();
        Ok(())
    }

    fn transfer(&self, meter: &mut Meter) -> Result<(), HubError> {
        let (mut best, mut fruitless) = (self.length(), 0);
        loop {
            let cause = match self.attempt(meter) {
                Ok(()) => return Ok(()),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Missing(_)) => {
                    return Err(HubError::FileNotFound(Box::new(self.wanted.clone())));
                }
                Err(Failure::Passing(cause)) => cause,
            };
            let length = self.length();
            fruitless = if length > best { 1 } else { fruitless + 1 };
            best = best.max(length);
            if fruitless >= MAX_FRUITLESS {
                let wanted = Box::new(self.wanted.clone());
                return Err(HubError::Unreachable { wanted, attempts: fruitless, cause });
            }
            let (file, pause) = (&self.wanted.file, pause_after(fruitless));
            tracing::warn!(%file, %cause, ?pause, "the download broke off: trying again");
            (self.settings.pause)(pause);
        }
    }

    fn attempt(&self, meter: &mut Meter) -> Result<(), Failure> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(self.incomplete);
        let mut file = file.map_err(|error| self.stop("write", error))?;
        let mut length = self.length();
        if self.metadata.size.is_some_and(|size| length > size) {
            length = self.empty(&file)?;
        }
        if self.metadata.size == Some(length) {
            return Ok(());
        }
        let content = self.client.open(self.wanted, &self.metadata.commit, length)?;
        if content.start < length {
            self.empty(&file)?;
        }
        self.copy(content, &mut file, meter)
    }

    /// Appends the content, up to a byte more than announced: enough to see that it is wrong, and
    /// no more.
    fn copy(&self, content: Content, file: &mut File, meter: &mut Meter) -> Result<(), Failure> {
        let Content { start: mut length, reader } = content;
        let limit = self.metadata.size.map_or(u64::MAX, |size| size - length + 1);
        let mut reader = reader.take(limit);
        let mut buffer = vec![0; 1 << 18];
        loop {
            meter.at(length);
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Err(Failure::Passing(error.to_string())),
            };
            file.write_all(&buffer[..count]).map_err(|error| self.stop("write", error))?;
            length += count as u64;
        }
        file.sync_all().map_err(|error| self.stop("write", error))?;
        match self.metadata.size {
            Some(size) if length < size => {
                Err(Failure::Passing(format!("the content ended at byte {length} of {size}")))
            }
            _ => Ok(()),
        }
    }

    /// What was expected and what is there, if they differ.
    fn mismatch(&self) -> Result<Option<(String, String)>, HubError> {
        let (length, Metadata { etag, size, .. }) = (self.length(), self.metadata);
        if let Some(size) = size.filter(|&size| size != length) {
            return Ok(Some((format!("{size} bytes"), format!("{length} or more"))));
        }
        let Some(kind) = Kind::of(etag) else {
            let file = &self.wanted.file;
            tracing::warn!(%file, %etag, "the hub names no digest: only the size is checked");
            return Ok(None);
        };
        let found = kind.digest(self.incomplete).map_err(|error| self.disk("read", error))?;
        let named = |digest: &str| format!("{} {digest}", kind.name());
        Ok((found != *etag).then(|| (named(etag), named(&found))))
    }

    fn length(&self) -> u64 {
        fs::metadata(self.incomplete).map_or(0, |found| found.len())
    }

    fn empty(&self, file: &File) -> Result<u64, Failure> {
        file.set_len(0).map_err(|error| self.stop("write", error))?;
        Ok(0)
    }

    fn stop(&self, action: &'static str, error: std::io::Error) -> Failure {
        Failure::Final(self.disk(action, error))
    }

    fn disk(&self, action: &'static str, error: std::io::Error) -> HubError {
        self.cache.disk(action, self.incomplete, error)
    }
}
