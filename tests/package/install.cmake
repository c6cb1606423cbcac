# cmake -D build=DIR -D scratch=DIR -D libdir=DIR -P install.cmake: install into scratch/prefix, then look what is there.
set(prefix ${scratch}/prefix)
# The strangers start afresh as well: CMake keeps what pkg-config once told it.
file(REMOVE_RECURSE ${prefix} ${scratch}/find_package ${scratch}/pkg_config ${scratch}/add_subdirectory)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} --prefix ${prefix} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
foreach(file
    include/natkit/base/endpoint.hpp ${libdir}/libnatkit_base.a ${libdir}/cmake/natkit/natkit-config.cmake
    ${libdir}/pkgconfig/natkit.pc share/man/man7/natkit.7 share/doc/natkit/LICENSE
    bin/nat-probe bin/upnp-map bin/punch bin/meshctl bin/rendezvousd bin/natlab libexec/natkit/natlab_router
    share/man/man1/nat-probe.1 share/man/man1/upnp-map.1 share/man/man1/punch.1 share/man/man1/meshctl.1
    share/bash-completion/completions/nat-probe share/zsh/vendor-completions/_nat-probe
    share/fish/vendor_completions.d/nat-probe.fish)
  if(NOT EXISTS ${prefix}/${file})
    message(SEND_ERROR "${file} was not installed")
  endif()
endforeach()
# An installed script must find its modules without the source tree.
execute_process(COMMAND ${prefix}/bin/natlab types OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
