#include "reporting.hpp"

#include <utility>

#include "natkit/crypto/signature.hpp"

namespace natkit {
namespace {
Error not_taken(rendezvous::DirectoryRefusal refusal) {
  using enum rendezvous::DirectoryRefusal;
  if (refusal == unanswered)
    return {Errc::nobody_there, "no-answer", "the server takes no reports", "it may be of an older version"};
  if (refusal == too_fast)
    return {Errc::refused, "too-fast", "the server takes no more reports from this address now",
            "20 in an hour are as many as it counts"};
  return {Errc::refused,
          std::string{rendezvous::to_text(refusal)},
          "the server does not take this report: " + std::string{rendezvous::to_text(refusal)},
          {}};
}
}  // namespace

rendezvous::Report signed_report(rendezvous::Report report, const crypto::Identity& by) {
  report.certificate = crypto::certificate_of(by);
  report.signature = crypto::sign(by, rendezvous::report_text(report));
  return report;
}

Reporting::Reporting(rendezvous::Client::Config client, rendezvous::Report report, Duration patience, Rng& rng)
    : client_(std::move(client), rng), report_(std::move(report)), patience_(patience) {}

void Reporting::start(Instant now) {
  until_ = now + patience_;
  client_.start(now);
  static_cast<void>(client_.report_member(now, report_));
  hear(now);
}

void Reporting::handle_datagram(Instant now, const Datagram& in) {
  client_.handle_datagram(now, in);
  hear(now);
}

void Reporting::handle_timeout(Instant now) {
  client_.handle_timeout(now);
  hear(now);
  if (until_ && *until_ <= now) end(now);
}

void Reporting::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  client_.handle_connected(now, socket, remote);
  hear(now);
}

void Reporting::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  client_.handle_send_failure(now, lost, why);
  hear(now);
}

void Reporting::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  client_.handle_socket_failure(now, socket, why);
  hear(now);
}

std::optional<Instant> Reporting::poll_timeout() const {
  auto due = client_.poll_timeout();
  if (until_ && (!due || *until_ < *due)) due = until_;
  return due;
}

void Reporting::end(Instant now) {
  if (std::exchange(is_over_, true)) return;
  until_.reset();
  client_.leave(now);
}

void Reporting::hear(Instant now) {
  while (const auto event = client_.poll_event()) {
    if (const auto* heard = std::get_if<rendezvous::ReportHeard>(&*event)) {
      standing_ = heard->standing;
      end(now);
    } else if (const auto* refused = std::get_if<rendezvous::NotAnswered>(&*event)) {
      if (!is_over_) error_ = not_taken(refused->refusal);
      end(now);
    } else if (const auto* not_possible = std::get_if<rendezvous::NotPossible>(&*event)) {
      error_ = not_possible->error;
      end(now);
    }
  }
}
}  // namespace natkit
