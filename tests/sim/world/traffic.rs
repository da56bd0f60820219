//! What goes over the network, and what each end makes of it.

use seatkeeper::code::Code;
use seatkeeper::ident::SessionId;
use seatkeeper::wire::{self, Message, Notice, Purpose};

use super::super::client::{Sent, Wish};
use super::super::network::{Connection, End, Parcel};
use super::super::oracle::{Verdict, ensure};
use super::super::visit::News;
use super::{Happening, World};

impl World {
    pub(super) fn transmit(&mut self, number: usize, to: End, parcel: Parcel) {
        let latency = self.dice.below(self.plan.latency_ms + 1);
        let connection = &mut self.connections[number];
        let stalled = self.clients[connection.client].stalled_until;
        let (cut, last) = match to {
            End::Server => (connection.cut.0, &mut connection.arrival.0),
            End::Client => (connection.cut.1, &mut connection.arrival.1),
        };
        if cut {
            return;
        }
        let arrival = (self.now.max(stalled) + latency).max(*last);
        *last = arrival;
        self.at(arrival, Happening::Arrive(number, to, parcel));
    }

    pub(super) fn arrive_at_server(&mut self, number: usize, parcel: Parcel) -> Verdict {
        self.server.set_clock(self.now);
        let connection = &mut self.connections[number];
        let listens = self.server.stopping.is_none() && !connection.gone;
        if connection.line.is_none()
            && listens
            && let Some(desk) =
                self.server.desk.as_mut().filter(|_| matches!(parcel, Parcel::Bytes(..) | Parcel::Text(_)))
        {
            connection.line = Some(desk.connect([127, 0, 0, 1].into()));
        }
        let (Some(line), Some(desk)) = (&mut connection.line, &mut self.server.desk) else {
            // Refused once, it is not accepted later.
            connection.gone = true;
            if !matches!(parcel, Parcel::Rst) {
                self.transmit(number, End::Client, Parcel::Rst);
            }
            return Ok(());
        };
        let greets =
            matches!(&parcel, Parcel::Bytes(_, Some(message)) if matches!(**message, Message::Hello(_)));
        match parcel {
            Parcel::Bytes(bytes, message) => {
                desk.receive(line, &bytes);
                connection.noisy |= message.is_none();
                if let Some(message) = message {
                    self.heed(number, &message);
                }
            }
            Parcel::Text(bytes) => {
                desk.receive(line, &bytes);
                let quits = bytes.starts_with(b"QUIT");
                let of = self.present.iter().find(|(_, connection)| **connection == number);
                if let Some(watch) = of.filter(|_| quits).and_then(|(id, _)| self.oracle.watch.get_mut(id)) {
                    watch.goodbye = true;
                }
            }
            Parcel::Fin => {
                connection.ended = true;
                desk.end_of_input(line);
            }
            Parcel::Rst => {
                desk.reset(line);
                connection.line = None;
                connection.gone = true;
                self.close_seen(number);
            }
        }
        self.turn(number)?;
        self.collect(Some(number));
        if greets {
            self.see_whether_it_goes_on(number);
        }
        self.after_server(None)
    }

    /// Whether a session goes on over the connection that asks for it. Else nothing is made of the connection: the session had ended, or
    /// another program has it.
    fn see_whether_it_goes_on(&mut self, number: usize) {
        let connection = &mut self.connections[number];
        if let (Some((session, _)), Some(desk), Some(line)) =
            (connection.claims, &self.server.desk, &connection.line)
        {
            connection.goes_on = desk.session_on(line) == Some(session);
        }
    }

    /// What a message makes of the leases.
    pub(super) fn heed(&mut self, number: usize, message: &Message) {
        let at = self.server.attended(self.now);
        if let Message::Hello(hello) = message {
            self.drawn += 1;
            self.connections[number].greeted_nth = self.drawn;
            if let Purpose::Resume { session, epoch, .. } = &hello.purpose {
                self.connections[number].claims = Some((*session, *epoch));
                self.connections[number].greeted = at;
            }
        }
        let present = self.present.iter().find(|(_, connection)| **connection == number);
        let Some(session) = present.map(|(session, _)| *session) else { return };
        let Some(watch) = self.oracle.watch.get_mut(&session) else { return };
        match message {
            Message::Checkout(_) | Message::Checkin(_) | Message::Renew { .. } | Message::Return(_) => {
                watch.heard = at;
            }
            Message::Heartbeat { idle_s, .. } => {
                watch.heard = at;
                watch.idle_s = watch.idle_s.max(idle_s.unwrap_or(0));
            }
            Message::Goodbye => watch.goodbye = true,
            _ => {}
        }
    }

    /// A resume that was repeated: nothing is recorded for it, and yet the session goes on here.
    pub(super) fn reclaimed(&mut self, number: usize, session: SessionId) {
        let nth = self.connections[number].greeted_nth;
        if self.present.get(&session).is_none_or(|present| self.connections[*present].greeted_nth < nth) {
            let at = self.connections[number].greeted;
            self.returned(session, number, at);
        }
    }

    /// A session goes on over another connection, the client of which may hear of it later or never.
    pub(super) fn taken(&mut self, number: usize) {
        let present = self.present.iter().find(|(_, connection)| **connection == number).map(|(id, _)| *id);
        let Some(session) = present else { return };
        let claims = |other: &usize| {
            let claims = self.connections[*other].claims.map(|(session, _)| session);
            *other != number && claims == Some(session) && self.connections[*other].line.is_some()
        };
        let by =
            (0..self.connections.len()).filter(claims).max_by_key(|it| self.connections[*it].greeted_nth);
        if let Some(by) = by {
            self.returned(session, by, self.connections[by].greeted);
        }
    }

    /// The daemon has seen that the client closed the present connection of its session.
    pub(super) fn close_seen(&mut self, number: usize) {
        let session = self.present.iter().find(|(_, connection)| **connection == number).map(|(id, _)| *id);
        let at = self.server.attended(self.now);
        let Some(session) = session else {
            let claims =
                self.connections[number].claims.filter(|_| self.connections[number].session.is_none());
            let claims = claims.filter(|_| self.connections[number].goes_on);
            if let Some(watch) = claims.and_then(|(session, _)| self.oracle.watch.get_mut(&session)) {
                watch.may_have_closed = Some(at);
            }
            return;
        };
        self.present.remove(&session);
        if let Some(watch) = self.oracle.watch.get_mut(&session) {
            watch.closed = Some(at);
        }
    }

    /// The daemon's turn with a connection: what it says goes to the client.
    pub(super) fn turn(&mut self, number: usize) -> Verdict {
        let connection = &mut self.connections[number];
        let (Some(line), Some(desk)) = (&mut connection.line, &mut self.server.desk) else { return Ok(()) };
        let sent = desk.turn(line);
        if !sent.bytes.is_empty() {
            connection.said.extend_from_slice(&sent.bytes);
            let (client, knew) = (connection.client, connection.claims.map(|(_, epoch)| epoch));
            let lines = connection.lines;
            while let Some(end) =
                self.connections[number].said.iter().position(|byte| lines && *byte == b'\n')
            {
                let line = self.connections[number].said.split_to(end + 1);
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                self.note(|| format!("  to u{client} over {number}: {line}"));
                self.oracle.said_line(&line)?;
            }
            loop {
                if lines {
                    break;
                }
                let frame = wire::decode(&mut self.connections[number].said);
                ensure!(frame.is_ok(), "the server's bytes are frames", "{frame:?}");
                let Ok(Some(frame)) = frame else { break };
                ensure!(frame.message.is_ok(), "the server's bytes are frames", "{frame:?}");
                let Ok(message) = frame.message else { continue };
                if let Message::Welcome(welcome) = &message
                    && let Some(terms) = &welcome.session
                {
                    self.connections[number].session = Some(terms.id);
                    if terms.resumed {
                        self.collect(Some(number));
                        self.reclaimed(number, terms.id);
                    }
                }
                if let (Message::Error(denial), None) = (&message, self.connections[number].session)
                    && let Some((claimed, _)) = self.connections[number].claims
                {
                    // The session goes on without it, as if nobody had closed.
                    self.present.retain(|_, connection| *connection != number);
                    let Connection { greeted, goes_on, .. } = self.connections[number];
                    let goes_on = goes_on && matches!(denial.code, Code::AskAgain | Code::BadProtocol);
                    if let Some(watch) = self.oracle.watch.get_mut(&claimed).filter(|_| goes_on) {
                        watch.may_have_closed = watch.closed.take().or(watch.may_have_closed);
                        // A resume that is repeated was heard too, and shows in no record.
                        if greeted.ms > watch.heard.ms {
                            watch.heard = greeted;
                        }
                    }
                }
                if matches!(&message, Message::Notice(Notice::SessionEnded { denial }) if denial.code == Code::SessionTaken)
                {
                    self.taken(number);
                }
                let session = self.connections[number].session;
                self.note(|| format!("  to u{client} over {number}: {message:?}"));
                self.oracle.said((number, client), session, knew, &message)?;
            }
            self.transmit(number, End::Client, Parcel::Bytes(sent.bytes, None));
        }
        if sent.closed {
            let connection = &mut self.connections[number];
            connection.line = None;
            connection.gone = true;
            // Noise makes the server close, which leaves the whole lease.
            if connection.lines || (connection.ended && !connection.noisy) {
                self.close_seen(number);
            } else {
                self.present.retain(|_, connection| *connection != number);
            }
            self.transmit(number, End::Client, Parcel::Fin);
        }
        Ok(())
    }

    pub(super) fn arrive_at_client(&mut self, number: usize, parcel: Parcel) -> Verdict {
        let connection = &mut self.connections[number];
        if !connection.open {
            // Nobody is there: the system says so.
            if matches!(parcel, Parcel::Bytes(..) | Parcel::Text(_)) {
                self.transmit(number, End::Server, Parcel::Rst);
            }
            return Ok(());
        }
        let client = connection.client;
        let now = self.clients[client].mono(self.now);
        let mut wishes = Vec::new();
        match parcel {
            Parcel::Text(bytes) | Parcel::Bytes(bytes, _) => {
                let Some(app) = self.clients[client].app.as_mut() else { return Ok(()) };
                if let Some(talk) = &mut app.talk {
                    talk.arrived(&bytes, &mut app.held, now, &mut wishes);
                    return self.grant_wishes(client, wishes);
                }
                app.input.extend_from_slice(&bytes);
                while self.clients[client].app.as_ref().is_some_and(|app| app.connection == Some(number)) {
                    let Some(app) = self.clients[client].app.as_mut() else { break };
                    let Ok(Some(frame)) = wire::decode(&mut app.input) else { break };
                    let Ok(message) = frame.message else { continue };
                    if app.visit.is_some() {
                        self.visited(client, (frame.request_id, message), &mut wishes)?;
                    } else {
                        app.arrived(frame.request_id, message, now, &mut wishes);
                    }
                    let wishes = std::mem::take(&mut wishes);
                    self.grant_wishes(client, wishes)?;
                }
            }
            Parcel::Fin | Parcel::Rst => {
                if matches!(parcel, Parcel::Fin) {
                    self.transmit(number, End::Server, Parcel::Fin);
                }
                self.connections[number].open = false;
                if let Some(app) = self.clients[client].app.as_mut() {
                    app.connection = None;
                    if app.greeting.is_some() {
                        app.greeting_failed(now, &mut wishes);
                    } else if app.farewell.is_some() || app.talk.is_some() {
                        wishes.push(Wish::End);
                    } else {
                        app.lost_connection(now);
                    }
                }
                self.grant_wishes(client, wishes)?;
            }
        }
        Ok(())
    }

    /// A message came for a program that meets the server about a borrow.
    pub(super) fn visited(
        &mut self,
        number: usize,
        message: (u32, Message),
        wishes: &mut Vec<Wish>,
    ) -> Verdict {
        let client = &mut self.clients[number];
        let clocks = (client.look(self.now), client.mono(self.now));
        let (machine, app) = (client.machine, client.app.take());
        let Some(mut app) = app else { return Ok(()) };
        let locked = self.locked(machine);
        let news = app.visited(message, (&mut self.clients[machine].shelf, &locked), clocks, wishes);
        self.clients[number].app = Some(app);
        match news {
            News::NotLent => ensure!(false, "who asks to borrow borrows, and nobody else", "u{number}"),
            News::Dead => {
                wishes.clear();
                self.note(|| format!("  the program of u{number} dies"));
                self.close(number, Parcel::Rst);
                self.clients[number].app = None;
            }
            News::Nothing => {}
        }
        Ok(())
    }

    /// Does for a client what it wants of the network.
    pub(super) fn grant_wishes(&mut self, number: usize, wishes: Vec<Wish>) -> Verdict {
        for wish in wishes {
            match wish {
                Wish::Send(message) => self.send(number, message),
                Wish::Close => self.close(number, Parcel::Fin),
                Wish::Leave => {
                    let now = self.clients[number].mono(self.now);
                    if let Some(app) = &mut self.clients[number].app {
                        app.farewell = Some(now);
                    }
                    self.send(number, Message::Goodbye);
                }
                Wish::Call => {
                    let connection = self.connections.len();
                    self.connections.push(Connection { lines: true, ..Connection::new(number) });
                    if let Some(app) = self.clients[number].app.as_mut() {
                        app.connection = Some(connection);
                    }
                }
                Wish::Say(line) => {
                    if let Some(connection) = self.clients[number].app.as_ref().and_then(|app| app.connection)
                    {
                        self.note(|| format!("  from u{number} over {connection}: {}", line.trim_end()));
                        self.transmit(connection, End::Server, Parcel::Text(line.into_bytes()));
                    }
                }
                Wish::Connect(hello) => {
                    self.close(number, Parcel::Fin);
                    let connection = self.connections.len();
                    self.connections.push(Connection::new(number));
                    if let Some(app) = self.clients[number].app.as_mut() {
                        app.connection = Some(connection);
                        app.input.clear();
                        app.next_id = 0;
                    }
                    self.send(number, Message::Hello(hello));
                }
                Wish::End => {
                    self.note(|| format!("  the application of u{number} ends"));
                    self.close(number, Parcel::Fin);
                    self.clients[number].app = None;
                }
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, number: usize, parcel: Parcel) {
        let connection = self.clients[number].app.as_mut().and_then(|app| app.connection.take());
        if let Some(connection) = connection.filter(|connection| self.connections[*connection].open) {
            self.transmit(connection, End::Server, parcel);
            self.connections[connection].open = false;
        }
    }

    pub(super) fn send(&mut self, number: usize, message: Message) {
        let now = self.clients[number].mono(self.now);
        let Some(app) = self.clients[number].app.as_mut() else { return };
        let Some(connection) = app.connection else { return };
        app.next_id += 1;
        let id = app.next_id;
        if let Some(visit) = app.visit.as_mut().filter(|_| !matches!(message, Message::Hello(_))) {
            visit.was_sent(id, now);
        }
        let token = match &message {
            Message::Checkout(it) => Some(it.token),
            Message::Checkin(it) => Some(it.token),
            _ => None,
        };
        if let Some(token) = token {
            app.pending.insert(id, token);
            if let Some(terms) = &app.terms {
                let sent = Sent { session: terms.id, token, message: message.clone(), anew: self.anew };
                self.clients[number].sent.push(sent);
            }
        }
        self.note(|| format!("  from u{number} over {connection}: {message:?}"));
        let mut bytes = bytes::BytesMut::new();
        wire::encode(&message, id, &mut bytes).unwrap();
        self.transmit(connection, End::Server, Parcel::Bytes(bytes.to_vec(), Some(Box::new(message))));
    }
}
