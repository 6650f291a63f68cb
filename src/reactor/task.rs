//! Tasks, their wakers, and the two lists of tasks that are ready to run.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread::ThreadId;

use slab::Slab;

use super::io::Priority;

/// A place in the task table and the generation of its owner, so that a late wake-up never reaches the
/// next owner of the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskId {
    index: u32,
    generation: u32,
}

type BoxedTask = Pin<Box<dyn Future<Output = ()>>>;

struct TaskSlot {
    generation: u32,
    /// `None` while the task is being polled.
    future: Option<BoxedTask>,
    waker: Arc<TaskWaker>,
}

/// The task table.
#[derive(Default)]
pub(super) struct Tasks {
    slots: Slab<TaskSlot>,
    generation: u32,
}

impl Tasks {
    pub(super) fn insert(&mut self, future: BoxedTask, ready: &Arc<Ready>) -> TaskId {
        self.generation = self.generation.wrapping_add(1);
        let entry = self.slots.vacant_entry();
        let id = TaskId {
            // More than 2^32 tasks do not fit the descriptor table, let alone memory.
            index: entry.key() as u32,
            generation: self.generation,
        };
        entry.insert(TaskSlot {
            generation: self.generation,
            future: Some(future),
            waker: Arc::new(TaskWaker {
                id,
                queued: AtomicU8::new(QUEUED_URGENT),
                ready: Arc::clone(ready),
            }),
        });
        id
    }

    fn slot(&mut self, id: TaskId) -> Option<&mut TaskSlot> {
        let slot = self.slots.get_mut(id.index as usize)?;
        (slot.generation == id.generation).then_some(slot)
    }

    /// Takes the future out to be polled; the mark "queued" is cleared, so that a wake-up during the poll counts.
    pub(super) fn take(&mut self, id: TaskId) -> Option<(BoxedTask, Waker)> {
        let slot = self.slot(id)?;
        let future = slot.future.take()?;
        slot.waker.queued.store(NOT_QUEUED, Ordering::Release);
        Some((future, Waker::from(Arc::clone(&slot.waker))))
    }

    pub(super) fn put_back(&mut self, id: TaskId, future: BoxedTask) {
        if let Some(slot) = self.slot(id) {
            slot.future = Some(future);
        }
    }

    pub(super) fn remove(&mut self, id: TaskId) {
        if self.slot(id).is_some() {
            self.slots.remove(id.index as usize);
        }
    }

    pub(super) fn take_all(&mut self) -> Vec<BoxedTask> {
        self.slots.drain().filter_map(|slot| slot.future).collect()
    }

    pub(super) fn contains(&self, id: TaskId) -> bool {
        self.slots
            .get(id.index as usize)
            .is_some_and(|slot| slot.generation == id.generation)
    }

    pub(super) fn wakers(&self) -> Vec<Waker> {
        let waker = |(_, slot): (usize, &TaskSlot)| Waker::from(Arc::clone(&slot.waker));
        self.slots.iter().map(waker).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

const NOT_QUEUED: u8 = 0;
const QUEUED_BULK: u8 = 1;
const QUEUED_URGENT: u8 = 2;

struct TaskWaker {
    id: TaskId,
    queued: AtomicU8,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let bulk = self.ready.waking_bulk.load(Ordering::Relaxed) && self.ready.on_loop_thread();
        let level = if bulk { QUEUED_BULK } else { QUEUED_URGENT };
        // A task waiting in the bulk list may be queued again as urgent; its bulk entry is stale then.
        if self.queued.fetch_max(level, Ordering::AcqRel) < level {
            self.ready.push(self.id, level);
        }
    }
}

#[derive(Default)]
struct Lists {
    urgent: VecDeque<TaskId>,
    bulk: VecDeque<TaskId>,
}

/// The two ready lists, shared with wakers on other threads.
pub(super) struct Ready {
    lists: Mutex<Lists>,
    waking_bulk: AtomicBool,
    loop_thread: ThreadId,
    waker: mio::Waker,
}

impl Ready {
    pub(super) fn new(waker: mio::Waker) -> Ready {
        Ready {
            lists: Mutex::new(Lists::default()),
            waking_bulk: AtomicBool::new(false),
            loop_thread: std::thread::current().id(),
            waker,
        }
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_loop_thread(&self) -> bool {
        std::thread::current().id() == self.loop_thread
    }

    fn push(&self, id: TaskId, level: u8) {
        {
            let mut lists = self.lists();
            match level {
                QUEUED_BULK => lists.bulk.push_back(id),
                _ => lists.urgent.push_back(id),
            }
        }
        if !self.on_loop_thread() {
            // It can only fail when the eventfd is gone, and then so is the loop.
            let _ = self.waker.wake();
        }
    }

    pub(super) fn push_urgent(&self, id: TaskId) {
        self.push(id, QUEUED_URGENT);
    }

    /// Wakes on behalf of an event of this priority.
    pub(super) fn wake_as(&self, priority: Priority, waker: Waker) {
        self.waking_bulk
            .store(priority == Priority::Data, Ordering::Relaxed);
        waker.wake();
        self.waking_bulk.store(false, Ordering::Relaxed);
    }

    pub(super) fn next_urgent(&self) -> Option<TaskId> {
        self.lists().urgent.pop_front()
    }

    pub(super) fn next_bulk(&self) -> Option<TaskId> {
        self.lists().bulk.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        let lists = self.lists();
        lists.urgent.is_empty() && lists.bulk.is_empty()
    }
}
