# What `cmake --install` puts where: tools, static libraries, headers, CMake package, pkg-config file, manual pages and
# completions; and the Debian package made of the same.
include(CMakePackageConfigHelpers)

get_property(NATKIT_ROOMS GLOBAL PROPERTY NATKIT_ROOMS)
list(TRANSFORM NATKIT_ROOMS PREPEND natkit_ OUTPUT_VARIABLE natkit_targets)
set(natkit_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/natkit)

install(TARGETS ${natkit_targets} EXPORT natkit-targets
  ARCHIVE COMPONENT development
  FILE_SET HEADERS COMPONENT development)
install(EXPORT natkit-targets NAMESPACE natkit:: DESTINATION ${natkit_package_dir} COMPONENT development)

# find_package(natkit): each room brings only the outside packages that it needs itself.
set(NATKIT_PACKAGES_BY_ROOM "")
foreach(room IN LISTS NATKIT_ROOMS)
  get_property(packages GLOBAL PROPERTY NATKIT_PACKAGES_OF_${room})
  list(TRANSFORM packages REPLACE "^asio$" "Asio")
  list(TRANSFORM packages REPLACE "^miniupnpc$" "Miniupnpc")
  list(JOIN packages " " packages)
  string(APPEND NATKIT_PACKAGES_BY_ROOM "set(_natkit_packages_of_${room} ${packages})\n")
endforeach()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/natkit-config.cmake.in ${PROJECT_BINARY_DIR}/natkit-config.cmake
  INSTALL_DESTINATION ${natkit_package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/natkit-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/natkit-config.cmake ${PROJECT_BINARY_DIR}/natkit-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindAsio.cmake ${CMAKE_CURRENT_LIST_DIR}/FindMicrohttpd.cmake ${CMAKE_CURRENT_LIST_DIR}/FindMiniupnpc.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindUsrsctp.cmake
  DESTINATION ${natkit_package_dir} COMPONENT development)

# pkg-config: the archives in the order a linker wants them, users before what they use.
file(RELATIVE_PATH NATKIT_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # the tree may be moved after installing
set(NATKIT_PC_LIBRARIES "")
foreach(room IN LISTS NATKIT_ROOMS)
  string(PREPEND NATKIT_PC_LIBRARIES " -lnatkit_${room}")
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/natkit.pc.in ${PROJECT_BINARY_DIR}/natkit.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/natkit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# The lab: a script, its modules, and the router that it starts. natlab finds them relative to itself.
install(PROGRAMS ${PROJECT_SOURCE_DIR}/scripts/natlab DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/scripts/natlab_lib DESTINATION ${CMAKE_INSTALL_DATADIR}/natkit COMPONENT tools
  FILES_MATCHING PATTERN *.py)
if(TARGET natlab_router)
  install(TARGETS natlab_router RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/natkit COMPONENT tools)
endif()

# Manual pages and completions for bash are written by hand, those for zsh and fish out of --help; tests hold all against it.
foreach(section 1 7)
  file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT tools)
endforeach()
file(GLOB completions CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/scripts/completions/*.bash)
foreach(completion IN LISTS completions)
  cmake_path(GET completion STEM tool)
  install(FILES ${completion} RENAME ${tool} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT tools)
  set(of_tool ${PROJECT_SOURCE_DIR}/scripts/completions/${tool})
  install(FILES ${of_tool}.zsh RENAME _${tool} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT tools)
  install(FILES ${of_tool}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT tools)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT tools)

# cpack: one Debian package, its dependencies read from the binaries.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME natkit)
set(CPACK_PACKAGE_CONTACT "the natkit authors")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "nftables, iproute2, python3")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
include(CPack)
