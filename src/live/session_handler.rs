//! What an SMTP connection asks for decisions: the interface between bytes and policy.

use super::rendered_verdict::RenderedVerdict;
use crate::record::OwnFailure;
use crate::smtp::{PolicyQuestion, ProtocolError, Stage};
use crate::time::Span;

/// Decides what a client is answered, and is told of what needs no answer.
pub(super) trait SessionHandler {
    /// Answers a question of the session.
    fn decide(&mut self, question: &PolicyQuestion<'_>) -> HandlerDecision;

    /// Answers a client that talks before its greeting, which was put off.
    fn on_early_talk(&mut self) -> RenderedVerdict;

    /// Answers a client that has said nothing for as long as it may; `None` leaves the answer to the server.
    fn on_idle(&mut self) -> Option<RenderedVerdict>;

    /// Answers the end of a message of this size in bytes, once it has been processed.
    fn end_of_data(&mut self, size: u64) -> impl Future<Output = RenderedVerdict> + Send;

    /// Takes a piece of the message that is being received.
    fn on_body(&mut self, piece: &[u8]);

    /// Writes what has been taken of the message, where so much of it waits that no more should be read.
    fn write_body(&mut self) -> impl Future<Output = ()> + Send;

    /// The session has refused something by itself; which stage is due after that.
    fn on_protocol_error(&mut self, error: ProtocolError, due: Stage);

    /// Whether a message is being received.
    fn is_receiving(&self) -> bool;

    /// The connection has ended in the middle of a message.
    fn on_connection_lost(&mut self);

    /// The connection ends because this machine was short of something; the client does not know it yet.
    fn on_own_failure(&mut self, what: OwnFailure);
}

/// An answer, or what has to happen before there is one.
pub(super) enum HandlerDecision {
    /// The answer can be written at once.
    Now(RenderedVerdict),
    /// The answer has a delay.
    Delayed(RenderedVerdict),
    /// The greeting is put off, and a client that talks before it talks early.
    DelayedGreeting(RenderedVerdict),
    /// A message has arrived: [`SessionHandler::end_of_data`] is asked once it has been processed.
    AfterProcessing {
        /// Bytes of the message.
        size: u64,
        /// How long processing takes.
        service: Span,
    },
}
