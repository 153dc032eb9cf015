# Options, language level, warnings and sanitizers, as two interface targets that only our own code links.

option(ATHANOR_BUILD_TESTS "Build the tests" ON)
option(ATHANOR_BUILD_BENCH "Build the benchmarks" OFF)
option(ATHANOR_WERROR "Treat warnings as errors (presets switch it on; packagers leave it off)" OFF)
set(ATHANOR_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")
option(ATHANOR_FUZZ "Build the fuzz targets with libFuzzer (needs clang)" OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
include(GNUInstallDirs)

# Paths inside the project don't count for the cache, so that every checkout shares what another built.
find_program(ATHANOR_CCACHE ccache)
if(ATHANOR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${ATHANOR_CCACHE})
endif()

add_library(athanor_settings INTERFACE)
target_include_directories(athanor_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(athanor_settings INTERFACE Threads::Threads)
target_compile_options(athanor_settings INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(athanor_settings INTERFACE _GLIBCXX_ASSERTIONS)
else()
  target_compile_options(athanor_settings INTERFACE -fstack-protector-strong)
  if(NOT ATHANOR_SANITIZE)
    target_compile_definitions(athanor_settings INTERFACE _FORTIFY_SOURCE=2)
  endif()
endif()

if(ATHANOR_SANITIZE)
  set(sanitize -fsanitize=${ATHANOR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(athanor_settings INTERFACE ${sanitize})
  target_link_options(athanor_settings INTERFACE ${sanitize})
endif()
if(ATHANOR_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "ATHANOR_FUZZ needs clang (use the preset 'fuzz')")
  endif()
  target_compile_options(athanor_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(athanor_warnings INTERFACE)
target_compile_options(athanor_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wold-style-cast -Wformat=2 -Wimplicit-fallthrough
  -Wdouble-promotion -Wextra-semi -Wundef -Wunused -Wswitch-enum
  $<$<BOOL:${ATHANOR_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(athanor_warnings INTERFACE
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wuseless-cast -Wsuggest-override
    -Wzero-as-null-pointer-constant)
  # At -O3 version 12 sees overlapping copies where a string is appended to a literal (its bug
  # 105651); at -O1 or instrumented it takes moved strings and std::function for uninitialised.
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(athanor_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
  endif()
else()
  target_compile_options(athanor_warnings INTERFACE -Wunreachable-code -Wextra-semi-stmt)
endif()
