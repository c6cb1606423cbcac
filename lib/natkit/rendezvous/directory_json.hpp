#pragma once
// Private to the room: rows as JSON, the same in the lines of signalling and over HTTP.
#include <array>
#include <string_view>
#include <utility>

#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/json_reader.hpp"

namespace natkit::rendezvous {
inline constexpr std::array<std::pair<Visibility, std::string_view>, 2> visibilities{
    {{Visibility::listed, "listed"}, {Visibility::hidden, "hidden"}}};
inline constexpr std::array<std::pair<Doors, std::string_view>, 2> doors_names{
    {{Doors::open, "open"}, {Doors::locked, "locked"}}};
inline constexpr std::array<std::pair<HostEnd, std::string_view>, 3> host_ends{
    {{HostEnd::not_said, "not-said"}, {HostEnd::left, "left"}, {HostEnd::lost, "lost"}}};
inline constexpr std::array<std::pair<Query::Room, std::string_view>, 2> room_wishes{
    {{Query::Room::any, "any"}, {Query::Room::not_full, "not-full"}}};
inline constexpr std::array<std::pair<Query::Password, std::string_view>, 2> password_wishes{
    {{Query::Password::any, "any"}, {Query::Password::without, "without"}}};

void write_row(Json& out, const Row& row);
/// Of what is missing, the default. Bounds are the directory's affair.
void read_row(Reader& in, Row& row);
void write_entry(Json& out, const Entry& entry);
void read_entry(Reader& in, Entry& entry);
void write_query(Json& out, const Query& query);
void read_query(Reader& in, Query& query);

/// Whether nothing in it is nested more deeply than this: writing JSON takes stack for each level.
[[nodiscard]] bool is_shallow(const Json& value, unsigned levels);
inline constexpr unsigned deepest_column = 8;
}  // namespace natkit::rendezvous
