# One CMake target per stage folder. A stage names the stages it may include; what it does not name it cannot link,
# and tools/check_layers.py holds the #include lines to the same table.

add_library(costate_warnings INTERFACE)
target_compile_options(costate_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion)
# GCC 12 warns falsely inside std::string at -O3 (GCC bug 105651).
target_compile_options(costate_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# Fused multiply-adds where the code says so, and nowhere else: bits must not hang on what a compiler merges.
target_compile_options(costate_warnings INTERFACE -ffp-contract=off)
# Messages name source files as they stand in the repository, not on the machine that built them.
target_compile_options(costate_warnings INTERFACE "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
if(COSTATE_SANITIZE)
  add_compile_options(-fsanitize=${COSTATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # These four make compiling a third slower, and what they find ends in an error of AddressSanitizer as well.
  add_compile_options(-fno-sanitize=null,alignment,object-size,vptr)
  # Kernels for this machine alone: sanitized ones take long to compile, and all instruction sets give the same bits.
  add_compile_options(-march=native)
  add_compile_definitions(HWY_COMPILE_ONLY_STATIC)
  # GCC 12 warns falsely of its own AVX-512 headers (GCC bug 105593), which native kernels include.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${COSTATE_SANITIZE})
endif()

# costate_door(TARGET): a program that only calls the library, or a stage that only prepares, traces, builds and writes: the numbers of a
# fit are made by the stages below. Its own code takes a third less time to compile so, and no time that counts to run; no bit depends on it.
function(costate_door target)
  if(COSTATE_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
endfunction()

# costate_joined(TARGET COUNT): so many of its sources in one translation unit. They parse their headers once, which is most of what
# their compilation takes; names of their anonymous namespaces must differ. Kernels that Highway compiles for each instruction set stay alone.
function(costate_joined target count)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${COSTATE_JOIN_SOURCES} UNITY_BUILD_BATCH_SIZE ${count})
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    file(STRINGS "${source}" kernels REGEX "foreach_target\\.h" LIMIT_COUNT 1)
    if(kernels)
      set_source_files_properties("${source}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endforeach()
endfunction()

# costate_stage(NAME [STAGES stage…] [LINK library…] [PRIVATE_LINK library…])
# Every .cpp of the folder belongs to the stage; headers stand beside them. LINK is for what headers show.
# Stages after COSTATE_LAST_STAGE are left out.
function(costate_stage name)
  if(COSTATE_LAST_STAGE AND TARGET costate_${COSTATE_LAST_STAGE})
    return()
  endif()
  cmake_parse_arguments(arg "" "" "STAGES;LINK;PRIVATE_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  if(NOT sources)
    add_library(costate_${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(costate_${name} OBJECT ${sources})
    set(scope PUBLIC)
    costate_joined(costate_${name} 32)
    target_link_libraries(costate_${name} PRIVATE $<BUILD_INTERFACE:costate_warnings> ${arg_PRIVATE_LINK})
    set_property(GLOBAL APPEND PROPERTY COSTATE_STAGE_OBJECTS costate_${name})
    set_property(GLOBAL APPEND PROPERTY COSTATE_PUBLIC_LINK ${arg_LINK})
    set_property(GLOBAL APPEND PROPERTY COSTATE_PRIVATE_LINK ${arg_PRIVATE_LINK})
  endif()
  target_include_directories(costate_${name} ${scope} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  foreach(stage IN LISTS arg_STAGES)
    target_link_libraries(costate_${name} ${scope} costate_${stage})
  endforeach()
  target_link_libraries(costate_${name} ${scope} ${arg_LINK})
endfunction()

# Puts the objects of all stages into one library, the only one that is installed, and links what they need.
function(costate_gather_stages library)
  get_property(objects GLOBAL PROPERTY COSTATE_STAGE_OBJECTS)
  get_property(public_link GLOBAL PROPERTY COSTATE_PUBLIC_LINK)
  get_property(private_link GLOBAL PROPERTY COSTATE_PRIVATE_LINK)
  list(REMOVE_DUPLICATES public_link)
  list(REMOVE_DUPLICATES private_link)
  foreach(stage IN LISTS objects)
    target_sources(${library} PRIVATE $<TARGET_OBJECTS:${stage}>)
  endforeach()
  target_link_libraries(${library} PUBLIC ${public_link} PRIVATE ${private_link})
endfunction()
