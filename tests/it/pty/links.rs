//! Links that are slow, that stutter, and that are cut: to the terminal, and to the server.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::dashboard::{arguments, dashboard, phase, rolling};
use crate::support::{
    bytes,
    pty::{Left, SOON},
};

#[test]
fn a_terminal_that_does_not_read_gets_the_newest_screen_and_every_key_counts() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 120, 40);
    pty.wait_for("pick-assist");
    pty.keys(":");
    pty.pause(true);
    let before = pty.count();
    // Each letter changes the screen, and each ^L asks for all of it.
    for letter in 0..90_u8 {
        pty.keys(&format!("{}\x0c", char::from(b'a' + letter % 26)));
        std::thread::park_timeout(Duration::from_millis(3));
    }
    pty.pause(false);
    let typed: String = (0..90_u8).map(|letter| char::from(b'a' + letter % 26)).collect();
    pty.wait_for(&typed);
    pty.quiet(Duration::from_millis(200));
    let after = pty.bytes_since(before);
    let frames = bytes::check_frames(&after, "after the pause");
    // A pseudo-terminal holds some 64 KB by itself.
    assert!(frames < 60 && after.len() < 200_000, "{frames} frames, {} bytes for 180 keys", after.len());
    pty.keys("\x1b");
    pty.until("the line is closed", SOON, |pty| !pty.screen().contains(&typed));
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
    assert_eq!(pty.left(), Left::default());
}

#[test]
fn a_terminal_that_stutters_ends_on_the_screen_that_a_fast_one_shows() {
    let stage = rolling();
    let mut slow = dashboard(&stage, &[], 100, 30);
    slow.wait_for("pick-assist");
    let mut fast = dashboard(&stage, &[], 100, 30);
    fast.wait_for("pick-assist");
    for keys in ["\r", "\t", "f", "f", "3", "4", "5", "6", "9", "1", "\x0c", "a", "\x7f", "\r", "\t\t"] {
        slow.pause(true);
        slow.keys(keys);
        fast.keys(keys);
        std::thread::park_timeout(Duration::from_millis(20));
        slow.pause(false);
        std::thread::park_timeout(Duration::from_millis(5));
    }
    fast.wait_for("timeline");
    slow.wait_for("timeline");
    slow.until_like(&fast, "after stuttering");
    bytes::check_frames(&slow.bytes_since(0), "stuttering");
}

/// A way to the server that can be cut in the middle of an answer.
struct Wire {
    url: String,
    /// How many bytes of each answer come through.
    passes: Arc<AtomicUsize>,
}

impl Wire {
    fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let passes = Arc::new(AtomicUsize::new(usize::MAX));
        let shared = Arc::clone(&passes);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&server)) else { continue };
                let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut up, &mut to));
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || down(server, client, &shared));
            }
        });
        Self { url, passes }
    }
}

fn down(mut server: TcpStream, mut client: TcpStream, passes: &AtomicUsize) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        let most = passes.load(Ordering::SeqCst);
        if client.write_all(&buffer[..count.min(most)]).is_err() || most < count {
            break;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
}

#[test]
fn answers_that_break_off_are_a_lost_link_and_no_more_and_nothing_is_sent_meanwhile() {
    let stage = rolling();
    let wire = Wire::to(&stage.url());
    let mut pty = arguments(&stage, &["--server", &wire.url], &[], 100, 30);
    pty.wait_for("pick-assist");
    for passes in [0, 20, 300] {
        wire.passes.store(passes, Ordering::SeqCst);
        pty.until(&format!("LOST after {passes} bytes"), Duration::from_secs(40), |pty| pty.screen().contains("LOST"));
        assert!(pty.screen().contains("pick-assist"), "what was known is still shown\n{}", pty.screen());
        // A dialog opens all the same, and its button sends nothing that could be lost without a word.
        pty.keys("a");
        pty.wait_for("Pause");
        pty.keys("\x1b");
        pty.until("the menu is closed", SOON, |pty| !pty.screen().contains("enter open the dialog"));
        wire.passes.store(usize::MAX, Ordering::SeqCst);
        pty.until("it is back", Duration::from_secs(60), |pty| !pty.screen().contains("LOST"));
    }
    assert_eq!(phase(&stage), "awaiting_promotion");
    bytes::check_frames(&pty.bytes_since(0), "broken answers");
    pty.keys("q");
    assert_eq!(pty.ended().0, 0);
}

#[test]
fn a_terminal_that_goes_away_while_the_server_is_gone_ends_the_program_at_once() {
    let stage = rolling();
    let mut pty = dashboard(&stage, &[], 100, 30);
    pty.wait_for("pick-assist");
    stage.kill_server();
    pty.wait_for("LOST");
    pty.close();
    let (code, took) = pty.ended();
    assert_eq!(code, 129);
    assert!(took < Duration::from_secs(1), "{took:?}");
}
