//! What waits to be carried out, and what may go next.
//!
//! Invariants:
//! - Operations begin in the order of their arrival, but for syncs that must wait.
//! - A sync of what is being synced waits; with several threads, one is left for other operations.
//! - A sync stands for all that wait for the same: it begins after they were submitted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::append::Append;
use super::{Completion, Wake};
use crate::disk::{DiskOp, Failure, Ticket};
use crate::name::FileName;

/// What the threads are told.
pub(super) enum Message {
    /// There is one more who submits; they count from 0.
    Begin(Origin),
    /// Somebody submits.
    Do { origin: usize, ticket: Ticket, task: Task },
    /// A thread has done a sync.
    Synced(Target),
    /// All that was submitted is carried out, and nothing else.
    End,
}

/// What a thread does.
#[derive(Debug)]
pub(super) enum Task {
    Op(DiskOp),
    /// Writes a group and makes it durable.
    Append(Append),
}

/// What a sync is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    File(FileName),
    Directory,
}

/// Who submits.
pub(super) struct Origin {
    /// Always there until the end.
    completed: Option<Sender<Completion>>,
    wake: Arc<Wake>,
}

/// A task and who waits for it.
struct Job {
    origin: Arc<Origin>,
    ticket: Ticket,
    task: Task,
}

/// What one thread does next.
pub(super) struct Work {
    first: Job,
    /// Syncs that the first one does too.
    others: Vec<Job>,
}

pub(super) struct Inbox {
    messages: Receiver<Message>,
    origins: Vec<Arc<Origin>>,
    waiting: VecDeque<Job>,
    syncing: Vec<Target>,
    syncs_max: usize,
    ending: bool,
}

impl Target {
    /// What `task` syncs, if it does.
    pub(super) fn of(task: &Task) -> Option<Target> {
        match task {
            Task::Append(append) => Some(Target::File(append.name)),
            Task::Op(DiskOp::Sync { file }) => Some(Target::File(*file)),
            Task::Op(DiskOp::SyncDirectory) => Some(Target::Directory),
            Task::Op(
                DiskOp::Create { .. }
                | DiskOp::Write { .. }
                | DiskOp::Rename { .. }
                | DiskOp::Remove { .. },
            ) => None,
        }
    }
}

impl Origin {
    pub(super) fn new(completed: Sender<Completion>, wake: Arc<Wake>) -> Origin {
        Origin { completed: Some(completed), wake }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // What is still in flight fails: whoever waits for it must look.
        self.completed = None;
        (self.wake)();
    }
}

impl Work {
    pub(super) fn task(&self) -> &Task {
        &self.first.task
    }

    /// Tells all who wait for it.
    pub(super) fn complete(self, result: &Result<(), Failure>) {
        for Job { origin, ticket, .. } in std::iter::once(self.first).chain(self.others) {
            let completed = origin.completed.as_ref().expect("it is taken in drop alone");
            // Whoever has dropped the disk does not want to know.
            let _ = completed.send((ticket, result.clone()));
            (origin.wake)();
        }
    }
}

impl Inbox {
    pub(super) fn new(messages: Receiver<Message>, threads: usize) -> Inbox {
        Inbox {
            messages,
            origins: Vec::new(),
            waiting: VecDeque::new(),
            syncing: Vec::new(),
            syncs_max: (threads - 1).max(1),
            ending: false,
        }
    }

    /// Waits for what is to be done next; nothing at the end.
    pub(super) fn next(&mut self) -> Option<Work> {
        loop {
            while let Ok(message) = self.messages.try_recv() {
                self.take(message);
            }
            if let Some(work) = self.pick() {
                return Some(work);
            }
            if self.ending {
                // What still waits is for whoever syncs at this moment, and then comes back.
                return None;
            }
            // Each thread has a sender, so messages cannot end before the threads have.
            let message = self.messages.recv().expect("the threads can send");
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Begin(origin) => self.origins.push(Arc::new(origin)),
            Message::Do { origin, ticket, task } => {
                let origin = self.origins[origin].clone();
                self.waiting.push_back(Job { origin, ticket, task });
            }
            Message::Synced(target) => self.syncing.retain(|syncing| *syncing != target),
            Message::End => self.ending = true,
        }
    }

    fn pick(&mut self) -> Option<Work> {
        let may_begin = |job: &Job| match Target::of(&job.task) {
            Some(target) => self.syncing.len() < self.syncs_max && !self.syncing.contains(&target),
            None => true,
        };
        let at = self.waiting.iter().position(may_begin)?;
        let first = self.waiting.remove(at).expect("it was found there");
        let mut work = Work { first, others: Vec::new() };
        if let Some(target) = Target::of(work.task()) {
            self.syncing.push(target);
            // A group is written by itself, and stands for nothing else.
            let plain = |task: &Task| matches!(task, Task::Op(_));
            let sync = plain(work.task());
            let same =
                |job: &mut Job| sync && plain(&job.task) && Target::of(&job.task) == Some(target);
            while let Some(at) = self.waiting.iter_mut().position(same) {
                work.others.extend(self.waiting.remove(at));
            }
        }
        Some(work)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::disk::Ticket;

    fn op(word: &str) -> DiskOp {
        let file = |epoch: &str| FileName::Manifest { epoch: epoch.parse().unwrap() };
        match word.split_once(' ').unwrap_or((word, "")) {
            ("create", name) => DiskOp::Create { file: file(name) },
            ("sync", "names") => DiskOp::SyncDirectory,
            ("sync", name) => DiskOp::Sync { file: file(name) },
            _ => panic!("what is {word}?"),
        }
    }

    fn task(word: &str) -> Task {
        let Some(number) = word.strip_prefix("append ") else { return Task::Op(op(word)) };
        Task::Append(Append {
            name: FileName::Manifest { epoch: number.parse().unwrap() },
            file: Arc::new(File::open("/dev/null").unwrap()),
            offset: 4096,
            bytes: Vec::new(),
            len: 0,
        })
    }

    /// Operations in words, then `synced ..` for one that is done; `next` shows by their numbers
    /// the operations that a thread does next, `-` if none may begin.
    fn check(threads: usize, script: &str, expected: &str) {
        let (sender, messages) = channel();
        let (completed, completions) = channel();
        sender.send(Message::Begin(Origin::new(completed, Arc::new(Box::new(|| {}))))).unwrap();
        let mut inbox = Inbox::new(messages, threads);
        let mut picked = Vec::new();
        for (number, word) in script.split(", ").enumerate() {
            if word == "next" {
                inbox.messages.try_iter().collect::<Vec<_>>().into_iter().for_each(|message| {
                    inbox.take(message);
                });
                if let Some(work) = inbox.pick() {
                    work.complete(&Ok(()));
                }
                let done = completions.try_iter().map(|(ticket, _)| ticket.0.to_string());
                let done = done.collect::<Vec<_>>().join("+");
                picked.push(if done.is_empty() { "-".to_owned() } else { done });
                continue;
            }
            let message = match word.strip_prefix("synced ") {
                Some(target) => {
                    let sync = Task::Op(op(&format!("sync {target}")));
                    Message::Synced(Target::of(&sync).unwrap())
                }
                None => {
                    let ticket = Ticket(number as u64);
                    Message::Do { origin: 0, ticket, task: task(word) }
                }
            };
            sender.send(message).unwrap();
        }
        assert_eq!(picked.join(" "), expected, "{script}");
    }

    #[test]
    fn a_sync_leaves_one_of_several_threads_to_others() {
        check(2, "sync 1, sync 2, create 3, next, next, next", "0 2 -");
        check(2, "sync 1, sync 2, next, next, synced 1, next", "0 - 1");
        check(3, "sync 1, sync 2, sync 3, create 4, next, next, next, next", "0 1 3 -");
        check(1, "create 1, sync 1, create 2, next, next, next", "0 1 2");
    }

    #[test]
    fn a_group_is_written_by_itself_while_nothing_else_is_synced_there() {
        check(4, "append 1, sync 1, append 1, next, next, synced 1, next", "0 - 1");
        check(4, "sync 1, append 1, sync 1, next, next, synced 1, next", "0+2 - 1");
        check(2, "append 1, append 2, create 3, next, next, synced 1, next", "0 2 1");
    }

    #[test]
    fn one_sync_does_for_all_that_wait_and_for_none_that_come_later() {
        check(4, "sync names, create 1, sync names, next, next", "0+2 1");
        check(4, "sync names, next, sync names, next, synced names, next", "0 - 2");
        check(4, "sync 1, sync 2, sync 1, next, next", "0+2 1");
    }
}
