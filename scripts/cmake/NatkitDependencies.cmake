# Every outside library, from the distribution. Versions: Debian 12 is the floor, Ubuntu 24.04 is newer throughout.
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto SSL)
find_package(Threads REQUIRED)
find_package(Asio REQUIRED)
find_package(Microhttpd REQUIRED)
find_package(Miniupnpc 2.2 REQUIRED)
find_package(Usrsctp REQUIRED)
if(NATKIT_DEV)
  find_package(Catch2 REQUIRED) # 2.13 or 3; tests/catch.hpp hides the difference
endif()
