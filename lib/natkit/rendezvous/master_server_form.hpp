#pragma once
/// The directory as RakNet's MasterServer2 had it, for programs that were written for that: rows of any columns, and
/// control columns that begin with two underscores. What its clients do (RakNet's sample ComprehensivePCGame, and what
/// is noted of the server in Nielk1/RaknetEmulator) counts, since the server itself is gone:
///
///   GET    /testServer?__gameId=G[&__excludeCols=a,b] {"GET":[{"__gameId","__rowId","__addr","__timeoutSec",…}]} POST
///   /testServer  {"__gameId","__rowId"?,"__rowPW"?,"__timeoutSec"?,"__clientReqId"?,…}        PUT is the same
///                                                              {"POST":{"__clientReqId","__rowId","__gameId"}}
///   DELETE /testServer?__gameId=G&__rowId=R[&__rowPW=P]        {"DELETE":{"__rowId"}}
///
///  - Bodies may be in single quotes, as those clients write them.
///  - `__rowId` names a row to overwrite, and makes one under that id where there is none; without it, or with 0 or
///  less,
///    a new row is made with a number for its id. Ids are one namespace with those of sessions.
///  - A row without `__rowPW` belongs to the address that made it; a wrong password, or another address, is 401.
///  - `__timeoutSec` is 60 by default and lies within the directory's bounds (15 to 300).
///  - `__addr` is the address that the uploader was seen to have. `__geoIP`, `__updatePW` and `__readPW` do nothing.
///  - Columns "name" (or "gameName") and "routerIsOpen" also count as those of a session; the rows of sessions appear
///    with them, and with "members", "max", "host", "version" and their tags.
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/http.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/http_target.hpp"

namespace natkit::rendezvous {
class MasterServerForm {
 public:
  MasterServerForm(Directory& directory, Rng& rng);
  [[nodiscard]] HttpResponse handle(Instant now, const HttpRequest& request, const HttpTarget& target);

 private:
  [[nodiscard]] HttpResponse list(Instant now, const HttpTarget& target);
  [[nodiscard]] HttpResponse upload(Instant now, const HttpRequest& request);
  [[nodiscard]] HttpResponse remove(Instant now, const HttpRequest& request, const HttpTarget& target);
  [[nodiscard]] std::string draw_row_id(Instant now);
  [[nodiscard]] std::string token_for(const std::optional<std::string>& password, const IpAddress& from) const;

  Directory& directory_;
  Rng& rng_;
  std::string secret_;
};

/// JSON whose strings stand in single quotes, as JSON; anything else comes out as it went in, or as no JSON.
[[nodiscard]] std::string with_double_quotes(std::string_view text);
}  // namespace natkit::rendezvous
