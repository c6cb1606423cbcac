// The one unit that compiles asio (ASIO_SEPARATE_COMPILATION); all others only see its declarations.
#include <asio/impl/src.hpp>
