use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::*;

fn pair(handle: &Handle, priority: Priority) -> (Io<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Io::new(handle, ours, priority), theirs)
}

async fn read_some(io: &mut Io<UnixStream>) -> Vec<u8> {
    let mut buffer = [0; 64];
    let count = io
        .io(Direction::Read, |stream| (&*stream).read(&mut buffer))
        .await
        .unwrap();
    buffer[..count].to_vec()
}

#[test]
fn a_task_waits_for_bytes_that_come_later() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let (mut ours, mut theirs) = pair(&handle, Priority::Control);
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        theirs.write_all(b"hello").unwrap();
        theirs
    });
    let got = reactor
        .run(async move { read_some(&mut ours).await })
        .unwrap();
    assert_eq!(got, b"hello");
    drop(writer.join().unwrap());
}

#[test]
fn timers_fire_in_order_and_never_early() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let order = Rc::new(RefCell::new(Vec::new()));
    let start = Instant::now();
    for millis in [30_u64, 10, 20] {
        let (handle, order) = (handle.clone(), Rc::clone(&order));
        reactor.handle().spawn(async move {
            handle.sleep(Duration::from_millis(millis)).await;
            assert!(start.elapsed() >= Duration::from_millis(millis));
            order.borrow_mut().push(millis);
        });
    }
    reactor
        .run(async move { handle.sleep(Duration::from_millis(60)).await })
        .unwrap();
    assert_eq!(*order.borrow(), [10, 20, 30]);
}

#[test]
fn a_dropped_timer_leaves_nothing_behind() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    reactor
        .run(async move {
            let deadline = handle.now() + Duration::from_secs(3600);
            assert!(handle.until(deadline, async { 7 }).await == Some(7));
            let soon = handle.now() + Duration::from_millis(1);
            let long = handle.until(deadline, handle.sleep_until(soon)).await;
            assert!(long.is_some());
            assert!(handle.0.timers.borrow().next().is_none());
        })
        .unwrap();
}

#[test]
fn a_panicking_task_ends_alone_and_its_values_are_dropped() {
    struct Flag(Rc<Cell<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.set(std::thread::panicking());
        }
    }
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let dropped = Rc::new(Cell::new(false));
    let flag = Flag(Rc::clone(&dropped));
    handle.spawn(async move {
        let _held = &flag;
        panic!("wanted by the test");
    });
    let watch = handle.clone();
    reactor
        .run(async move { watch.sleep(Duration::from_millis(5)).await })
        .unwrap();
    assert_eq!(handle.panicked(), 1);
    assert!(dropped.get(), "dropped while unwinding");
}

#[test]
fn a_control_event_overtakes_tasks_that_only_move_data() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let (mut control, mut client) = pair(&handle, Priority::Control);
    let slices = Rc::new(Cell::new(0_u32));
    for _ in 0..50 {
        let (handle, slices) = (handle.clone(), Rc::clone(&slices));
        reactor.handle().spawn(async move {
            loop {
                slices.set(slices.get() + 1);
                handle.breathe().await;
            }
        });
    }
    let seen = Rc::clone(&slices);
    let waited = reactor
        .run(async move {
            handle.sleep(Duration::from_millis(2)).await;
            let reading = read_some(&mut control);
            let mut reading = pin!(reading);
            // Parked first, so that the bytes really come as an event.
            assert!(
                futures_lite::future::poll_once(reading.as_mut())
                    .await
                    .is_none()
            );
            client.write_all(b"NOOP").unwrap();
            let before = seen.get();
            reading.await;
            seen.get() - before
        })
        .unwrap();
    assert!(waited <= 2, "waited for {waited} slices of 50 movers");
}

#[test]
fn a_bulk_task_still_runs_while_urgent_ones_never_stop() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    for _ in 0..3 {
        reactor.handle().spawn(async {
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await;
        });
    }
    reactor
        .run(async move {
            for _ in 0..10 {
                handle.breathe().await;
            }
        })
        .unwrap();
}

#[test]
fn a_stale_token_reaches_nobody() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    reactor
        .run(async move {
            let (mut first, mut first_peer) = pair(&handle, Priority::Control);
            assert!(
                futures_lite::future::poll_once(read_some(&mut first))
                    .await
                    .is_none()
            );
            first_peer.write_all(b"late").unwrap();
            drop(first);
            let (mut second, _second_peer) = pair(&handle, Priority::Control);
            let soon = handle.now() + Duration::from_millis(20);
            assert!(handle.until(soon, read_some(&mut second)).await.is_none());
        })
        .unwrap();
}

#[test]
fn a_reset_is_seen_without_reading() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let (mut ours, theirs) = pair(&handle, Priority::Control);
    let closer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        drop(theirs);
    });
    reactor
        .run(async move {
            std::future::poll_fn(|context| ours.poll_broken(context))
                .await
                .unwrap();
        })
        .unwrap();
    closer.join().unwrap();
}

#[test]
fn a_watch_sees_the_reset_while_the_descriptor_is_in_other_hands() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let (mut ours, theirs) = pair(&handle, Priority::Control);
    let closer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        drop(theirs);
    });
    reactor
        .run(async move {
            let watch = ours.watch().unwrap();
            let held = &mut ours;
            std::future::poll_fn(|context| watch.poll_broken(context)).await;
            assert!(held.is_broken());
            drop(ours);
            // What is gone is broken for good, whoever has its place now.
            std::future::poll_fn(|context| watch.poll_broken(context)).await;
        })
        .unwrap();
    closer.join().unwrap();
}

#[test]
fn a_job_that_sleeps_does_not_stop_the_loop() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let ticks = Rc::new(Cell::new(0));
    let count = Rc::clone(&ticks);
    let ticker = handle.clone();
    handle.spawn(async move {
        loop {
            ticker.sleep(Duration::from_millis(1)).await;
            count.set(count.get() + 1);
        }
    });
    let value = reactor
        .run(async move {
            handle
                .pool()
                .run(&handle, 1, || {
                    std::thread::sleep(Duration::from_millis(50));
                    Ok(42)
                })
                .await
                .unwrap()
        })
        .unwrap();
    assert_eq!(value, 42);
    assert!(ticks.get() >= 5, "only {} ticks", ticks.get());
}

#[test]
fn a_hung_device_leaves_threads_for_others() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let gate = Arc::new(Barrier::new(5));
    for _ in 0..40 {
        let (handle, gate) = (handle.clone(), Arc::clone(&gate));
        reactor.handle().spawn(async move {
            let stuck = handle.pool().run(&handle, 1, move || {
                gate.wait();
                Ok(())
            });
            let _ = stuck.await;
        });
    }
    let answer = reactor
        .run(async move {
            handle.sleep(Duration::from_millis(10)).await;
            let limit = handle.now() + Duration::from_secs(10);
            let answer = handle
                .until(limit, handle.pool().run(&handle, 2, || Ok(2)))
                .await;
            gate.wait();
            answer
        })
        .unwrap();
    assert_eq!(answer.unwrap().unwrap(), 2);
}

#[test]
fn a_job_nobody_waits_for_is_not_begun_but_a_detached_one_is() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let ran = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&ran);
    reactor
        .run(async move {
            let gate = Arc::new(Barrier::new(5));
            for _ in 0..4 {
                let gate = Arc::clone(&gate);
                handle.pool().detach(1, move || {
                    gate.wait();
                });
            }
            let unwanted = Arc::clone(&ran);
            drop(handle.pool().run(&handle, 1, move || {
                unwanted.fetch_add(100, Ordering::SeqCst);
                Ok(())
            }));
            let wanted = Arc::clone(&ran);
            handle.pool().detach(1, move || {
                wanted.fetch_add(1, Ordering::SeqCst);
            });
            gate.wait();
            handle.pool().drained().await;
        })
        .unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn a_panicking_job_is_an_error_for_its_waiter() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let result = reactor
        .run(async move {
            handle
                .pool()
                .run::<()>(&handle, 1, || panic!("wanted by the test"))
                .await
        })
        .unwrap();
    assert!(result.is_err());
}

#[test]
fn a_panic_of_the_main_task_ends_the_loop() {
    let mut reactor = Reactor::new().unwrap();
    assert!(
        reactor
            .run::<()>(async { panic!("wanted by the test") })
            .is_err()
    );
}

#[test]
fn bytes_behind_an_urgent_one_are_read_without_a_new_event() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = socket2::Socket::from(
        std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap(),
    );
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    socket2::SockRef::from(&ours)
        .set_out_of_band_inline(true)
        .unwrap();
    let mut ours = Io::new(&handle, ours, Priority::Control);
    let got = reactor
        .run(async move {
            let mut got = Vec::new();
            let mut buffer = [0; 64];
            let nothing = ours.io(Direction::Read, |stream| (&*stream).read(&mut buffer));
            assert!(futures_lite::future::poll_once(nothing).await.is_none());
            theirs.send(b"ab").unwrap();
            theirs.send_out_of_band(b"!").unwrap();
            theirs.send(b"ABOR\n").unwrap();
            while got.len() < 8 {
                let reading = ours.io(Direction::Read, |stream| (&*stream).read(&mut buffer));
                let limit = handle.now() + Duration::from_secs(5);
                let count = handle.until(limit, reading).await.expect("a stuck read");
                got.extend_from_slice(&buffer[..count.unwrap()]);
                ours.exhausted(Direction::Read);
            }
            got
        })
        .unwrap();
    assert_eq!(got, b"ab!ABOR\n");
}

#[test]
fn a_signal_wakes_its_task() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let mut signals = Signals::new(&handle, &[libc::SIGUSR2]).unwrap();
    let raised = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(10));
        signal_hook::low_level::raise(libc::SIGUSR2).unwrap();
    });
    let got = reactor.run(async move { signals.next().await }).unwrap();
    assert_eq!(got, libc::SIGUSR2);
    raised.join().unwrap();
}

#[test]
fn the_end_of_input_after_a_short_read_is_not_lost() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let (mut ours, mut theirs) = pair(&handle, Priority::Control);
    let got = reactor
        .run(async move {
            assert!(
                futures_lite::future::poll_once(read_some(&mut ours))
                    .await
                    .is_none()
            );
            theirs.write_all(b"QUIT").unwrap();
            drop(theirs);
            handle.sleep(Duration::from_millis(2)).await;
            let first = read_some(&mut ours).await;
            ours.exhausted(Direction::Read);
            (first, read_some(&mut ours).await)
        })
        .unwrap();
    assert_eq!(got, (b"QUIT".to_vec(), Vec::new()));
}
