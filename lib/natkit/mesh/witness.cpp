#include "natkit/mesh/witness.hpp"

#include <utility>

namespace natkit::mesh {
Witness::Witness(Config config, const Signatures& signatures)
    : config_(std::move(config)), signatures_(signatures), ballot_(config_.promise) {}

std::optional<Answer> Witness::answer(Instant now, ByteView question) {
  const auto asked = parse_question(question);
  const auto envelope = asked ? parse_message(asked->message) : std::unexpected(MessageError::malformed);
  if (!envelope) return question.empty() ? std::optional<Answer>{config_.self} : std::nullopt;
  Reply reply;
  if (const auto* views = std::get_if<Views>(&envelope->message)) {
    reply = hear(*views);  // which prove themselves
  } else if (view_) {
    const auto* sender = view_->find(asked->from);
    if (!sender || envelope->session != tag_of(view_->session) ||
        !signatures_.verify(asked->from, sender->self.certificate, question_text(asked->message), asked->signature))
      return std::nullopt;
    reply = hear(now, asked->from, envelope->message);
  }
  if (!view_) return config_.self;
  if (!reply) return std::nullopt;
  return write_message(view_->session, *reply);
}

Witness::Reply Witness::hear(Instant now, const MemberId& from, const Message& message) {
  if (const auto* beat = std::get_if<Heartbeat>(&message)) return hear(now, from, *beat);
  if (const auto* claim = std::get_if<Claim>(&message)) return hear(now, from, *claim);
  if (const auto* farewell = std::get_if<Farewell>(&message)) return hear(*farewell);
  return std::nullopt;
}

Witness::Reply Witness::hear(Instant now, const MemberId& from, const Heartbeat& beat) {
  if (from != view_->host) return std::nullopt;
  const bool is_newer = !echo_ || echo_->epoch != beat.version.epoch || echo_->number < beat.number;
  if (is_newer && beat.version.epoch == view_->version.epoch && ballot_.promise(now, beat.version.epoch, from))
    echo_ = {beat.version.epoch, beat.number};
  return heartbeat();
}

/// What it says is that it has this view, and hears its host.
Heartbeat Witness::heartbeat() {
  Heartbeat beat{.version = view_->version, .number = ++beats_, .echo = echo_, .voted = ballot_.voted_epoch()};
  if (const auto host = view_->index_of(view_->host)) beat.heard = std::uint64_t{1} << *host;
  return beat;
}

Witness::Reply Witness::hear(const Views& views) {
  if (!view_) {
    const auto& first = views.latest;
    const bool names_us = first.witness && first.witness->self.id == config_.self.id &&
                          first.witness->self.incarnation == config_.self.incarnation;
    if (!names_us || !is_signed_by_host(first, signatures_)) return std::nullopt;
    take(first);
    return heartbeat();
  }
  for (const auto& founding : views.foundings)
    if (supersedes(founding, *view_, before_, signatures_)) take(founding);
  if (supersedes(views.latest, *view_, before_, signatures_)) take(views.latest);
  return heartbeat();
}

void Witness::take(const View& view) {
  const auto known = std::exchange(view_, std::make_shared<const View>(view));
  if (known && known->version.epoch == view.version.epoch && known->host == view.host) return;
  if (known && (!before_ || known->version.epoch != view.version.epoch)) before_ = known;
  founding_ = view.is_first_of_epoch() ? view_ : nullptr;
  echo_.reset();
  if (view.version.title == Title::elected || ballot_.may_follow(view.version.epoch, view.host))
    ballot_.follow(view.version.epoch, view.host);
  if (view.mandate && view.version.title == Title::handed_over) ballot_.release(view.mandate->base.epoch);
}

bool Witness::is_voter() const {
  return view_->witness && view_->witness->is_voter && view_->witness->self.id == config_.self.id &&
         view_->witness->self.incarnation == config_.self.incarnation;
}

/// A candidate asks again until its time is over: no claim is kept for later.
Witness::Reply Witness::hear(Instant now, const MemberId& from, const Claim& claim) {
  const auto* candidate = view_->find_voter(from);
  if (!candidate || !is_voter() || claim.epoch <= view_->version.epoch) return std::nullopt;
  if (claim.base < view_->version) {
    Views views{.foundings = {}, .latest = *view_};
    if (founding_) views.foundings.push_back(*founding_);
    return views;
  }
  if (!ballot_.may_vote(now, claim.epoch, from)) return std::nullopt;
  ballot_.vote(claim.epoch, from);
  echo_.reset();  // and with it what it said about views before
  return Granted{claim.epoch, claim.base, signatures_.sign(vote_text(view_->session, claim.epoch, from, claim.base))};
}

/// A host that is known to be gone is owed nothing.
Witness::Reply Witness::hear(const Farewell& farewell) {
  const auto* who = view_->find(farewell.who.id);
  if (!who || who->self.id != view_->host || who->self.incarnation != farewell.who.incarnation ||
      (farewell.who.cause != Departure::left && farewell.who.cause != Departure::crashed))
    return std::nullopt;
  const auto text = departure_text(view_->session, farewell.who, farewell.version);
  if (signatures_.verify(who->self.id, who->self.certificate, text, farewell.signature))
    ballot_.release(view_->version.epoch);
  return std::nullopt;
}
}  // namespace natkit::mesh
