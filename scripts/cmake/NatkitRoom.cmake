# How a target of natkit is declared. Flags are private: nobody who links the library inherits our warnings.

add_library(natkit_flags INTERFACE)
target_compile_features(natkit_flags INTERFACE cxx_std_23)
target_compile_options(natkit_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough
  $<$<BOOL:${NATKIT_DEV}>:-Werror>
  -fstack-protector-strong)
target_compile_definitions(natkit_flags INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
if(NATKIT_SANITIZE)
  target_compile_options(natkit_flags INTERFACE -fsanitize=${NATKIT_SANITIZE} -fno-omit-frame-pointer
    $<$<NOT:$<CXX_COMPILER_ID:GNU>>:-fno-sanitize-recover=all> $<$<CXX_COMPILER_ID:GNU>:-fno-sanitize-recover=undefined>)
  target_link_options(natkit_flags INTERFACE -fsanitize=${NATKIT_SANITIZE})
  # GCC's optimiser sees null dereferences in the code that the sanitizers insert.
  target_compile_options(natkit_flags INTERFACE -Wno-null-dereference)
endif()
if(NATKIT_FUZZ)
  target_compile_options(natkit_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# natkit_room(NAME SOURCES … HEADERS … ROOMS … LIBRARIES …): one room of lib/natkit is one static library, natkit::NAME.
# ROOMS are the rooms it includes (the table in scripts/check_rooms.py says which it may), LIBRARIES the outside ones.
function(natkit_room name)
  cmake_parse_arguments(room "" "" "SOURCES;HEADERS;ROOMS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  set(target natkit_${name})
  add_library(${target} STATIC)
  add_library(natkit::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON VERIFY_INTERFACE_HEADER_SETS ON)
  target_sources(${target}
    PRIVATE ${room_SOURCES}
    PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/lib FILES ${room_HEADERS})
  target_compile_features(${target} PUBLIC cxx_std_23)
  list(TRANSFORM room_ROOMS PREPEND natkit::)
  target_link_libraries(${target}
    PUBLIC ${room_ROOMS} ${room_LIBRARIES} PRIVATE ${room_PRIVATE_LIBRARIES} $<BUILD_INTERFACE:natkit_flags>)
  set_property(GLOBAL APPEND PROPERTY NATKIT_ROOMS ${target})
endfunction()

# natkit_app(NAME SOURCES … ROOMS …): one tool.
function(natkit_app name)
  cmake_parse_arguments(app "" "" "SOURCES;ROOMS" ${ARGN})
  add_executable(${name} ${app_SOURCES})
  list(TRANSFORM app_ROOMS PREPEND natkit::)
  target_link_libraries(${name} PRIVATE ${app_ROOMS} natkit_flags)
  target_compile_definitions(${name} PRIVATE NATKIT_VERSION="${PROJECT_VERSION}")
  install(TARGETS ${name} RUNTIME COMPONENT tools)
endfunction()

# natkit_test(ROOM SOURCES … ROOMS …): the tests of one room are one executable; every TEST_CASE is a CTest test.
function(natkit_test room)
  cmake_parse_arguments(test "" "" "SOURCES;ROOMS" ${ARGN})
  set(target test_${room})
  add_executable(${target} ${test_SOURCES})
  list(TRANSFORM test_ROOMS PREPEND natkit::)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE natkit::${room} ${test_ROOMS} Catch2::Catch2WithMain natkit_flags)
  catch_discover_tests(${target} TEST_PREFIX "${room}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()
