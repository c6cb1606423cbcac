#pragma once
// Private to the room: what the client remembers.
#include "natkit/rendezvous/client.hpp"
#include "natkit/rendezvous/line_splitter.hpp"
#include "natkit/rendezvous/outbox.hpp"

namespace natkit::rendezvous {
// A server's line may carry a client's whole line, and says a little more.
inline constexpr std::size_t longest_server_line = 2 * longest_line;

class ServerConnection {
 public:
  SocketId socket{};
  Endpoint server{};
  Instant since{};
  LineSplitter lines{longest_server_line};
  enum class State : std::uint8_t { dialling, welcomed, failed } state = State::dialling;
  std::optional<Instant> connected{};
  std::optional<Instant> welcomed{};
  Endpoint seen_as{};
  Duration ping_interval{};
  /// Registered, or on the way to it: numbered messages go over it.
  enum class Use : std::uint8_t { none, registering, carrying } use = Use::none;
  Instant heard{};                  ///< the last word
  std::optional<Instant> said{};    ///< the first word of ours after that
  std::optional<Instant> pinged{};  ///< our question whether it still lives
  std::optional<Reason> parting{};  ///< it said goodbye, or that it closes
  Reason failure{};
  std::string detail;
};

struct Client::Place {
  Wish wish;
  std::optional<Instant> deadline{};
};

/// What outlives a connection.
struct Client::Session {
  Outbox out{};
  std::uint64_t heard = 0;
  enum class Told : std::uint8_t { no, perhaps } told = Told::no;  ///< whether a server may know of it
  std::map<PlaceId, Place> places{};
  std::uint32_t places_made = 0;
};

/// A row that is kept in the directory.
struct Client::Publication {
  Row row;
  std::string token;
  HostEnd old_host{};
  Duration ttl{};                     ///< as granted; zero: not yet
  std::optional<Instant> refresh{};   ///< none: an answer is waited for
  std::optional<Instant> deadline{};  ///< for that answer
  /// What the owner was told last of it.
  enum class Told : std::uint8_t { nothing, stands, refused } told = Told::nothing;
  std::map<std::string, double> failed_to_host{};  ///< the same
};

struct Client::Question {
  Query query;
  std::size_t wished = 0;
  std::vector<Entry> rows{};
  Instant deadline{};
  std::optional<SocketId> asked{};  ///< over which connection
};

struct Client::Sessions {
  struct Withdrawal {
    std::string token;
    std::uint64_t epoch = 0;
    Instant over{};  ///< by then the row has run out anyway
  };
  std::map<std::string, Publication> publications{};
  std::map<std::string, Withdrawal> withdrawals{};
  std::map<QuestionId, Question> questions{};
  std::uint32_t questions_made = 0;
  struct Search {
    QuestionId question{};
    Seeker seeker;
    std::optional<Instant> next{};      ///< to be said again; none while an answer is waited for
    std::optional<Instant> deadline{};  ///< for that answer
    std::uint32_t waiting = 0;          ///< as told last
  };
  std::optional<Search> search{};
  struct Complaint {
    Report report;
    Instant deadline{};
  };
  std::map<QuestionId, Complaint> complaints{};
  std::string signer{};  ///< of the server that is used: who has to sign its decisions; empty: nobody
};
}  // namespace natkit::rendezvous
