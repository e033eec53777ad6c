# Imported targets: sluice::arrow sluice::parquet sluice::arrow_compute sluice::duckdb
# sluice::rdkafka sluice::simdjson; from Debian sluice::pcre2, sluice::libpq, yaml-cpp, CLI11::CLI11, spdlog::spdlog,
# nlohmann_json::nlohmann_json, prometheus-cpp::core, prometheus-cpp::pull, CURL::libcurl,
# OpenSSL::SSL, ZLIB::ZLIB.
#
# The pinned ones lie in the cache that ./dev deps fills; -DSLUICE_<NAME>_ROOT=FOLDER overrides one.

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(EXPAT REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core pull)
find_package(GTest REQUIRED)

file(GLOB recipes CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/scripts/deps/*.sh")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${recipes})
set(librdkafka librdkafka)
if(SLUICE_SANITIZE MATCHES "thread")
  set(librdkafka librdkafka_tsan)
endif()
execute_process(
  COMMAND "${PROJECT_SOURCE_DIR}/scripts/deps.sh" --where arrow duckdb ${librdkafka} simdjson
          grok_patterns
  OUTPUT_VARIABLE where OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" where "${where}")

# Sets ROOT to the folder of dependency NAME, which must exist and have a folder include, or the
# one named by a third argument.
function(sluice_dependency NAME ROOT)
  string(TOUPPER "SLUICE_${NAME}_ROOT" override)
  set(folder "${${override}}")
  if(NOT folder)
    set(folder "${where}")
    list(FILTER folder INCLUDE REGEX "^${NAME}=")
    string(REPLACE "${NAME}=" "" folder "${folder}")
  endif()
  set(holds include)
  if(ARGC GREATER 2)
    set(holds "${ARGV2}")
  endif()
  if(NOT IS_DIRECTORY "${folder}/${holds}")
    message(FATAL_ERROR "${NAME} is not in ${folder}. Run ./dev deps, or set -D${override}=FOLDER.")
  endif()
  set(${ROOT} "${folder}" PARENT_SCOPE)
endfunction()

# Arrow and Parquet. The wheel's libparquet exports OpenSSL's symbols: whoever loads first wins, so
# the real libssl and libcrypto go in front of every object and library, used or not.
option(SLUICE_SYSTEM_ARROW "Take an installed Arrow 26 or later if there is one" ON)
if(SLUICE_SYSTEM_ARROW AND NOT SLUICE_ARROW_ROOT)
  find_package(Arrow 26 CONFIG QUIET)
  find_package(Parquet 26 CONFIG QUIET)
endif()
foreach(lib IN ITEMS arrow parquet arrow_compute)
  add_library(sluice_${lib} INTERFACE)
  add_library(sluice::${lib} ALIAS sluice_${lib})
endforeach()
if(Arrow_FOUND AND Parquet_FOUND)
  target_link_libraries(sluice_arrow INTERFACE Arrow::arrow_shared)
  target_link_libraries(sluice_parquet INTERFACE sluice::arrow Parquet::parquet_shared)
  target_link_libraries(sluice_arrow_compute INTERFACE sluice::arrow)
else()
  sluice_dependency(arrow root)
  foreach(lib IN ITEMS arrow parquet arrow_compute)
    file(GLOB soname "${root}/lib/lib${lib}.so.*")
    add_library(${lib}_wheel SHARED IMPORTED GLOBAL)
    set_target_properties(${lib}_wheel PROPERTIES IMPORTED_LOCATION "${soname}"
                          INTERFACE_INCLUDE_DIRECTORIES "${root}/include")
    target_link_libraries(sluice_${lib} INTERFACE ${lib}_wheel)
  endforeach()
  target_link_options(sluice_arrow INTERFACE
                      LINKER:--push-state,--no-as-needed,-lssl,-lcrypto,--pop-state)
  target_link_libraries(sluice_parquet INTERFACE sluice::arrow)
  target_link_libraries(sluice_arrow_compute INTERFACE sluice::arrow)
endif()

# DuckDB: archives that refer to each other, their symbols kept inside our binary.
sluice_dependency(duckdb root)
file(GLOB archives "${root}/lib/*.a")
list(JOIN archives "," archives)
add_library(sluice_duckdb INTERFACE)
add_library(sluice::duckdb ALIAS sluice_duckdb)
target_include_directories(sluice_duckdb SYSTEM INTERFACE "${root}/include")
target_compile_definitions(sluice_duckdb INTERFACE DUCKDB_STATIC_BUILD)
target_link_options(sluice_duckdb INTERFACE LINKER:--exclude-libs,ALL)
target_link_libraries(sluice_duckdb INTERFACE "$<LINK_GROUP:RESCAN,${archives}>" Threads::Threads
                      ${CMAKE_DL_LIBS} m)

# librdkafka, with ThreadSanitizer an instrumented one; its headers are <librdkafka/rdkafka.h> and <librdkafka/rdkafka_mock.h>.
sluice_dependency(${librdkafka} root)
add_library(sluice_rdkafka STATIC IMPORTED GLOBAL)
add_library(sluice::rdkafka ALIAS sluice_rdkafka)
set_target_properties(sluice_rdkafka PROPERTIES IMPORTED_LOCATION "${root}/lib/librdkafka.a"
                      INTERFACE_INCLUDE_DIRECTORIES "${root}/include")
target_link_libraries(sluice_rdkafka INTERFACE CURL::libcurl sasl2 OpenSSL::SSL OpenSSL::Crypto
                      zstd lz4 ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS} m)

# simdjson, ours and hidden: libparquet exports another version under the same names.
sluice_dependency(simdjson root)
add_library(sluice_simdjson STATIC IMPORTED GLOBAL)
add_library(sluice::simdjson ALIAS sluice_simdjson)
set_target_properties(sluice_simdjson PROPERTIES IMPORTED_LOCATION "${root}/lib/libsimdjson.a"
                      INTERFACE_INCLUDE_DIRECTORIES "${root}/include")

# libpq for tables in PostgreSQL.
find_path(SLUICE_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(SLUICE_LIBPQ_LIBRARY pq REQUIRED)
add_library(sluice_libpq UNKNOWN IMPORTED GLOBAL)
add_library(sluice::libpq ALIAS sluice_libpq)
set_target_properties(sluice_libpq PROPERTIES IMPORTED_LOCATION "${SLUICE_LIBPQ_LIBRARY}"
                      INTERFACE_INCLUDE_DIRECTORIES "${SLUICE_LIBPQ_INCLUDE}")

# PCRE2 for grok; and the patterns, as text that src/decode/grok turns into a source file.
find_path(SLUICE_PCRE2_INCLUDE pcre2.h REQUIRED)
find_library(SLUICE_PCRE2_LIBRARY pcre2-8 REQUIRED)
add_library(sluice_pcre2 UNKNOWN IMPORTED GLOBAL)
add_library(sluice::pcre2 ALIAS sluice_pcre2)
set_target_properties(sluice_pcre2 PROPERTIES IMPORTED_LOCATION "${SLUICE_PCRE2_LIBRARY}"
                      INTERFACE_INCLUDE_DIRECTORIES "${SLUICE_PCRE2_INCLUDE}"
                      INTERFACE_COMPILE_DEFINITIONS PCRE2_CODE_UNIT_WIDTH=8)
sluice_dependency(grok_patterns SLUICE_GROK_PATTERNS patterns)
