#include "natkit/io/http_server.hpp"

#include <fcntl.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <list>
#include <optional>
#include <string_view>
#include <utility>

#include "natkit/io/alarm.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/listeners.hpp"
#include "natkit/io/system_address.hpp"

namespace natkit::io {
namespace {
// The library's own limit of silence, in whole seconds; `Limits::time` bounds those who trickle.
constexpr unsigned idle_seconds = 10;

/// One question while it arrives.
struct Question {
  HttpRequest request{};
  enum class State : std::uint8_t { unseen, arriving, answered } state = State::unseen;
};

/// One connection, from its beginning.
struct Watched {
  int descriptor = -1;
  Instant over{};
};

std::string header_of(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string{} : std::string{value};
}

IpAddress peer_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info == nullptr ? IpAddress{} : address_of(info->client_addr).value_or(IpAddress{});
}

MHD_Result respond(MHD_Connection* connection, const HttpResponse& answer) {
  // The library copies it, although it asks for bytes that may be changed.
  auto body = answer.body;
  auto* response = MHD_create_response_from_buffer(body.size(), body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  const auto add = [response](const std::string& name, const std::string& value) {
    static_cast<void>(MHD_add_response_header(response, name.c_str(), value.c_str()));
  };
  if (!answer.content_type.empty()) add("Content-Type", answer.content_type);
  add("Cache-Control", "no-store");  // rows are seconds old at best
  add("Connection", "close");
  for (const auto& [name, value] : answer.headers) add(name, value);
  const auto queued = MHD_queue_response(connection, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}
}  // namespace

/// One listener, which the library serves, and the two things that it waits for.
class HttpServer::Port {
 public:
  Port(Descriptor socket, const Limits& limits, Answer answer) : limits_(limits), answer_(std::move(answer)) {
    constexpr unsigned flags = MHD_USE_EPOLL;  // one descriptor that tells of all; no thread
    const int listener = socket.release();
    daemon_ = MHD_start_daemon(flags, 0, nullptr, nullptr, &handle_request, this,  //
                               MHD_OPTION_LISTEN_SOCKET, listener,                 //
                               MHD_OPTION_CONNECTION_LIMIT, limits.connections,    //
                               MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits.connections_per_address,
                               MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds,            //
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits.head_bytes,  //
                               MHD_OPTION_STRICT_FOR_CLIENT, 1,                        //
                               MHD_OPTION_URI_LOG_CALLBACK, &begin_question, this,     //
                               MHD_OPTION_NOTIFY_COMPLETED, &end_question, this,       //
                               MHD_OPTION_NOTIFY_CONNECTION, &watch_connection, this,  //
                               MHD_OPTION_END);
    if (daemon_ == nullptr) Descriptor{listener};  // closes it
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }
  [[nodiscard]] bool is_listening() const { return daemon_ != nullptr; }

  void enter(asio::io_context& context) {
    const auto* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == nullptr) return;
    // A copy: asio closes what it is given.
    events_.emplace(context, ::fcntl(info->epoll_fd, F_DUPFD_CLOEXEC, 0));
    alarm_.emplace(context, [this] { work(); });
    wait();
    work();
  }
  void leave() {
    alarm_.reset();
    events_.reset();
  }

 private:
  void wait() {
    events_->async_wait(asio::posix::stream_descriptor::wait_read, [this](const std::error_code& cancelled) {
      if (cancelled) return;
      wait();
      work();
    });
  }

  void work() {
    for (const auto& watched : watched_) {
      if (watched.over > now()) break;  // in order of age
      ::shutdown(watched.descriptor, SHUT_RDWR);
    }
    MHD_run(daemon_);
    std::optional<Instant> due;
    if (MHD_UNSIGNED_LONG_LONG ms = 0; MHD_get_timeout(daemon_, &ms) == MHD_YES) {
      constexpr MHD_UNSIGNED_LONG_LONG longest = idle_seconds;
      due = now() + std::chrono::milliseconds{std::clamp<MHD_UNSIGNED_LONG_LONG>(ms, 1, longest * 1000)};
    }
    if (!watched_.empty()) {
      // One that was shut down is seen to have ended a moment later.
      const auto oldest = std::max(watched_.front().over, now() + std::chrono::milliseconds{10});
      due = due ? std::min(*due, oldest) : oldest;
    }
    if (due)
      alarm_->set(*due);
    else
      alarm_->clear();
  }

  static void* begin_question(void*, const char* target, MHD_Connection*) noexcept {
    auto question = std::make_unique<Question>();
    question->request.target = target;
    return question.release();  // until end_question
  }
  static void end_question(void*, MHD_Connection*, void** place, MHD_RequestTerminationCode) noexcept {
    const std::unique_ptr<Question> question{static_cast<Question*>(*place)};
    *place = nullptr;
  }

  static void watch_connection(void* self, MHD_Connection* connection, void** place,
                               MHD_ConnectionNotificationCode what) noexcept {
    auto& watched = static_cast<Port*>(self)->watched_;
    using Place = std::list<Watched>::iterator;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
      if (info == nullptr) return;
      watched.push_back({info->connect_fd, now() + static_cast<Port*>(self)->limits_.time});
      *place = std::make_unique<Place>(std::prev(watched.end())).release();
    } else if (*place != nullptr) {
      const std::unique_ptr<Place> known{static_cast<Place*>(*place)};
      watched.erase(*known);
      *place = nullptr;
    }
  }

  static MHD_Result handle_request(void* self, MHD_Connection* connection, const char*, const char* method, const char*,
                                   const char* piece, std::size_t* size, void** place) noexcept {
    auto& question = *static_cast<Question*>(*place);
    return static_cast<Port*>(self)->handle(connection, method, {piece, piece == nullptr ? 0 : *size}, *size, question);
  }

  /// Called once when the headers are there, then for each piece of the body, then once more.
  MHD_Result handle(MHD_Connection* connection, std::string_view method, std::string_view piece, std::size_t& size,
                    Question& question) {
    auto& request = question.request;
    if (question.state == Question::State::answered) return MHD_YES;
    if (question.state == Question::State::unseen) {
      question.state = Question::State::arriving;
      request.method = method == "HEAD" ? "GET" : method;
      request.authorization = header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION);
      request.from = peer_of(connection);
      if (!announces_too_much(connection)) return MHD_YES;
      question.state = Question::State::answered;
      return respond(connection, {.status = 413, .body = "too large\n", .content_type = "text/plain"});
    }
    if (size != 0) {
      if (request.body.size() + piece.size() > limits_.body_bytes) return MHD_NO;  // without having announced it
      request.body += piece;
      size = 0;
      return MHD_YES;
    }
    question.state = Question::State::answered;
    return respond(connection, answer_(now(), request));
  }

  [[nodiscard]] bool announces_too_much(MHD_Connection* connection) const {
    const auto length = header_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    // The library has refused what is no number. No body that is allowed needs more digits than these.
    return length.size() > 9 || (!length.empty() && std::stoul(length) > limits_.body_bytes);
  }

  Limits limits_;
  Answer answer_;
  MHD_Daemon* daemon_ = nullptr;
  std::list<Watched> watched_;
  std::optional<asio::posix::stream_descriptor> events_;
  std::optional<Alarm> alarm_;
};

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const std::vector<Endpoint>& wanted, const Limits& limits,
                                                       const Answer& answer) {
  std::vector<Listener> listeners;
  listeners.reserve(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    listeners.push_back({.protocol = Protocol::tcp, .endpoint = wanted[i], .port_slot = static_cast<std::uint32_t>(i)});
  auto sockets = Listeners::bind(std::move(listeners));
  if (!sockets) return std::unexpected(std::move(sockets.error()));
  std::unique_ptr<HttpServer> server{new HttpServer};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    server->bound_.push_back(sockets->bound()[i].endpoint);
    server->ports_.push_back(std::make_unique<Port>(sockets->take(i), limits, answer));
    if (!server->ports_.back()->is_listening())
      return std::unexpected(Error{.code = Errc::usage,
                                   .reason = "cannot-listen",
                                   .detail = "HTTP cannot be served on " + to_text(wanted[i]),
                                   .advice = {}});
  }
  return server;
}

void HttpServer::enter(asio::io_context& context) {
  for (const auto& port : ports_) port->enter(context);
}

void HttpServer::leave() {
  for (const auto& port : ports_) port->leave();
}
}  // namespace natkit::io
