# Every third-party library, found once. Which module may use which stands in scripts/layers.txt.

find_package(PkgConfig REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 3.38 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(tomlplusplus REQUIRED)
pkg_check_modules(ZeroMQ REQUIRED IMPORTED_TARGET libzmq>=4.3.3)
pkg_check_modules(Zstd REQUIRED IMPORTED_TARGET libzstd>=1.5.0)
pkg_check_modules(Re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(Yaml REQUIRED IMPORTED_TARGET yaml-0.1)
find_path(CPPZMQ_INCLUDE_DIR zmq.hpp REQUIRED)
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
find_path(DIVSUFSORT_INCLUDE_DIR divsufsort.h REQUIRED)
find_library(DIVSUFSORT_LIBRARY divsufsort REQUIRED)

# Header-only msgpack needs to be told that Boost isn't wanted.
add_library(athanor_msgpack INTERFACE)
target_include_directories(athanor_msgpack SYSTEM INTERFACE ${MSGPACK_INCLUDE_DIR})
target_compile_definitions(athanor_msgpack INTERFACE MSGPACK_NO_BOOST)

add_library(athanor_divsufsort INTERFACE)
target_include_directories(athanor_divsufsort SYSTEM INTERFACE ${DIVSUFSORT_INCLUDE_DIR})
target_link_libraries(athanor_divsufsort INTERFACE ${DIVSUFSORT_LIBRARY})

# libbz2 is only what our own bzip2 codec is compared with.
if(ATHANOR_BUILD_TESTS OR ATHANOR_BUILD_BENCH)
  find_package(BZip2 REQUIRED)
endif()
if(ATHANOR_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(ATHANOR_BUILD_BENCH)
  find_package(benchmark 1.7 REQUIRED)
endif()

# libsolv with conda support: the system's if it has it, else what scripts/build-libsolv built. Without
# it everything but worker/solve is built, and workers refuse to solve.
find_package(simdjson 3.0 QUIET)
find_path(SOLV_INCLUDE_DIR solv/conda.h HINTS ${CMAKE_SOURCE_DIR}/build/libsolv/include)
find_library(SOLV_LIBRARY NAMES libsolv.a solv HINTS ${CMAKE_SOURCE_DIR}/build/libsolv/lib)
if(SOLV_INCLUDE_DIR)
  file(STRINGS ${SOLV_INCLUDE_DIR}/solv/solvversion.h SOLV_CONDA REGEX "#define LIBSOLV_FEATURE_CONDA")
endif()
if(simdjson_FOUND AND SOLV_LIBRARY AND SOLV_CONDA)
  add_library(athanor_libsolv INTERFACE)
  target_include_directories(athanor_libsolv SYSTEM INTERFACE ${SOLV_INCLUDE_DIR})
  # Solvable has a member named `requires`, which C++20 made a keyword.
  target_compile_definitions(athanor_libsolv INTERFACE LIBSOLV_SOLVABLE_PREPEND_DEP)
  target_link_libraries(athanor_libsolv INTERFACE ${SOLV_LIBRARY})
else()
  message(STATUS "No libsolv with conda support (scripts/build-libsolv) or no simdjson: worker/solve isn't built, workers refuse to solve")
endif()
