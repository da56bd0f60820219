//! The conversation: what is asked, and when findings are told.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read, Write};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types as lsp;
use lsp_types::notification::{self as n, Notification as _};
use lsp_types::request::{self as r, Request as _};
use serde_json::{Value, json};

use super::answers;
use super::documents::{Documents, NotKept, Open};
use super::frame::{Frame, read};
use super::judgement::{Desk, Neighbourhood, Settings};
use super::place::Encoding;
use super::requests::{Desktop, answer};
use crate::editor::Document;
use crate::text::Diagnostic;

/// Findings are told when nothing was typed for so long, and at the latest so long after the first change.
const QUIET: Duration = Duration::from_millis(120);
const DELAY_MAX: Duration = Duration::from_millis(600);
/// Neighbours on the disk are looked at again after so long.
const NEIGHBOURS_AGE_MAX: Duration = Duration::from_secs(3);
/// Messages that wait to be taken; the reader waits when there are more.
const WAITING_MAX: usize = 16;
/// Most findings that are told of one document.
const FINDINGS_MAX: usize = 5000;

/// The files that the client is asked to watch.
const WATCHED: &str = "**/{*.lic,*.opt,license.dat}";

/// How far the conversation has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Running,
    ShutDown,
}

/// Speaks with one client until it says `exit` or its stream ends. The exit status is 0 for an `exit` behind `shutdown`, else 1.
///
/// # Errors
/// A stream that can't be read or written any more, among them one that has something else than messages.
pub fn serve(settings: Settings, input: impl Read + Send + 'static, output: impl Write) -> io::Result<u8> {
    let (sender, frames) = sync_channel(WAITING_MAX);
    std::thread::spawn(move || {
        let mut input = BufReader::new(input);
        loop {
            let frame = read(&mut input);
            let is_last = !matches!(frame, Ok(Some(_)));
            if sender.send(frame).is_err() || is_last {
                break;
            }
        }
    });
    let mut server = Server {
        settings,
        output,
        stage: Stage::Fresh,
        encoding: Encoding::Utf16,
        markdown: false,
        watches: false,
        documents: Documents::default(),
        found: BTreeMap::new(),
        told: BTreeMap::new(),
        neighbours: RefCell::default(),
        unjudged: BTreeSet::new(),
        due: None,
    };
    server.run(&frames)
}

struct Server<W> {
    settings: Settings,
    output: W,
    stage: Stage,
    encoding: Encoding,
    /// Whether the client shows Markdown.
    markdown: bool,
    /// Whether the client watches files when it is asked to.
    watches: bool,
    documents: Documents,
    /// What was found in documents as they are now.
    found: BTreeMap<String, Rc<Vec<Diagnostic>>>,
    /// What the client was told last, and of which version.
    told: BTreeMap<String, (i32, Vec<lsp::Diagnostic>)>,
    neighbours: RefCell<BTreeMap<String, (Instant, Rc<Neighbourhood>)>>,
    /// Documents whose findings may have changed.
    unjudged: BTreeSet<String>,
    /// When they are told, and when at the latest.
    due: Option<(Instant, Instant)>,
}

impl<W: Write> Server<W> {
    fn run(&mut self, frames: &Receiver<io::Result<Option<Frame>>>) -> io::Result<u8> {
        loop {
            let next = match self.due {
                None => frames.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some((due, _)) => frames.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match next {
                Ok(Ok(Some(Frame::Message(message)))) => {
                    if let Some(status) = self.take(message)? {
                        return Ok(status);
                    }
                }
                Ok(Ok(Some(Frame::Unreadable { id, code, why }))) => {
                    let error = json!({"code": code as i32, "message": why});
                    self.write(&json!({"jsonrpc": "2.0", "id": id, "error": error}))?;
                }
                Ok(Ok(None)) | Err(RecvTimeoutError::Disconnected) => return Ok(1),
                Ok(Err(error)) => return Err(error),
                Err(RecvTimeoutError::Timeout) => self.tell()?,
            }
        }
    }

    /// Takes a message; the exit status if it was the last one.
    fn take(&mut self, message: Message) -> io::Result<Option<u8>> {
        match message {
            Message::Request(request) => self.request(request).map(|()| None),
            Message::Notification(notification) if notification.method == n::Exit::METHOD => {
                Ok(Some(u8::from(self.stage != Stage::ShutDown)))
            }
            Message::Notification(notification) if self.stage == Stage::Running => {
                self.notification(notification).map(|()| None)
            }
            // Before the beginning and behind the end nothing else is heard.
            Message::Notification(_) | Message::Response(_) => Ok(None),
        }
    }

    fn request(&mut self, request: Request) -> io::Result<()> {
        let Request { id, method, params } = request;
        let refuse = |code: ErrorCode, why: &str| Response::new_err(id.clone(), code as i32, why.to_owned());
        let response = match (self.stage, method.as_str()) {
            (Stage::Fresh, r::Initialize::METHOD) => match serde_json::from_value(params) {
                Ok(params) => {
                    let result = self.initialize(&params);
                    Response::new_ok(id, result)
                }
                Err(error) => refuse(ErrorCode::InvalidParams, &error.to_string()),
            },
            (Stage::Fresh, _) => {
                refuse(ErrorCode::ServerNotInitialized, "the client has not said initialize")
            }
            (Stage::ShutDown, _) => refuse(ErrorCode::InvalidRequest, "the client has said shutdown"),
            (Stage::Running, r::Initialize::METHOD) => {
                refuse(ErrorCode::InvalidRequest, "the client has said initialize already")
            }
            (Stage::Running, r::Shutdown::METHOD) => {
                self.stage = Stage::ShutDown;
                Response::new_ok(id, Value::Null)
            }
            (Stage::Running, method) => self.ask(id, method, params),
        };
        self.send(&Message::Response(response))
    }

    fn ask(&mut self, id: RequestId, method: &str, params: Value) -> Response {
        if method == r::CodeActionRequest::METHOD || method == r::HoverRequest::METHOD {
            self.judge_all();
        }
        let found =
            |open: &Open| self.found.get(open.uri.as_str()).map(|found| found.to_vec()).unwrap_or_default();
        let neighbours = |open: &Open| self.neighbours_of(open);
        let desktop = Desktop {
            documents: &self.documents,
            settings: &self.settings,
            encoding: self.encoding,
            markdown: self.markdown,
            found: &found,
            neighbours: &neighbours,
        };
        match answer(method, params, &desktop) {
            Some(Ok(result)) => Response::new_ok(id, result),
            Some(Err(refusal)) => Response::new_err(id, refusal.code as i32, refusal.why),
            None => {
                let why = format!("there is no method {:?}", method.chars().take(60).collect::<String>());
                Response::new_err(id, ErrorCode::MethodNotFound as i32, why)
            }
        }
    }

    fn initialize(&mut self, params: &lsp::InitializeParams) -> lsp::InitializeResult {
        self.stage = Stage::Running;
        let client = &params.capabilities;
        let offered = client.general.as_ref().and_then(|general| general.position_encodings.as_deref());
        self.encoding = Encoding::of(offered);
        let document = client.text_document.as_ref();
        let formats = document
            .and_then(|document| document.hover.as_ref())
            .and_then(|hover| hover.content_format.as_deref());
        self.markdown = formats.is_some_and(|formats| formats.contains(&lsp::MarkupKind::Markdown));
        let watched = client.workspace.as_ref().and_then(|space| space.did_change_watched_files.as_ref());
        self.watches = watched.is_some_and(|watched| watched.dynamic_registration == Some(true));
        let sync = lsp::TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(lsp::TextDocumentSyncKind::INCREMENTAL),
            save: Some(lsp::TextDocumentSyncSaveOptions::Supported(true)),
            ..lsp::TextDocumentSyncOptions::default()
        };
        let triggers = [" ", ":", "="].map(str::to_owned).to_vec();
        let actions = lsp::CodeActionOptions {
            code_action_kinds: Some(vec![lsp::CodeActionKind::QUICKFIX]),
            ..lsp::CodeActionOptions::default()
        };
        lsp::InitializeResult {
            capabilities: lsp::ServerCapabilities {
                position_encoding: Some(self.encoding.kind()),
                text_document_sync: Some(lsp::TextDocumentSyncCapability::Options(sync)),
                completion_provider: Some(lsp::CompletionOptions {
                    trigger_characters: Some(triggers),
                    ..lsp::CompletionOptions::default()
                }),
                hover_provider: Some(lsp::HoverProviderCapability::Simple(true)),
                definition_provider: Some(lsp::OneOf::Left(true)),
                references_provider: Some(lsp::OneOf::Left(true)),
                document_symbol_provider: Some(lsp::OneOf::Left(true)),
                code_action_provider: Some(lsp::CodeActionProviderCapability::Options(actions)),
                document_formatting_provider: Some(lsp::OneOf::Left(true)),
                ..lsp::ServerCapabilities::default()
            },
            server_info: Some(lsp::ServerInfo {
                name: "seatkeeper".to_owned(),
                version: Some(crate::VERSION.to_owned()),
            }),
        }
    }

    fn notification(&mut self, notification: Notification) -> io::Result<()> {
        let Notification { method, params } = notification;
        let told = match method.as_str() {
            n::Initialized::METHOD => return self.watch(),
            n::DidOpenTextDocument::METHOD => {
                serde_json::from_value(params).map(|params| self.opened(params))
            }
            n::DidChangeTextDocument::METHOD => {
                serde_json::from_value(params).map(|params| self.changed(params))
            }
            n::DidCloseTextDocument::METHOD => {
                serde_json::from_value(params).map(|params| self.closed(&params))
            }
            n::DidSaveTextDocument::METHOD | n::DidChangeWatchedFiles::METHOD => {
                self.touch_all(Instant::now());
                return Ok(());
            }
            // Others need no answer, among them all of $/.
            _ => return Ok(()),
        };
        told.unwrap_or_else(|error| self.log(format!("{method} can't be read: {error}")))
    }

    fn watch(&mut self) -> io::Result<()> {
        if !self.watches {
            return Ok(());
        }
        let options = json!({"watchers": [{"globPattern": WATCHED}]});
        let registration =
            json!({"id": "files", "method": n::DidChangeWatchedFiles::METHOD, "registerOptions": options});
        let params = json!({"registrations": [registration]});
        let id = RequestId::from("watch".to_owned());
        let method = r::RegisterCapability::METHOD.to_owned();
        self.send(&Message::Request(Request { id, method, params }))
    }

    fn opened(&mut self, params: lsp::DidOpenTextDocumentParams) -> io::Result<()> {
        let lsp::TextDocumentItem { uri, version, text, .. } = params.text_document;
        let kept = self.documents.open(uri.clone(), version, &text);
        self.touch_all(Instant::now());
        self.kept(&uri, kept)
    }

    fn changed(&mut self, params: lsp::DidChangeTextDocumentParams) -> io::Result<()> {
        let lsp::VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        let kept = self.documents.change(&uri, version, params.content_changes, self.encoding);
        let is_license = self.documents.get(&uri).map(|open| matches!(open.document, Document::License(_)));
        let now = Instant::now();
        match is_license {
            // Options files are judged beside it.
            Some(true) => {
                let all = self.documents.all();
                let options = all.filter(|open| matches!(open.document, Document::Options(_)));
                let options: Vec<String> = options.map(|open| open.uri.as_str().to_owned()).collect();
                options.into_iter().for_each(|other| self.touch(other, now + QUIET));
                self.touch(uri.as_str().to_owned(), now + QUIET);
            }
            Some(false) => self.touch(uri.as_str().to_owned(), now + QUIET),
            None => {}
        }
        self.kept(&uri, kept)
    }

    /// Says why a document is not looked at, if it is not.
    fn kept(&mut self, uri: &lsp::Uri, kept: Result<(), NotKept>) -> io::Result<()> {
        let Err(why) = kept else { return Ok(()) };
        self.forget(uri)?;
        let message = format!("{}: {why}", uri.as_str().chars().take(300).collect::<String>());
        let params = lsp::ShowMessageParams { typ: lsp::MessageType::WARNING, message };
        self.notify(n::ShowMessage::METHOD, &params)
    }

    fn closed(&mut self, params: &lsp::DidCloseTextDocumentParams) -> io::Result<()> {
        let uri = &params.text_document.uri;
        self.documents.close(uri);
        self.forget(uri)?;
        self.touch_all(Instant::now());
        Ok(())
    }

    /// Takes the findings of a document back.
    fn forget(&mut self, uri: &lsp::Uri) -> io::Result<()> {
        self.found.remove(uri.as_str());
        self.unjudged.remove(uri.as_str());
        self.neighbours.borrow_mut().remove(uri.as_str());
        if self.told.remove(uri.as_str()).is_some() {
            let params = lsp::PublishDiagnosticsParams::new(uri.clone(), Vec::new(), None);
            self.notify(n::PublishDiagnostics::METHOD, &params)?;
        }
        Ok(())
    }

    fn touch_all(&mut self, due: Instant) {
        let all: Vec<String> = self.documents.all().map(|open| open.uri.as_str().to_owned()).collect();
        all.into_iter().for_each(|uri| self.touch(uri, due));
    }

    /// A document may have other findings now, which are told at `due`.
    fn touch(&mut self, uri: String, due: Instant) {
        self.neighbours.borrow_mut().clear();
        self.found.remove(&uri);
        self.unjudged.insert(uri);
        let latest = self.due.map_or_else(|| Instant::now() + DELAY_MAX, |(_, latest)| latest);
        self.due = Some((due.min(latest), latest));
    }

    fn neighbours_of(&self, open: &Open) -> Rc<Neighbourhood> {
        let key = open.uri.as_str();
        if let Some((made, kept)) = self.neighbours.borrow().get(key)
            && made.elapsed() < NEIGHBOURS_AGE_MAX
        {
            return kept.clone();
        }
        let desk = Desk { documents: &self.documents, settings: &self.settings };
        let made = Rc::new(desk.neighbourhood(&open.document));
        self.neighbours.borrow_mut().insert(key.to_owned(), (Instant::now(), made.clone()));
        made
    }

    /// Judges what may have changed.
    fn judge_all(&mut self) {
        for uri in &self.unjudged {
            if self.found.contains_key(uri) {
                continue;
            }
            let Some(open) = self.documents.all().find(|open| open.uri.as_str() == uri) else { continue };
            let desk = Desk { documents: &self.documents, settings: &self.settings };
            self.found.insert(uri.clone(), Rc::new(desk.findings(&open.document)));
        }
    }

    /// Tells the findings that have changed.
    fn tell(&mut self) -> io::Result<()> {
        self.due = None;
        self.judge_all();
        for uri in std::mem::take(&mut self.unjudged) {
            let Some(found) = self.found.get(&uri).cloned() else { continue };
            let Some(open) = self.documents.all().find(|open| open.uri.as_str() == uri) else { continue };
            let count = found.len();
            let source = open.document.source();
            let found = found.iter().take(FINDINGS_MAX);
            let diagnostics: Vec<lsp::Diagnostic> =
                found.map(|found| answers::diagnostic(found, source, self.encoding)).collect();
            let now = (open.version, diagnostics);
            if self.told.get(&uri) == Some(&now) {
                continue;
            }
            let params =
                lsp::PublishDiagnosticsParams::new(open.uri.clone(), now.1.clone(), Some(open.version));
            self.notify(n::PublishDiagnostics::METHOD, &params)?;
            if count > FINDINGS_MAX {
                self.log(format!("{uri}: {count} findings, of which {FINDINGS_MAX} are told"))?;
            }
            self.told.insert(uri, now);
        }
        Ok(())
    }

    /// Writes into the log that the client keeps of its server.
    fn log(&mut self, message: String) -> io::Result<()> {
        let params = lsp::LogMessageParams { typ: lsp::MessageType::WARNING, message };
        self.notify(n::LogMessage::METHOD, &params)
    }

    fn notify(&mut self, method: &str, params: &impl serde::Serialize) -> io::Result<()> {
        let params = serde_json::to_value(params)?;
        self.send(&Message::Notification(Notification { method: method.to_owned(), params }))
    }

    fn send(&mut self, message: &Message) -> io::Result<()> {
        message.write(&mut self.output)
    }

    /// An answer to what had no id, which the crate has no type for.
    fn write(&mut self, value: &Value) -> io::Result<()> {
        let body = value.to_string();
        write!(self.output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        self.output.flush()
    }
}
