#pragma once
/// Makes and removes mappings at one UPnP gateway, with the second tries that real ones need, and believes only what
/// the gateway's own list shows afterwards.
///
///   add     -> Add | AddAny --ok--> Look --ours--> Granted
///                 ├─ 718 taken: by us -> Delete, again; by another -> next port, where any will do
///                 ├─ 725, 402: for ever only -> again with lifetime 0
///                 ├─ 501, 729: another port; 724: external = internal; 401 on AddAny -> Add
///                 └─ else -> Refused
///   remove  -> Look --ours--> Delete -> Look --gone--> Gone        (714 at any step: gone)
///   search  -> List --description carries the id--> remove that    (a port that we were never told)
///
/// An Add that is answered after it was given up is the owner's to remove: it asks for `remove` then.
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/portmap/igd.hpp"
#include "natkit/portmap/journal.hpp"
#include "natkit/portmap/mapping.hpp"

namespace natkit::portmap {
/// "natkit-<id> <words>": by this a mapping is known again in the gateway's list.
[[nodiscard]] std::string tagged_description(MappingId id, std::string_view words);
[[nodiscard]] bool has_tag(std::string_view description, MappingId id);

class IgdControl {
 public:
  struct Config {
    Duration allowance = std::chrono::seconds{2};  ///< for one call, absolute
    int most_tries = 5;                            ///< ports; libtorrent takes 4
  };
  struct Ask {
    MappingId id{};
    Protocol protocol = Protocol::udp;
    Endpoint internal{};              ///< at the host that the gateway shall map to
    std::uint16_t external_port = 0;  ///< 0: any
    std::chrono::seconds lifetime{};  ///< 0: for ever
    std::string description{};
    PortChoice choice = PortChoice::preferred;
    std::optional<std::uint16_t> pinhole{};  ///< IPv6: the one to renew or remove
  };
  struct Granted {
    MappingId id{};
    igd::Service service{};
    Endpoint external{};
    std::chrono::seconds lifetime{};  ///< as read back; 0: for ever
    std::optional<std::uint16_t> pinhole{};
    /// Whether the gateway's own list shows it; some cannot be asked.
    enum class Proof : std::uint8_t { seen, unseen } proof = Proof::unseen;
  };
  struct Gone {
    MappingId id{};
  };
  struct Refused {
    MappingId id{};
    Refusal refusal{};
  };
  using Event = std::variant<Granted, Gone, Refused>;

  IgdControl(Config config, Rng& rng) : config_(config), rng_(&rng) {}

  /// The device as described; needed before anything else.
  void use(igd::Device device) { device_ = std::move(device); }
  [[nodiscard]] const std::optional<igd::Device>& device() const { return device_; }
  /// One at a time for each id; a new question takes the place of the old one.
  void add(const Ask& ask);
  void remove(const Ask& ask);
  void forget(MappingId id) { tasks_.erase(id); }
  [[nodiscard]] bool is_busy(MappingId id) const { return tasks_.contains(id); }

  struct Outgoing {
    MappingId id{};
    igd::Call call;
  };
  /// At most one call for each id is out at any time.
  [[nodiscard]] std::optional<Outgoing> poll_call();
  void handle_reply(MappingId id, const igd::Reply& reply);
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] const Config& config() const { return config_; }

 private:
  enum class Step : std::uint8_t {
    adding,
    reading_back,
    asking_whose,
    clearing,
    looking,
    deleting,
    confirming,
    listing
  };
  struct Task {
    Ask ask{};
    Step step = Step::adding;
    std::size_t connection = 0;
    std::uint16_t port = 0;
    std::chrono::seconds lifetime{};
    int tries = 0;
    igd::Add::Port mode = igd::Add::Port::exact;
    enum class Goal : std::uint8_t { add, remove } goal = Goal::add;
  };

  [[nodiscard]] const igd::Connection* connection_of(const Task& task) const;
  void call(const Task& task, igd::Call call);
  void send_add(Task& task);
  void send_pinhole(Task& task);
  void look(Task& task, Step step);
  void handle_added(Task& task, const igd::Reply& reply);
  void handle_read_back(Task& task, const igd::Reply& reply);
  void handle_whose(Task& task, const igd::Reply& reply);
  void handle_removal(Task& task, const igd::Reply& reply);
  void handle_list(Task& task, const igd::Reply& reply);
  void handle_pinhole(Task& task, const igd::Reply& reply);
  void try_again(Task& task, const igd::Fault& fault);
  void try_other_port(Task& task, const igd::Fault& fault);
  void grant(const Task& task, std::chrono::seconds lifetime, Granted::Proof proof);
  void refuse(const Task& task, Refusal refusal);
  void finish_gone(const Task& task);

  Config config_;
  Rng* rng_;
  std::optional<igd::Device> device_;
  std::map<MappingId, Task> tasks_;
  std::deque<Outgoing> outgoing_;
  std::deque<Event> events_;
};

/// A fault in the vocabulary of the room.
[[nodiscard]] Refusal refusal_of(const igd::Fault& fault);
}  // namespace natkit::portmap
