#include "natkit/io/resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "natkit/io/system_address.hpp"

namespace natkit::io {
namespace {
constexpr std::size_t most_names = 64;
constexpr std::size_t most_endpoints = 16;

/// What the threads left behind may still write to, long after the caller has gone.
struct Board {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Resolved> answers;
  std::size_t open = 0;
};

struct Free {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

void start_look_up(const std::shared_ptr<Board>& board, std::size_t index, const LookUp& look_up) {
  std::thread{[board, index, look_up, name = board->answers[index].asked] {
    auto result = look_up(name);
    const std::lock_guard lock{board->mutex};
    board->answers[index] = std::move(result);
    --board->open;
    board->changed.notify_one();
  }}.detach();
}
}  // namespace

Resolved ask_system(const HostPort& name) {
  Resolved result{.asked = name, .endpoints = {}, .failure = {}};
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;  // one entry an address instead of one for each kind of socket
  addrinfo* first = nullptr;
  const int code = ::getaddrinfo(result.asked.host.c_str(), nullptr, &hints, &first);
  if (code != 0) {
    result.failure = ::gai_strerror(code);
    return result;
  }
  const std::unique_ptr<addrinfo, Free> owner{first};
  for (const auto* entry = first; entry != nullptr && result.endpoints.size() < most_endpoints;
       entry = entry->ai_next) {
    const auto address = address_of(entry->ai_addr);
    if (!address) continue;
    const Endpoint endpoint{*address, result.asked.port};
    if (std::ranges::find(result.endpoints, endpoint) == result.endpoints.end()) result.endpoints.push_back(endpoint);
  }
  if (result.endpoints.empty()) result.failure = "the name has no address";
  return result;
}

std::vector<Resolved> resolve(std::span<const HostPort> names, Duration patience, const LookUp& look_up) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto board = std::make_shared<Board>();
  for (const auto& name : names)
    board->answers.push_back({.asked = name, .endpoints = {}, .failure = "no answer in time"});
  std::unique_lock lock{board->mutex};
  for (std::size_t i = 0; i < board->answers.size(); ++i) {
    auto& answer = board->answers[i];
    if (const auto address = parse_ip_address(answer.asked.host)) {
      answer.endpoints = {{*address, answer.asked.port}};
      answer.failure.clear();
    } else if (board->open >= most_names) {
      answer.failure = "too many names at once";
    } else {
      try {
        start_look_up(board, i, look_up);
        ++board->open;
      } catch (const std::system_error& error) {  // no thread to be had
        answer.failure = error.what();
      }
    }
  }
  board->changed.wait_until(lock, deadline, [&] { return board->open == 0; });
  return board->answers;
}
}  // namespace natkit::io
