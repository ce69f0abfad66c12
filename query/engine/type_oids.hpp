// The oids of PostgreSQL's built-in types. They never change (pg_type.dat).
#pragma once

#include <cstdint>

namespace shardplex {

enum TypeOid : std::uint32_t {
  bool_oid = 16,
  bytea_oid = 17,
  name_oid = 19,
  int8_oid = 20,
  int2_oid = 21,
  int4_oid = 23,
  text_oid = 25,
  oid_oid = 26,
  json_oid = 114,
  json_array_oid = 199,
  float4_oid = 700,
  float8_oid = 701,
  bool_array_oid = 1000,
  int2_array_oid = 1005,
  int4_array_oid = 1007,
  text_array_oid = 1009,
  bpchar_array_oid = 1014,
  varchar_array_oid = 1015,
  int8_array_oid = 1016,
  float4_array_oid = 1021,
  float8_array_oid = 1022,
  bpchar_oid = 1042,
  varchar_oid = 1043,
  date_oid = 1082,
  time_oid = 1083,
  timestamp_oid = 1114,
  timestamp_array_oid = 1115,
  date_array_oid = 1182,
  timestamptz_oid = 1184,
  timestamptz_array_oid = 1185,
  interval_oid = 1186,
  numeric_array_oid = 1231,
  timetz_oid = 1266,
  numeric_oid = 1700,
  uuid_oid = 2950,
  uuid_array_oid = 2951,
  jsonb_oid = 3802,
  jsonb_array_oid = 3807,
  first_user_oid = 16384,
};

}  // namespace shardplex
