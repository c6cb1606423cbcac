#pragma once
// Private to the room: seekers, matches, decisions and reports as JSON.
#include "natkit/rendezvous/decision.hpp"
#include "natkit/rendezvous/json_reader.hpp"
#include "natkit/rendezvous/matchmaker.hpp"
#include "natkit/rendezvous/reports.hpp"

namespace natkit::rendezvous {
void write_seeker(Json& out, const Seeker& seeker);
/// Bounds are the matchmaker's affair, but for those that keep a line from growing when it is read.
void read_seeker(Reader& in, Seeker& seeker);
void write_match(Json& out, const Match& match);
void read_match(Reader& in, Match& match);
void write_signed(Json& out, const SignedMatch& match);
void read_signed(Reader& in, SignedMatch& match);
void write_report(Json& out, const Report& report);
void read_report(Reader& in, Report& report);
}  // namespace natkit::rendezvous
