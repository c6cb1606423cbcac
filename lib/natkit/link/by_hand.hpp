#pragma once
/// One link between two who have no server in common: each side's description is carried to the other by its user.
///
///   start() --> gathering --done, 1 s--> Described --hear_description()--> link
///
/// Nobody tells both in the same instant, and people take their time, so the agent keeps trying for as long as it is
/// given. What is gathered after the description was told is lost to the peer: there is no way to send it on.
#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "natkit/link/introduction.hpp"

namespace natkit::link {
class ByHand final : public Introduction {
 public:
  struct Config {
    Hub::Config hub;
    /// Towards other programs: where they think the same, the two find out (RFC 8445 §7.3.1.1). Two of ours know it
    /// from each other's descriptions.
    ice::Role role = ice::Role::controlling;
    /// Other programs' agents may show no certificate; then there is a path, and nothing goes over it.
    Fingerprints fingerprints = Fingerprints::required;
    Duration gathering = std::chrono::seconds{1};  ///< nobody is waiting for it but the user
    Duration patience = std::chrono::minutes{1};   ///< from the peer's description on: the other user needs a while
  };

  ByHand(Config config, Rng& rng);

  [[nodiscard]] Link* find(LinkId link) override { return hub_.find(link); }
  void flush(Instant now) override { hub_.flush(now); }
  [[nodiscard]] Result<void> hear_description(Instant now, std::string_view text) override;
  void add_mapped(Instant now, const Endpoint& external) override;
  void lead_with_relay(Instant /*now*/) override {}  ///< people take longer than any server
  void stop_looking(Instant /*now*/) override {}
  void drop(LinkId link) override { hub_.drop(link); }
  void close(Instant now) override;

  void start(Instant now) override;
  void handle_datagram(Instant now, const Datagram& in) override;
  void handle_timeout(Instant now) override;
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) override {
    hub_.handle_connected(now, socket, remote);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) override;
  void handle_path_error(Instant now, const PathError& error) override;
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) override;
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) override;
  [[nodiscard]] std::optional<SocketChange> poll_socket() override { return hub_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() override { return hub_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  [[nodiscard]] std::optional<Event> poll_event(Instant now) override;

  [[nodiscard]] const Hub& hub() const override { return hub_; }

 private:
  void describe();
  [[nodiscard]] ice::Role role_towards(const Description& peer) const;
  void hear();

  Config config_;
  Hub hub_;
  std::optional<LinkId> link_;
  std::optional<Instant> describe_by_;
  std::optional<Instant> give_up_at_;  ///< without a path by then
  std::deque<Event> events_;
};
}  // namespace natkit::link
