# Everything Shardplex links, all of it packaged by Debian 12 (scripts/setup installs it).

find_package(Boost 1.81 REQUIRED COMPONENTS json url program_options)
find_package(PostgreSQL 15 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(libpqxx REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(brotli REQUIRED IMPORTED_TARGET libbrotlienc libbrotlidec)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)

# Flags of every target of ours: warnings are errors, sanitizers by preset.
add_library(shardplex_flags INTERFACE)
target_include_directories(shardplex_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(shardplex_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wnon-virtual-dtor -Woverloaded-virtual $<$<CXX_COMPILER_ID:GNU>:-Werror>)
# Of clang only the targets of tests/fuzz are asked for: its warnings are not what the code is held to.
target_compile_options(shardplex_flags INTERFACE $<$<CXX_COMPILER_ID:Clang>:-w>)
target_compile_options(shardplex_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # ccache's need
# gcc 12 reports only false positives of these: inside the standard library and Boost, at -O2 and with sanitizers.
foreach(warning IN ITEMS maybe-uninitialized restrict array-bounds stringop-overflow stringop-overread mismatched-new-delete)
  target_compile_options(shardplex_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-${warning}>)
endforeach()
# A fast linker where there is one: the tests are some twenty programs.
find_program(MOLD mold)
if(MOLD)
  target_link_options(shardplex_flags INTERFACE -fuse-ld=mold)
endif()
if(SHARDPLEX_TOGETHER)
  # gcc looks for garbage among all that precompiled headers have brought; half a gigabyte of memory is cheaper.
  target_compile_options(shardplex_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=524288>)
  # It takes what a file has for itself for a header's, as the files are included into one.
  target_compile_options(shardplex_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
if(SHARDPLEX_SANITIZE)
  target_compile_options(shardplex_flags INTERFACE -fsanitize=${SHARDPLEX_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  target_link_options(shardplex_flags INTERFACE -fsanitize=${SHARDPLEX_SANITIZE})
  # What the sanitizers cannot see: an empty optional that is read, an element past a string's or a vector's end.
  target_compile_definitions(shardplex_flags INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# Asio and Beast, compiled once.
add_library(shardplex_asio STATIC ${PROJECT_SOURCE_DIR}/cmake/asio.cpp)
if(SHARDPLEX_SANITIZE MATCHES undefined)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/cmake/asio.cpp PROPERTIES COMPILE_OPTIONS -fno-sanitize=undefined)
endif()
target_compile_definitions(shardplex_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                           BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(shardplex_asio PUBLIC Boost::headers Threads::Threads OpenSSL::Crypto shardplex_flags)
