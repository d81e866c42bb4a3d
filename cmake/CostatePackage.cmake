# `cpack`: two Debian packages, `costate` with the command line, its man pages and completion, and `libcostate-dev` with the library.
# tools/package.sh makes them the same to the byte wherever and whenever it runs.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The Costate maintainers <maintainers@costate.invalid>")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_PACKAGING_INSTALL_PREFIX "/usr")
set(CPACK_COMPONENTS_ALL command library)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
string(CONCAT about "Models with continuous time: fits of neural ordinary differential\n"
  "equations to time series, their forecasts and exports, and solvers with\n" "exact gradients.")

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME costate)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMMAND_PACKAGE_RECOMMENDS gnuplot-nox)
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "${about}\nThis package is the command line.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libcostate-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS
  "libtbb-dev, libhwy-dev, zlib1g-dev, libzip-dev, libtomlplusplus-dev, pkgconf | pkg-config")
if(matio_FOUND)
  string(APPEND CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS ", libmatio-dev")
endif()
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "${about}\nThis package is the C++ library and its headers.")

set(copyright "${CMAKE_CURRENT_LIST_DIR}/copyright")
find_program(GZIP gzip REQUIRED)
set(changelog "${PROJECT_BINARY_DIR}/changelog.gz")
add_custom_command(OUTPUT "${changelog}" DEPENDS "${PROJECT_SOURCE_DIR}/CHANGELOG.md" VERBATIM
  COMMAND "${GZIP}" -9nc "${PROJECT_SOURCE_DIR}/CHANGELOG.md" > "${changelog}")
add_custom_target(costate_changelog ALL DEPENDS "${changelog}")
foreach(package IN ITEMS command:costate library:libcostate-dev)
  string(REPLACE ":" ";" package "${package}")
  list(GET package 0 component)
  list(GET package 1 name)
  install(FILES "${copyright}" "${changelog}" DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${name}" COMPONENT ${component})
endforeach()
# What the command line is made of (tools/sbom.py), where that was written.
install(FILES "${PROJECT_BINARY_DIR}/costate.spdx.json" DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/costate" COMPONENT command OPTIONAL)

include(CPack)
