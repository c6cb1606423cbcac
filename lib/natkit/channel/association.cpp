#include "natkit/channel/association.hpp"

#include <utility>

namespace natkit::channel {
Association::Association(const SctpOptions& options, std::size_t largest_message)
    : socket_(options, packets_), largest_message_(largest_message) {}

std::optional<Bytes> Association::poll_packet() {
  if (packets_.empty()) return std::nullopt;
  auto out = std::move(packets_.front());
  packets_.pop_front();
  return out;
}

std::optional<Association::Event> Association::poll_event() {
  while (auto read = socket_.read()) {
    const auto* const piece = std::get_if<SctpSocket::Piece>(&*read);
    if (const auto* up = std::get_if<SctpSocket::Up>(&*read)) return *up;
    if (const auto* down = std::get_if<SctpSocket::Down>(&*read)) return *down;
    if (auto* reset = std::get_if<SctpSocket::Reset>(&*read)) return std::move(*reset);
    if (begun_.size() + piece->bytes.size() > largest_message_) return TooLarge{};
    begun_.insert(begun_.end(), piece->bytes.begin(), piece->bytes.end());
    if (piece->rest == SctpSocket::Piece::Rest::none) {
      return Incoming{piece->stream, piece->ppid, std::exchange(begun_, {})};
    }
  }
  return std::nullopt;
}
}  // namespace natkit::channel
