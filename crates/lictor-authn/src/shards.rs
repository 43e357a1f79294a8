//! How is a large map changed without copying it? In shards that snapshots share: a change copies the one that it is about.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use lictor_model::{CredentialId, Digest};

const COUNT: usize = 256;

/// What spreads well over the shards by itself.
pub(crate) trait Spread {
    /// Any number; the shard is what its last bits say.
    fn spread(&self) -> usize;
}

impl Spread for Digest {
    fn spread(&self) -> usize {
        let [first, ..] = self.into_bytes();
        usize::from(first)
    }
}

impl Spread for CredentialId {
    fn spread(&self) -> usize {
        // The end of an id is random.
        self.as_str().bytes().rev().take(4).fold(0, |sum, byte| sum * 31 + usize::from(byte))
    }
}

/// A map whose clones share what does not differ.
#[derive(Debug)]
pub(crate) struct Shards<K, V>(Vec<Arc<HashMap<K, V>>>);

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self((0..COUNT).map(|_| Arc::default()).collect())
    }
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Spread + Eq + Hash + Clone, V: Clone> Shards<K, V> {
    pub(crate) fn get<Q: Spread + Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key.spread() % COUNT)?.get(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if let Some(shard) = self.0.get_mut(key.spread() % COUNT) {
            Arc::make_mut(shard).insert(key, value);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(shard) = self.0.get_mut(key.spread() % COUNT) {
            Arc::make_mut(shard).remove(key);
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().flat_map(|shard| shard.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_clone_leaves_the_other_as_it_was() {
        let digest = |at: u32| Digest::of(&at.to_be_bytes());
        let mut before = Shards::default();
        for at in 0..2_000 {
            before.insert(digest(at), at);
        }
        let mut after = before.clone();
        after.remove(&digest(7));
        after.insert(digest(5_000), 5_000);
        assert_eq!((before.get(&digest(7)), before.get(&digest(5_000))), (Some(&7), None));
        assert_eq!((after.get(&digest(7)), after.get(&digest(5_000))), (None, Some(&5_000)));
        assert_eq!((before.values().count(), after.values().count()), (2_000, 2_000));
        let shared = before.0.iter().zip(&after.0).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
        assert!(shared >= COUNT - 2, "{shared}");
    }
}
