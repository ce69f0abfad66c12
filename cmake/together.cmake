# All presets but `debug` compile up to eight files of a folder as one, as much of the time goes into what all of them instantiate:
# the two programs take half the compiler's time.
# So a folder's files do not give one name to two things. Those that do, or want other flags, are ALONE.

# shardplex_together(TARGET [ALONE file.cpp...]): in the CMakeLists.txt that makes the target, behind it.
function(shardplex_together target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ALONE")
  if(NOT SHARDPLEX_TOGETHER)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    if(source IN_LIST arg_ALONE)
      continue()
    endif()
    get_filename_component(folder ${source} DIRECTORY)
    string(MAKE_C_IDENTIFIER "in_${folder}" folder)
    math(EXPR number "${${folder}} + 0")
    math(EXPR ${folder} "${number} + 1")
    math(EXPR group "${number} / 8")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${group})
  endforeach()
endfunction()
