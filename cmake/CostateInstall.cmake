# `cmake --install` and find_package(Costate). Headers in internal/ and the kernels stay here.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Costate")

install(TARGETS costate EXPORT CostateTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/costate" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h" PATTERN "*.def"
  PATTERN "internal" EXCLUDE
  PATTERN "kernels" EXCLUDE)
install(EXPORT CostateTargets NAMESPACE Costate:: DESTINATION "${package_dir}")

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/CostateConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/CostateConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/CostateConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/CostateConfig.cmake" "${PROJECT_BINARY_DIR}/CostateConfigVersion.cmake"
  DESTINATION "${package_dir}")
