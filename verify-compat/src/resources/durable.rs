//! Resources in a file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::resources::{Resources, ResourcesError};

const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("resources");

/// Keeps resources in one file, by redb: what was acknowledged is on disk. One process opens a file at a time. Clones are
/// one.
///
/// Reads and writes happen on the thread that asks: a read takes microseconds, and a write, which waits for the disk, is
/// an administrator's.
#[derive(Clone)]
pub struct DurableResources {
    database: Arc<Database>,
}

/// The file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "the file of resources could not be opened: it must be writable, and no other process may have it open"
)]
pub struct OpenError {
    source: redb::Error,
}

impl DurableResources {
    /// Opens the file, or makes it. Its folder must exist.
    ///
    /// # Errors
    /// When the file is not one of redb's, cannot be written, or is open in another process.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let open = || -> Result<Database, redb::Error> {
            let database = Database::create(path)?;
            let begun = database.begin_write()?;
            begun.open_table(VALUES)?;
            begun.commit()?;
            Ok(database)
        };
        Ok(Self { database: Arc::new(open().map_err(|source| OpenError { source })?) })
    }

    fn read<T>(
        &self,
        look: impl FnOnce(&redb::ReadOnlyTable<&'static str, &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, ResourcesError> {
        let run = || -> Result<T, redb::Error> { look(&self.database.begin_read()?.open_table(VALUES)?) };
        run().map_err(ResourcesError::new)
    }

    fn write<T>(
        &self,
        act: impl FnOnce(&mut redb::Table<'_, &'static str, &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, ResourcesError> {
        let run = || -> Result<T, redb::Error> {
            let begun = self.database.begin_write()?;
            let done = act(&mut begun.open_table(VALUES)?)?;
            begun.commit()?;
            Ok(done)
        };
        run().map_err(ResourcesError::new)
    }
}

/// All entries whose name begins so.
fn found(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    prefix: &str,
) -> Result<Vec<(String, Bytes)>, redb::Error> {
    let mut found = Vec::new();
    for entry in table.range(prefix..)? {
        let (name, value) = entry?;
        if !name.value().starts_with(prefix) {
            break;
        }
        found.push((name.value().to_owned(), Bytes::copy_from_slice(value.value())));
    }
    Ok(found)
}

#[async_trait]
impl Resources for DurableResources {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, ResourcesError> {
        self.read(|table| Ok(table.get(name)?.map(|value| Bytes::copy_from_slice(value.value()))))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, ResourcesError> {
        self.read(|table| found(table, prefix))
    }

    async fn insert(&self, name: &str, value: Bytes) -> Result<bool, ResourcesError> {
        self.write(|table| {
            if table.get(name)?.is_some() {
                return Ok(false);
            }
            table.insert(name, value.as_ref())?;
            Ok(true)
        })
    }

    async fn replace(&self, name: &str, old: &[u8], new: Bytes) -> Result<bool, ResourcesError> {
        self.write(|table| {
            if table.get(name)?.is_none_or(|value| value.value() != old) {
                return Ok(false);
            }
            table.insert(name, new.as_ref())?;
            Ok(true)
        })
    }

    async fn put(&self, name: &str, value: Bytes) -> Result<(), ResourcesError> {
        self.write(|table| Ok(table.insert(name, value.as_ref()).map(|_| ())?))
    }

    async fn remove(&self, prefix: &str) -> Result<(), ResourcesError> {
        self.write(|table| {
            for (name, _) in found(table, prefix)? {
                table.remove(name.as_str())?;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for DurableResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableResources").finish_non_exhaustive()
    }
}
