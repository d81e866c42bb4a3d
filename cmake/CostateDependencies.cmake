# Packages of Debian 12 and 13, found on the system; nothing is downloaded at configure time.
# What a static library passes on to its users is repeated in CostateConfig.cmake.in.
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(hwy REQUIRED CONFIG)
find_package(ZLIB REQUIRED)
# libzip's own CMake package wants its command-line tools installed, too.
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip>=1.7)
# Without it MATLAB's files are refused, in a sentence that says so.
pkg_check_modules(matio IMPORTED_TARGET matio>=1.5)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(tomlplusplus 3.3 REQUIRED)
find_package(date 3.0 REQUIRED CONFIG)
