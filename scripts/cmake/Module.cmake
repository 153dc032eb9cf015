# A module is a folder, a static library `athanor::<module>` and a README.md. All .cpp files of the
# folder belong to it.
#
#   athanor_module(DEPENDS base os LIBRARIES CURL::libcurl)
#
# DEPENDS names modules of ours (shared/base is `base`, coordinator/cli is `coordinator_cli`),
# LIBRARIES third-party targets, which stay private to the module.

function(athanor_module_target folder result)
  string(REGEX REPLACE "^shared/" "" name ${folder})
  string(REPLACE "/" "_" name ${name})
  set(${result} ${name} PARENT_SCOPE)
endfunction()

function(athanor_module)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;PUBLIC_LIBRARIES" ${ARGN})
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  athanor_module_target(${folder} name)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_library(athanor_${name} STATIC ${sources})
  add_library(athanor::${name} ALIAS athanor_${name})
  list(TRANSFORM ARG_DEPENDS PREPEND athanor::)
  target_link_libraries(athanor_${name}
    PUBLIC athanor_settings ${ARG_DEPENDS} ${ARG_PUBLIC_LIBRARIES}
    PRIVATE athanor_warnings ${ARG_LIBRARIES})
endfunction()
