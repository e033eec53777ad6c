# How rooms, programs, tests and fuzz targets are declared.
#
#   sluice_library(NAME core SRCS error.cc ... DEPS record sluice::arrow ...)
#   sluice_program(NAME sluice SRCS main.cc DEPS cli ...)
#   sluice_test(NAME core SRCS error_test.cc ... DEPS core ... [LABELS threads])
#   sluice_fuzz(NAME json_decoder SRCS json_decoder_fuzz.cc DEPS decode ...)
#
# In DEPS a room goes by its NAME, in any order of declaration; everything else by its target.

include(GoogleTest)

# The tests that the tsan preset runs, and nothing else.
add_custom_target(thread_tests)

# Links TARGET with DEPS; a room's name stands for its library.
function(sluice_link TARGET SCOPE)
  foreach(dep IN LISTS ARGN)
    if(NOT dep MATCHES "::")
      set(dep "$<IF:$<TARGET_EXISTS:sluice_${dep}>,sluice_${dep},${dep}>")
    endif()
    target_link_libraries(${TARGET} ${SCOPE} "${dep}")
  endforeach()
endfunction()

# A room: static library sluice_NAME, alias sluice::NAME; without SRCS headers only.
function(sluice_library)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS")
  if(ARG_SRCS)
    add_library(sluice_${ARG_NAME} STATIC ${ARG_SRCS})
    set(scope PUBLIC)
  else()
    add_library(sluice_${ARG_NAME} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(sluice::${ARG_NAME} ALIAS sluice_${ARG_NAME})
  target_include_directories(sluice_${ARG_NAME} ${scope} "${PROJECT_SOURCE_DIR}/src")
  # Fuzzing builds only the rooms that a fuzz target links.
  set_target_properties(sluice_${ARG_NAME} PROPERTIES EXCLUDE_FROM_ALL "${SLUICE_FUZZ}")
  sluice_link(sluice_${ARG_NAME} ${scope} ${ARG_DEPS})
endfunction()

# A program in build/<preset>/bin.
function(sluice_program)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS")
  add_executable(${ARG_NAME} ${ARG_SRCS})
  set_target_properties(${ARG_NAME} PROPERTIES EXCLUDE_FROM_ALL "${SLUICE_FUZZ}")
  target_include_directories(${ARG_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  sluice_link(${ARG_NAME} PRIVATE ${ARG_DEPS})
endfunction()

# Program NAME_test; each of its GoogleTest tests is a ctest test that starts in the source folder.
# Sanitized programs take a second to start, so there the whole program is one ctest test. The label
# threads marks what the tsan preset runs. The fuzz preset has no tests.
function(sluice_test)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS;LABELS")
  if(SLUICE_FUZZ)
    return()
  endif()
  add_executable(${ARG_NAME}_test ${ARG_SRCS})
  target_include_directories(${ARG_NAME}_test PRIVATE "${PROJECT_SOURCE_DIR}/src")
  sluice_link(${ARG_NAME}_test PRIVATE ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(thread_tests ${ARG_NAME}_test)
  endif()
  if(ARG_LABELS)
    set(labels LABELS "${ARG_LABELS}")
  endif()
  if(SLUICE_SANITIZE)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME}_test WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT 1200 ${labels})
  else()
    gtest_discover_tests(${ARG_NAME}_test TEST_PREFIX "${ARG_NAME}." DISCOVERY_MODE PRE_TEST
                         DISCOVERY_TIMEOUT 60 WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
                         PROPERTIES TIMEOUT 300 ${labels})
  endif()
endfunction()

# Program NAME_fuzz with libFuzzer's main, in the fuzz preset only; in others there is none.
# A folder corpus/NAME beside the sources is its first input.
function(sluice_fuzz)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS")
  if(NOT SLUICE_FUZZ)
    return()
  endif()
  add_executable(${ARG_NAME}_fuzz ${ARG_SRCS})
  target_include_directories(${ARG_NAME}_fuzz PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_options(${ARG_NAME}_fuzz PRIVATE -fsanitize=fuzzer)
  sluice_link(${ARG_NAME}_fuzz PRIVATE ${ARG_DEPS})
  set(seeds "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${ARG_NAME}")
  if(IS_DIRECTORY "${seeds}")
    file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
    file(CREATE_LINK "${seeds}" "${PROJECT_BINARY_DIR}/bin/${ARG_NAME}_seeds" SYMBOLIC)
  endif()
endfunction()
