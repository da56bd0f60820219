//! An editor: async-lsp's client over the pipes of a server.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_lsp::lsp_types::notification::{self as n, Notification};
use async_lsp::lsp_types::request::{self as r, Request};
use async_lsp::lsp_types::{
    ClientCapabilities, CodeAction, CodeActionContext, CodeActionOrCommand, CodeActionParams, Diagnostic,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    GeneralClientCapabilities, InitializeParams, InitializeResult, InitializedParams, NumberOrString,
    Position, PositionEncodingKind, PublishDiagnosticsParams, Range, TextDocumentContentChangeEvent,
    TextDocumentIdentifier, TextDocumentItem, TextDocumentPositionParams, TextEdit, Url,
    VersionedTextDocumentIdentifier,
};
use async_lsp::router::Router;
use async_lsp::{Error, MainLoop, ServerSocket};
use tokio::process::{Child, Command};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Judged as this machine on this day, whatever runs the test.
pub(crate) const AS_OTHER: [&str; 6] =
    ["--hostid", "0011aabbccdd", "--date", "2026-06-15", "--timezone", "UTC"];

/// An editor with a server of its own.
pub(crate) struct Editor {
    runtime: Runtime,
    server: ServerSocket,
    told: UnboundedReceiver<PublishDiagnosticsParams>,
    child: Child,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) begin: InitializeResult,
    version: i32,
}

impl Editor {
    /// Starts one that counts columns in UTF-16.
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts one that offers these position encodings.
    pub(crate) fn start_with(encodings: Option<Vec<PositionEncodingKind>>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_seatkeeper"))
            .arg("lsp")
            .args(AS_OTHER)
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (sender, told) = unbounded_channel();
        let (main_loop, server) = MainLoop::new_client(|_server| {
            let mut router: Router<()> = Router::new(());
            router
                .notification::<n::PublishDiagnostics>(move |(), params| {
                    let _ = sender.send(params);
                    ControlFlow::Continue(())
                })
                .notification::<n::ShowMessage>(|(), _| ControlFlow::Continue(()))
                .notification::<n::LogMessage>(|(), _| ControlFlow::Continue(()));
            router
        });
        let (output, input) =
            (child.stdout.take().unwrap().compat(), child.stdin.take().unwrap().compat_write());
        runtime.spawn(async move {
            let _ = main_loop.run_buffered(output, input).await;
        });
        let mut editor =
            Self { server, told, child, dir, begin: InitializeResult::default(), version: 0, runtime };
        let general = GeneralClientCapabilities { position_encodings: encodings, ..Default::default() };
        let capabilities = ClientCapabilities { general: Some(general), ..Default::default() };
        editor.begin =
            editor.ask::<r::Initialize>(InitializeParams { capabilities, ..Default::default() }).unwrap();
        editor.say::<n::Initialized>(InitializedParams {});
        editor
    }

    pub(crate) fn ask<R: Request>(&self, params: R::Params) -> Result<R::Result, Error> {
        let asked = self.server.request::<R>(params);
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
        answer.expect("an answer in time")
    }

    pub(crate) fn say<N: Notification>(&self, params: N::Params) {
        self.server.notify::<N>(params).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn uri(&self, name: &str) -> Url {
        Url::from_file_path(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Opens a document, which need not be on the disk.
    pub(crate) fn open(&mut self, name: &str, text: &str) {
        let text_document = TextDocumentItem::new(self.uri(name), "lic".into(), 1, text.to_owned());
        self.version = 1;
        self.say::<n::DidOpenTextDocument>(DidOpenTextDocumentParams { text_document });
    }

    pub(crate) fn close(&self, name: &str) {
        let text_document = self.document(name);
        self.say::<n::DidCloseTextDocument>(DidCloseTextDocumentParams { text_document });
    }

    /// Replaces a range, or the whole text.
    pub(crate) fn change(&mut self, name: &str, range: Option<Range>, text: &str) {
        self.version += 1;
        let change = TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() };
        self.say::<n::DidChangeTextDocument>(DidChangeTextDocumentParams {
            text_document: VersionedTextDocumentIdentifier::new(self.uri(name), self.version),
            content_changes: vec![change],
        });
    }

    pub(crate) fn document(&self, name: &str) -> TextDocumentIdentifier {
        TextDocumentIdentifier::new(self.uri(name))
    }

    pub(crate) fn place(&self, name: &str, line: u32, character: u32) -> TextDocumentPositionParams {
        TextDocumentPositionParams::new(self.document(name), Position::new(line, character))
    }

    /// The next findings of a document.
    pub(crate) fn told(&mut self, name: &str) -> Vec<Diagnostic> {
        let uri = self.uri(name);
        self.runtime.block_on(async {
            let next = async {
                loop {
                    let params = self.told.recv().await.expect("the server goes on");
                    if params.uri == uri {
                        return params.diagnostics;
                    }
                }
            };
            tokio::time::timeout(PATIENCE, next).await.expect("findings in time")
        })
    }

    /// The findings of a document, as soon as their codes are these.
    pub(crate) fn told_codes(&mut self, name: &str, codes: &[&str]) -> Vec<Diagnostic> {
        loop {
            let told = self.told(name);
            if told.iter().map(code).eq(codes.iter().copied()) {
                return told;
            }
        }
    }

    /// The fixes at a place.
    pub(crate) fn fixes(&self, name: &str, range: Range) -> Vec<CodeAction> {
        let asked = CodeActionParams {
            text_document: self.document(name),
            range,
            context: CodeActionContext::default(),
            work_done_progress_params: Default::default(),
            partial_result_params: Default::default(),
        };
        let actions = self.ask::<r::CodeActionRequest>(asked).unwrap().unwrap();
        let action = |action| match action {
            CodeActionOrCommand::CodeAction(action) => action,
            CodeActionOrCommand::Command(command) => panic!("{command:?}"),
        };
        actions.into_iter().map(action).collect()
    }

    /// The edits of a fix in a document.
    pub(crate) fn edits(&self, name: &str, action: &CodeAction) -> Vec<TextEdit> {
        action.edit.as_ref().unwrap().changes.as_ref().unwrap()[&self.uri(name)].clone()
    }

    /// Ends the conversation as the protocol wants it; the exit status.
    pub(crate) fn end(mut self) -> i32 {
        self.ask::<r::Shutdown>(()).unwrap();
        self.say::<n::Exit>(());
        let status = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, self.child.wait()).await });
        status.expect("an end in time").unwrap().code().unwrap()
    }
}

/// The code of a finding.
pub(crate) fn code(found: &Diagnostic) -> &str {
    match &found.code {
        Some(NumberOrString::String(code)) => code,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn range(line: u32, from: u32, to: u32) -> Range {
    Range::new(Position::new(line, from), Position::new(line, to))
}

/// A text after edits that are given in UTF-16, none overlapping.
pub(crate) fn edited(text: &str, mut edits: Vec<TextEdit>) -> String {
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.range.start, edit.range.end)));
    let mut text = text.to_owned();
    for edit in edits {
        let at = |position: Position| -> usize {
            let mut rest = text.as_str();
            for _ in 0..position.line {
                let end = rest.find(['\r', '\n']).unwrap();
                let crlf = rest[end..].starts_with("\r\n");
                rest = &rest[end + 1 + usize::from(crlf)..];
            }
            let line = text.len() - rest.len();
            let mut units = 0;
            let inside = rest.char_indices().find(|(_, c)| {
                let here = units >= position.character as usize;
                units += c.len_utf16();
                here
            });
            line + inside.map_or(rest.len(), |(at, _)| at)
        };
        let (start, end) = (at(edit.range.start), at(edit.range.end));
        text.replace_range(start..end, &edit.new_text);
    }
    text
}

/// What lmlint prints about files as JSON, judged as the editor's server judges.
pub(crate) fn lmlint(dir: &Path, files: &[&Path]) -> serde_json::Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_seatkeeper"))
        .args(["lmlint", "--format", "json"])
        .args(AS_OTHER)
        .args(files)
        .current_dir(dir)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
