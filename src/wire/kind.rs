//! Message types, the fourth byte of a frame. Numbers below 0x80 come from clients, the others from servers.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        $($(#[$doc])* pub const $name: u8 = $number;)*

        /// Every message type with its name in `grammar/wire.md`.
        pub const ALL: &[(u8, &str)] = &[$(($number, stringify!($name))),*];
    };
}

kinds! {
    /// First message of a connection.
    HELLO = 0x01;
    /// Asks for licenses.
    CHECKOUT = 0x02;
    /// Gives licenses back.
    CHECKIN = 0x03;
    /// Says that the client lives.
    HEARTBEAT = 0x04;
    /// Ends the session and frees its seats.
    GOODBYE = 0x05;
    /// Asks for a signed line by its digest.
    FETCH_LINE = 0x06;
    /// Asks who has what.
    ASK_STATUS = 0x07;
    /// Asks lmgrd what it serves.
    ASK_SERVER = 0x08;
    /// Asks lmgrd for the port of a vendor daemon.
    LOCATE = 0x09;
    /// Asks for a nonce for a control request.
    ASK_NONCE = 0x0A;
    /// Orders something, with proof of the administrator's key.
    CONTROL = 0x0B;
    /// Asks lmgrd for the text of its license files.
    ASK_LICENSES = 0x0C;
    /// Asks for another record of a borrow.
    RENEW = 0x0D;
    /// Gives borrowed licenses back.
    RETURN = 0x0E;
    /// Asks for the signed record of a borrow.
    FETCH_RECORD = 0x0F;
    /// Answers HELLO.
    WELCOME = 0x81;
    /// Answers CHECKOUT, CHECKIN, RENEW and RETURN.
    ANSWER = 0x82;
    /// Answers HEARTBEAT.
    HEARTBEAT_ACK = 0x84;
    /// Answers GOODBYE.
    FAREWELL = 0x85;
    /// Answers FETCH_LINE.
    LINE = 0x86;
    /// Answers ASK_STATUS, as a sequence of frames.
    STATUS = 0x87;
    /// Answers ASK_SERVER.
    SERVER = 0x88;
    /// Answers LOCATE.
    LOCATED = 0x89;
    /// Answers ASK_NONCE.
    NONCE = 0x8A;
    /// Answers CONTROL.
    DONE = 0x8B;
    /// Answers ASK_LICENSES, as a sequence of frames.
    LICENSES = 0x8C;
    /// Answers CONTROL with verb 3, as a sequence of frames.
    GROUNDS = 0x8D;
    /// Answers FETCH_RECORD.
    RECORD = 0x8F;
    /// Tells a client what it did not ask; its request id is 0.
    NOTICE = 0xFD;
    /// Refuses any request.
    ERROR = 0xFE;
}
