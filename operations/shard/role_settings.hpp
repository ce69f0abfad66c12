// What the settings that a role may have (ALTER ROLE … SET) are about. Pure.
#pragma once

#include <string>

namespace shardplex::operations {

/// The setting decides how fast a statement is worked out, how long it may take or what is logged of it, and
/// not what it answers or stores, nor how safely.
bool only_tunes(const std::string& setting);

/// The setting is one of PostgreSQL's own whose value may be shown to anybody.
bool holds_no_secret(const std::string& setting);

}  // namespace shardplex::operations
