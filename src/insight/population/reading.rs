//! What can be read of the population: by row, by key, by kind, by trace.

use super::dimension::Dimension;
use super::{Deployment, ISSUE_TYPE, LABEL, Population, Settings, failed, first_bits};
use crate::insight::observation::{Change, Lived, Ran};
use crate::work::ids::TraceId;
use crate::work::key::{Key, Kind};
use crate::work::time::Time;

impl Population {
    /// Counts every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Within one generation a row's number means the same item; see [`Population::succeed`].
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What the configuration says about insight.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many rows there are, with items that others only named.
    pub fn rows(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing was ever observed.
    pub fn is_empty(&self) -> bool {
        self.version == 0 || !self.known.contains(&true)
    }

    /// The rows of a kind of which something was said, in the order in which they came.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = u32> + '_ {
        let known = self.known.iter();
        let rows = self.names.kinds().iter().zip(known).zip(0u32..);
        rows.filter(move |((of, known), _)| **of == kind && **known).map(|(_, row)| row)
    }

    /// A row's key.
    pub fn key(&self, row: u32) -> Option<Key> {
        self.names.key(row)
    }

    /// The row of a key, if something was said of it or it was named.
    pub fn find(&self, key: &Key) -> Option<u32> {
        self.names.row(key)
    }

    /// The roots of traces whose id begins with these bits.
    pub fn roots_of_trace(&self, id: &TraceId) -> Vec<u32> {
        let wanted = first_bits(&id.0);
        let rows = self.traces.iter().zip(0u32..).filter(|(bits, _)| **bits == wanted);
        rows.map(|(_, row)| row).filter(|row| self.parent(*row).is_none()).collect()
    }

    /// A row's kind.
    pub fn kind(&self, row: u32) -> Kind {
        self.names.kind(row)
    }

    /// When it lived.
    pub fn life(&self, row: u32) -> &Lived {
        &self.lived[row as usize]
    }

    /// Whether an item failed or succeeded; `None` if it did neither, or is nothing that fails.
    pub fn failed(&self, row: u32) -> Option<bool> {
        let (_, outcome) = self.life(row).closed?;
        failed(self.kind(row), outcome)
    }

    /// Whether something was ever said of it.
    pub fn is_known(&self, row: u32) -> bool {
        self.known[row as usize]
    }

    /// A pull request's moments.
    pub fn change(&self, row: u32) -> Option<&Change> {
        (self.kind(row) == Kind::PullRequest).then(|| self.changes.get(self.detail[row as usize] as usize))?
    }

    /// When an issue was first answered.
    pub fn responded(&self, row: u32) -> Option<Time> {
        (self.kind(row) == Kind::Issue)
            .then(|| self.responses.get(self.detail[row as usize] as usize).copied())?
    }

    /// What is known of a build or job besides when it lived.
    pub fn run(&self, row: u32) -> Option<&Ran> {
        let ran = matches!(self.kind(row), Kind::Build | Kind::Job);
        ran.then(|| self.runs.get(self.detail[row as usize] as usize))?
    }

    /// What is known of a deploy.
    pub fn deploy(&self, row: u32) -> Option<&Deployment> {
        (self.kind(row) == Kind::Deploy).then(|| self.deploys.get(self.detail[row as usize] as usize))?
    }

    /// Every deploy.
    pub fn deploys(&self) -> &[Deployment] {
        &self.deploys
    }

    /// The text behind the number of a service, an environment or a repository.
    pub fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", |text| text)
    }

    /// The repository that an item is of, as the number that a deploy's service has.
    pub fn repository(&self, row: u32) -> Option<u32> {
        self.repositories.get(&self.names.project(row)).copied()
    }

    /// What an item hangs below.
    pub fn parent(&self, row: u32) -> Option<u32> {
        self.family.parent(row)
    }

    /// The root of an item's trace.
    pub fn root(&self, row: u32) -> u32 {
        self.family.root(row)
    }

    /// An item and everything below it, parents before children.
    pub fn members(&self, root: u32) -> Vec<u32> {
        self.family.members(root)
    }

    /// What an item belongs to besides its parent.
    pub fn linked(&self, row: u32) -> &[u32] {
        self.family.linked(row)
    }

    /// The deploys that ship an item besides those below it.
    pub fn shipped_by(&self, row: u32) -> &[u32] {
        self.family.shipped_by(row)
    }

    /// The keys to slice by.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// How many keys of tags there are that nothing is sliced by, since there are too many.
    pub fn unsliced_keys(&self) -> u64 {
        self.unsliced.len() as u64
    }

    /// A key to slice by.
    pub fn dimension(&self, key: &str) -> Option<&Dimension> {
        self.by_key.get(key).map(|at| &self.dimensions[*at])
    }

    /// Whether an issue is an incident: it has one of the labels that say so, or its type is called so.
    pub fn incident(&self) -> impl Fn(u32) -> bool + '_ {
        let wanted =
            |value: &str| self.settings.incident_labels.iter().any(|l| l.eq_ignore_ascii_case(value));
        let says = [LABEL, ISSUE_TYPE].into_iter().filter_map(|key| self.dimension(key)).map(|said| {
            let sets = (0..said.sets().len()).map(|set| said.names(set as u32).any(wanted));
            (said.codes(), sets.collect::<Vec<bool>>())
        });
        let says: Vec<_> = says.collect();
        move |row| says.iter().any(|(codes, sets)| sets[codes.get(row) as usize])
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let rows =
            self.lived.capacity() * size_of::<Lived>() + self.known.capacity() + self.detail.capacity() * 4;
        let details = self.changes.capacity() * size_of::<Change>()
            + self.runs.capacity() * size_of::<Ran>()
            + self.deploys.capacity() * size_of::<Deployment>()
            + self.responses.capacity() * size_of::<Time>();
        let columns: usize = self.dimensions.iter().map(Dimension::bytes).sum();
        rows + details + columns + self.traces.capacity() * 8 + self.names.bytes() + self.family.bytes()
    }
}
