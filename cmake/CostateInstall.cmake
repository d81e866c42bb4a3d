# `cmake --install` and find_package(Costate) or pkg-config. Headers in internal/ and the kernels stay here. The components become
# the Debian packages of CostatePackage.cmake.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Costate")

install(TARGETS costate EXPORT CostateTargets COMPONENT library)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/costate" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT library
  FILES_MATCHING PATTERN "*.h" PATTERN "*.def"
  PATTERN "internal" EXCLUDE
  PATTERN "kernels" EXCLUDE)
install(EXPORT CostateTargets NAMESPACE Costate:: DESTINATION "${package_dir}" COMPONENT library)

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/CostateConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/CostateConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/CostateConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/CostateConfig.cmake" "${PROJECT_BINARY_DIR}/CostateConfigVersion.cmake"
  DESTINATION "${package_dir}" COMPONENT library)

# A static library leaves its own libraries to its user; a shared one brings them.
set(requires_of_pc "Requires")
if(BUILD_SHARED_LIBS)
  set(requires_of_pc "Requires.private")
endif()
set(packages_of_pc "tbb libhwy zlib libzip tomlplusplus")
if(matio_FOUND)
  string(APPEND packages_of_pc " matio")
endif()
file(RELATIVE_PATH prefix_from_pc "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/costate.pc.in" "${PROJECT_BINARY_DIR}/costate.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/costate.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT library)
