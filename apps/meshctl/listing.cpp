#include "listing.hpp"

#include <utility>

namespace natkit {
Listing::Listing(rendezvous::Client::Config client, rendezvous::Query query, Duration patience, Rng& rng)
    : client_(std::move(client), rng), query_(std::move(query)), patience_(patience) {}

void Listing::start(Instant now) {
  until_ = now + patience_;
  client_.start(now);
  static_cast<void>(client_.find(now, query_));
  hear(now);
}

void Listing::handle_datagram(Instant now, const Datagram& in) {
  client_.handle_datagram(now, in);
  hear(now);
}

void Listing::handle_timeout(Instant now) {
  client_.handle_timeout(now);
  hear(now);
  if (until_ && *until_ <= now) end(now);
}

void Listing::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  client_.handle_connected(now, socket, remote);
  hear(now);
}

void Listing::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  client_.handle_send_failure(now, lost, why);
  hear(now);
}

void Listing::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  client_.handle_socket_failure(now, socket, why);
  hear(now);
}

std::optional<Instant> Listing::poll_timeout() const {
  auto due = client_.poll_timeout();
  if (until_ && (!due || *until_ < *due)) due = until_;
  return due;
}

void Listing::stop(Instant now) { end(now); }

void Listing::end(Instant now) {
  if (std::exchange(is_over_, true)) return;
  until_.reset();
  client_.leave(now);
}

void Listing::hear(Instant now) {
  while (const auto event = client_.poll_event()) {
    if (const auto* found = std::get_if<rendezvous::FoundRows>(&*event)) {
      rows_.emplace();
      for (const auto& [row, address, age, refreshed, failed] : found->rows)
        rows_->push_back({.session = row.session,
                          .name = row.name,
                          .game = row.game,
                          .host = row.host,
                          .address = to_text(address),
                          .members = row.members,
                          .most = row.max,
                          .has_password = row.has_password,
                          .router_is_open = row.router_is_open,
                          .age = age,
                          .tags = {row.tags.begin(), row.tags.end()}});
      end(now);
    } else if (const auto* silent = std::get_if<rendezvous::NotAnswered>(&*event)) {
      error_.detail = "the server has no answer: " + std::string{rendezvous::to_text(silent->refusal)};
      end(now);
    } else if (const auto* not_possible = std::get_if<rendezvous::NotPossible>(&*event)) {
      error_ = not_possible->error;
      end(now);
    }
  }
}
}  // namespace natkit
