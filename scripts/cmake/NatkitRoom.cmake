# How a target of natkit is declared.

# natkit_room(NAME SOURCES … HEADERS … ROOMS … PRIVATE_ROOMS … LIBRARIES … PRIVATE_LIBRARIES …)
# One room of lib/natkit is one static library, natkit::NAME. ROOMS are the rooms and LIBRARIES the outside libraries
# that its headers include, the PRIVATE_… ones those that only its sources do. scripts/check_rooms.py says which it may.
function(natkit_room name)
  cmake_parse_arguments(room "" "" "SOURCES;HEADERS;ROOMS;PRIVATE_ROOMS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  set(target natkit_${name})
  add_library(${target} STATIC)
  add_library(natkit::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} CXX_EXTENSIONS OFF VERIFY_INTERFACE_HEADER_SETS ON)
  target_sources(${target}
    PRIVATE ${room_SOURCES}
    PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/lib FILES ${room_HEADERS})
  target_compile_features(${target} PUBLIC cxx_std_23)
  list(TRANSFORM room_ROOMS PREPEND natkit:: OUTPUT_VARIABLE rooms)
  list(TRANSFORM room_PRIVATE_ROOMS PREPEND natkit:: OUTPUT_VARIABLE private_rooms)
  target_link_libraries(${target}
    PUBLIC ${rooms} ${room_LIBRARIES}
    PRIVATE ${private_rooms} ${room_PRIVATE_LIBRARIES} $<BUILD_INTERFACE:natkit_flags>)

  # For the installed package: which rooms there are, and what a program that links one of them has to find first.
  set(packages ${room_LIBRARIES} ${room_PRIVATE_LIBRARIES})
  list(TRANSFORM packages REPLACE "::.*" "")
  foreach(other IN LISTS room_ROOMS room_PRIVATE_ROOMS)
    get_property(theirs GLOBAL PROPERTY NATKIT_PACKAGES_OF_${other})
    list(APPEND packages ${theirs})
  endforeach()
  list(REMOVE_DUPLICATES packages)
  set_property(GLOBAL PROPERTY NATKIT_PACKAGES_OF_${name} ${packages})
  set_property(GLOBAL APPEND PROPERTY NATKIT_ROOMS ${name})
endfunction()

# natkit_app(NAME SOURCES … ROOMS …): one tool, in bin/ of the build tree.
function(natkit_app name)
  cmake_parse_arguments(app "" "" "SOURCES;ROOMS" ${ARGN})
  add_executable(${name} ${app_SOURCES})
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  list(TRANSFORM app_ROOMS PREPEND natkit::)
  target_link_libraries(${name} PRIVATE ${app_ROOMS} natkit_flags)
  # The loader looks thousands of C++ symbols up at every start; that took longer than mapping a port does. Libraries
  # that nothing in this tool refers to are not loaded.
  if(NOT NATKIT_SANITIZE)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:natkit_fmt>)
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc LINKER:--as-needed)
  endif()
  target_compile_definitions(${name} PRIVATE NATKIT_VERSION="${PROJECT_VERSION}")
  if(NATKIT_INSTALL)
    install(TARGETS ${name} RUNTIME COMPONENT tools)
  endif()
endfunction()

# natkit_test(ROOM SOURCES … ROOMS …): the tests of one room are one executable; every TEST_CASE is a CTest test.
function(natkit_test room)
  cmake_parse_arguments(test "" "" "SOURCES;ROOMS" ${ARGN})
  set(target test_${room})
  add_executable(${target} ${test_SOURCES})
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  list(TRANSFORM test_ROOMS PREPEND natkit::)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE natkit::${room} ${test_ROOMS} Catch2::Catch2WithMain natkit_flags)
  catch_discover_tests(${target} TEST_PREFIX "${room}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()
