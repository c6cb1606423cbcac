# The flags of every target of ours, on one INTERFACE target. They are linked privately: nobody who uses the library
# inherits our warnings.
add_library(natkit_flags INTERFACE)
target_compile_features(natkit_flags INTERFACE cxx_std_23)

# Warnings.
target_compile_options(natkit_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wformat=2 -Wimplicit-fallthrough
  $<$<BOOL:${NATKIT_DEV}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(natkit_flags INTERFACE -Wno-restrict) # sees overlaps inside std::string (GCC bug 105651)
endif()

# Hardening. These programs read datagrams from strangers: what slips past the bounds checks must stop, not go on.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(natkit_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_compile_options(natkit_flags INTERFACE -fstack-protector-strong)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT NATKIT_SANITIZE AND NOT NATKIT_FUZZ)
  # _FORTIFY_SOURCE does nothing without optimisation but warn; Ubuntu's compiler defines a value of its own.
  target_compile_options(natkit_flags INTERFACE
    -fstack-clash-protection $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
    target_compile_options(natkit_flags INTERFACE -fcf-protection=full)
  endif()
  target_link_options(natkit_flags INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()

# Sanitizers. A finding ends the program, so that a test cannot pass over it.
if(NATKIT_SANITIZE)
  target_compile_options(natkit_flags INTERFACE
    -fsanitize=${NATKIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(natkit_flags INTERFACE -fsanitize=${NATKIT_SANITIZE})
endif()
if(NATKIT_FUZZ)
  target_compile_options(natkit_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
