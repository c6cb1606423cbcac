#pragma once
/// The directory over HTTP: a question in, an answer out. Rows are JSON as in signalling (message.hpp).
///
///   GET    /v1/sessions            200, those listed and open: {"schema":…,"sessions":[{…}],"next":null}
///            ?game= &name= &tag=KEY=VALUE &room=not-full &password=without &doors=open &blocked=HOST &after= &limit=
///   GET    /v1/sessions/ID         200 or 404
///   POST   /v1/sessions            201: makes a row; an id and a token are made where none is brought
///   PUT    /v1/sessions/ID         201 made, 200 refreshed or taken over; with "old_host":"lost" of a take-over
///   DELETE /v1/sessions/ID         204; ?epoch= keeps a host that was replaced from ending its successor's row
///   … by whoever sends `Authorization: Bearer TOKEN`: another one is 401, a stale epoch 409
///
///   GET, POST, PUT, DELETE /testServer    as RakNet's MasterServer2 (master_server_form.hpp), the same rows
///
///   GET    /v1/members/ID          200: {"schema":…,"member":ID,"failed_to_host":0.5,
///                                        "reports":{"agreed":0,"disputed":1}}: numbers that decay, zeros of a stranger
///
/// What is refused says why: {"schema":…,"error":{"reason":"wrong-token","detail":…,"advice":…}}. One address (an IPv6
/// /64 counts as one) may ask so often and for so many bytes; beyond that it is 429.
#include <cstddef>
#include <string>
#include <string_view>

#include "natkit/base/http.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/http_target.hpp"
#include "natkit/rendezvous/master_server_form.hpp"
#include "natkit/rendezvous/reports.hpp"
#include "natkit/stun/address_accounts.hpp"

namespace natkit::rendezvous {
class DirectoryHttp {
 public:
  struct Limits {
    stun::BucketSize requests{.burst = 60, .per_second = 10};  ///< of one address
    stun::BucketSize answer_bytes{.burst = 4194304, .per_second = 262144};
    std::size_t body_bytes = 16384;
    std::size_t addresses = 16384;    ///< to keep count of
    std::size_t answered_rows = 200;  ///< of one answer; as EOS gives
  };
  /// The directory is borrowed; ids and tokens are drawn from `rng`, which must be fit for secrets.
  /// `reports` is borrowed too; without it `reports` of a member is null.
  DirectoryHttp(const Limits& limits, Directory& directory, Rng& rng, Reports* reports = nullptr);

  [[nodiscard]] HttpResponse handle(Instant now, const HttpRequest& request);

 private:
  [[nodiscard]] HttpResponse route(Instant now, const HttpRequest& request);
  [[nodiscard]] HttpResponse list(Instant now, const HttpTarget& target);
  [[nodiscard]] HttpResponse show_member(Instant now, const std::string& id);
  [[nodiscard]] HttpResponse show(Instant now, const std::string& id);
  [[nodiscard]] HttpResponse write(Instant now, const HttpRequest& request, const std::string& id);
  [[nodiscard]] HttpResponse remove(Instant now, const HttpRequest& request, const HttpTarget& target,
                                    const std::string& id);

  Limits limits_;
  Directory& directory_;
  Reports* reports_;
  Rng& rng_;
  MasterServerForm master_server_;
  stun::AddressAccounts accounts_;
};
}  // namespace natkit::rendezvous
