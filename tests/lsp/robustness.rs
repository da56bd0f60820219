//! What an editor should not send.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use super::client::{Editor, PATIENCE, code};

/// A server that is sent bytes.
struct Raw {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Value>,
}

impl Raw {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seatkeeper"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, answers) = channel();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            while let Some(value) = answer(&mut output) {
                let _ = sender.send(value);
            }
        });
        Self { input: child.stdin.take(), child, answers }
    }

    fn send(&mut self, body: &str) {
        write!(self.input.as_mut().unwrap(), "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    }

    /// The code of the error that the next answer is, and its id.
    fn refusal(&self) -> (Value, Value) {
        let answer = self.answers.recv_timeout(PATIENCE).unwrap();
        (answer["id"].clone(), answer["error"]["code"].clone())
    }

    fn begin(&mut self) {
        self.send(
            &json!({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"capabilities":{}}}).to_string(),
        );
        assert!(self.answers.recv_timeout(PATIENCE).unwrap()["result"]["capabilities"].is_object());
    }

    /// Closes the stream; the exit status.
    fn end(mut self) -> i32 {
        drop(self.input.take());
        let (sender, ended) = channel();
        std::thread::spawn(move || sender.send(self.child.wait().unwrap().code().unwrap()));
        ended.recv_timeout(PATIENCE).unwrap()
    }
}

fn answer(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some((_, value)) => length = value.parse().unwrap(),
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

#[test]
fn nothing_is_answered_before_initialize() {
    let mut raw = Raw::start();
    let opened = json!({"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":
        {"uri":"file:///a.opt","languageId":"x","version":1,"text":"X\n"}}});
    raw.send(&opened.to_string());
    raw.send(r#"{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{}}"#);
    assert_eq!(raw.refusal(), (json!(1), json!(-32002)));
    raw.begin();
    raw.send(r#"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"capabilities":{}}}"#);
    assert_eq!(raw.refusal(), (json!(2), json!(-32600)));
    raw.send(r#"{"jsonrpc":"2.0","id":"s","method":"shutdown"}"#);
    assert_eq!(raw.answers.recv_timeout(PATIENCE).unwrap(), json!({"jsonrpc":"2.0","id":"s","result":null}));
    raw.send(r#"{"jsonrpc":"2.0","id":3,"method":"textDocument/hover","params":{}}"#);
    assert_eq!(raw.refusal(), (json!(3), json!(-32600)));
    raw.send(r#"{"jsonrpc":"2.0","method":"exit"}"#);
    assert_eq!(raw.end(), 0);
}

#[test]
fn what_is_no_message_is_refused_and_the_next_one_answered() {
    let mut raw = Raw::start();
    raw.begin();
    let deep = "[".repeat(100_000);
    for (body, id, code) in [
        ("{\"jsonrpc\"", json!(null), -32700),
        ("\u{feff}{}", json!(null), -32700),
        (deep.as_str(), json!(null), -32700),
        ("[]", json!(null), -32600),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"shutdown"}"#, json!([1]), -32600),
        (r#"{"jsonrpc":"2.0","id":7,"method":"no/such","params":{}}"#, json!(7), -32601),
        (r#"{"jsonrpc":"2.0","id":8,"method":"$/odd"}"#, json!(8), -32601),
        (r#"{"jsonrpc":"2.0","id":9,"method":"textDocument/hover","params":{"x":1}}"#, json!(9), -32602),
        (r#"{"jsonrpc":"2.0","id":10,"method":"textDocument/formatting","params":[]}"#, json!(10), -32602),
    ] {
        raw.send(body);
        assert_eq!(raw.refusal(), (id, json!(code)), "{body:.60}");
    }
    // Notifications have no answer, whatever they are; a damaged one is logged. Neither has an answer that nobody asked for.
    raw.send(r#"{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"x":1}}"#);
    assert_eq!(raw.answers.recv_timeout(PATIENCE).unwrap()["method"], "window/logMessage");
    raw.send(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#);
    raw.send(r#"{"jsonrpc":"2.0","id":99,"result":null}"#);
    let change = json!({"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":
        {"uri":"file:///never/opened.opt","version":1},"contentChanges":[{"text":"X"}]}});
    raw.send(&change.to_string());
    let hover = json!({"jsonrpc":"2.0","id":11,"method":"textDocument/hover","params":{"textDocument":
        {"uri":"file:///never/opened.opt"},"position":{"line":0,"character":0}}});
    raw.send(&hover.to_string());
    assert_eq!(raw.answers.recv_timeout(PATIENCE).unwrap(), json!({"jsonrpc":"2.0","id":11,"result":null}));
    raw.send(r#"{"jsonrpc":"2.0","method":"exit"}"#);
    assert_eq!(raw.end(), 1, "exit without shutdown");
}

#[test]
fn a_stream_that_can_not_be_read_ends_the_server() {
    for bytes in ["hello\n\n", "Content-Length: 99999999999\r\n\r\n", "Content-Length: 10\r\n\r\n{}", ""] {
        let mut raw = Raw::start();
        raw.input.as_mut().unwrap().write_all(bytes.as_bytes()).unwrap();
        assert_eq!(raw.end(), 1, "{bytes:?}");
    }
}

#[test]
fn long_documents_are_judged_and_too_long_ones_left_out() {
    let mut editor = Editor::start();
    let mut text: String = (0..10_000).map(|n| format!("EXCLUDE f{n} USER ann\n")).collect();
    text.push_str("EXCLUDES f USER ann\n");
    editor.open("a.opt", &text);
    let told = editor.told("a.opt");
    assert_eq!(
        told.iter().map(|found| (code(found), found.range.start.line)).collect::<Vec<_>>(),
        [("O0201", 10_000)]
    );
    // A document beyond the bound is forgotten, and the next one is judged.
    editor.change("a.opt", None, &"# long\n".repeat(1_500_000));
    editor.told_codes("a.opt", &[]);
    editor.open("b.opt", "X\n");
    editor.told_codes("b.opt", &["O0201"]);
    assert_eq!(editor.end(), 0);
}
