//! Suites (`flexnet-files.md` 3.9): with each checkout of a component goes one of the package. Both are checkouts of their own,
//! with a handle and a place in a pool each; they come and go together, in one record, the package first.

use super::{Seat, State};
use crate::event::Out;
use crate::ident::Handle;

impl State {
    /// The checkouts that come back when this one does, in the order of their events: itself, or the package and the
    /// component that were granted together.
    pub fn coming_back(&self, handle: Handle) -> impl Iterator<Item = Handle> {
        together(handle, self.seat(handle))
    }

    /// Tells a package's checkout which component it goes with.
    pub(super) fn join_suite(&mut self, component: Handle, seat: &Seat) {
        if let Some(package) = seat.suite.and_then(|package| self.seats.get_mut(&package)) {
            package.component = Some(component);
        }
    }

    /// A checkout has come back; where it belonged to a suite, the other one goes on alone, for the moment or for good.
    pub(super) fn part_suite(&mut self, seat: &Seat) {
        if let Some(package) = seat.suite.and_then(|package| self.seats.get_mut(&package)) {
            package.component = None;
        }
        if let Some(component) = seat.component.and_then(|component| self.seats.get_mut(&component)) {
            component.suite = None;
        }
    }
}

/// The checkouts that come back when one does, in the order of their events.
pub(super) fn together(handle: Handle, seat: Option<&Seat>) -> impl Iterator<Item = Handle> + use<> {
    let package = seat.and_then(|seat| seat.suite);
    let component = seat.and_then(|seat| seat.component);
    package.into_iter().chain([handle]).chain(component)
}

/// Whether two grants are those of a suite: for one request, of one size, the component naming the package.
pub(super) fn are_together(package: &Out, component: &Out) -> bool {
    component.accounting.suite == Some(package.handle)
        && component.session == package.session
        && component.request.token == package.request.token
        && component.request.count == package.request.count
}
